import { createHmac, randomBytes } from 'node:crypto'
import type { EventKind } from '../../model/event-kind.ts'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { callStatusOf, encodeJobId } from './encode.ts'

const SECRET_PREFIX = 'whsec_'
const SECRET_BYTES = 24
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const KINDS = ['attempt-answered', 'recipient-finished'] as const satisfies readonly EventKind[]

/**
 * Events of calls as the product announces them: `{"event", "data"}` with the hex HMAC-SHA256 of the body in
 * `X-Trillet-Signature`. It publishes no schedule; this one goes on for a day.
 */
export const trilletWebhook: WebhookForm = {
  name: 'trillet',
  kinds: KINDS,
  needs: 'call',
  retryDelaysMs: [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS],
  makeSecret: () => SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('hex'),
  problemOfSecret: (secret) => (secret.length < 16 ? 'must have at least 16 characters' : null),
  encode,
}

function encode({ event, call, batch, secrets: [secret] }: WebhookMessage): EncodedWebhook | null {
  if (call === null || batch === null) return null
  const { recipient, attempt } = call
  const isStart = event.kind === 'attempt-answered'
  const status = isStart ? 'active' : callStatusOf('ended', event.outcome)
  // Repeated numbers are no calls in this wire format.
  if (status === null) return null
  const talkMs =
    isStart || attempt?.answeredAt == null || attempt.endedAt === null
      ? 0
      : attempt.endedAt.getTime() - attempt.answeredAt.getTime()
  const data = {
    callId: encodeJobId(recipient.id),
    agentId: batch.agent.aliases[0] ?? batch.agent.id,
    duration: Math.round(talkMs / 100) / 10,
    status,
  }
  const body = JSON.stringify({ event: `call.${isStart ? 'started' : status}`, data })
  // One signature fits the header, so the newest secret signs.
  return { body, headers: { 'x-trillet-signature': createHmac('sha256', secret).update(body).digest('hex') } }
}
