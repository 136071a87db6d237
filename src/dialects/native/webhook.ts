import { createHmac, randomBytes } from 'node:crypto'
import { EVENT_KINDS, type EventKind } from '../../model/event-kind.ts'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { encodeEvent } from './encode.ts'

const SECRET_PREFIX = 'whsec_'
const SECRET_BYTES = 32
/** What the specification allows: 24 to 64 bytes in base64. */
const SECRET_BYTES_MIN = 24
const SECRET_BYTES_MAX = 64

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/**
 * Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md): the id of
 * the event, the second in which it is sent, and HMAC-SHA256 over `id.second.body` for each valid secret. The body is
 * the entry of the event log, as `GET /carillon/v1/events` shows it.
 */
export const standardWebhook: WebhookForm = {
  name: 'standard',
  kinds: Object.keys(EVENT_KINDS) as EventKind[],
  needs: 'event',
  // The schedule that the specification recommends.
  retryDelaysMs: [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
  makeSecret: () => SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64'),
  problemOfSecret(secret) {
    const key = keyOf(secret)
    if (key !== null && key.length >= SECRET_BYTES_MIN && key.length <= SECRET_BYTES_MAX) return null
    return `must be ${SECRET_PREFIX} and then ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} random bytes in base64`
  },
  encode,
}

function encode({ event, secrets, sentAt }: WebhookMessage): EncodedWebhook {
  const body = JSON.stringify(encodeEvent(event))
  const timestamp = String(Math.floor(sentAt.getTime() / SECOND))
  const signed = `${event.id}.${timestamp}.${body}`
  const signatures = secrets.map((secret) => `v1,${hmac(keyOf(secret) ?? Buffer.alloc(0), signed)}`)
  return {
    body,
    headers: {
      'webhook-id': event.id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signatures.join(' '),
    },
  }
}

function hmac(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64')
}

/** The bytes of a secret, or null for a text that is none. */
function keyOf(secret: string): Buffer | null {
  const written = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : null
  return written === null || !/^[A-Za-z0-9+/]+={0,2}$/.test(written) ? null : Buffer.from(written, 'base64')
}
