import { createHmac } from 'node:crypto'

/**
 * How this wire format signs what it posts: HMAC-SHA256 over the body and the timestamp, as lower-case hex, one for
 * each secret. Outside fact: the vendor's guide to securing webhooks. Its printed verifier subtracts the timestamp from
 * a local time without zone, so ours is UTC without an offset.
 */
export function signedHeaders(body: string, secrets: readonly string[], sentAt: Date): Record<string, string> {
  const timestamp = `${sentAt.toISOString().slice(0, -1)}000`
  const signatures = secrets.map((secret) => createHmac('sha256', secret).update(body).update(timestamp).digest('hex'))
  return {
    'content-type': 'application/json',
    'x-ultravox-webhook-timestamp': timestamp,
    'x-ultravox-webhook-signature': signatures.join(','),
  }
}
