import { createHmac, randomBytes } from 'node:crypto'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { encodeAgentId, encodeBatchId, encodeTask, hexOf, isExpressible } from './encode.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/**
 * What a post-call webhook of this wire format is told: once for each call that has ended. The product publishes how such
 * a webhook is made, and not what is posted to it, nor a signature: the body has the names that its other answers use,
 * and the signature is ours, HMAC-SHA256 over `timestamp.body`.
 */
export const postCallWebhook: WebhookForm = {
  name: 'zudu',
  kinds: ['attempt-ended', 'recipient-finished'],
  needs: 'call',
  retryDelaysMs: [30 * SECOND, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE, 600 * MINUTE],
  makeSecret: () => randomBytes(32).toString('base64url'),
  problemOfSecret: (secret) => (secret.length >= 16 ? null : 'must have at least 16 characters'),
  encode,
}

function encode({ event, call, batch, secrets, sentAt }: WebhookMessage): EncodedWebhook | null {
  const attempt = call?.attempt ?? null
  // Who ends without a call has none that could be told of.
  if (batch === null || call === null || attempt === null || attempt.disposition === 'not-sent') return null
  if (!isExpressible(batch)) return null
  const { recipient } = call
  const { answeredAt, endedAt } = attempt
  const talkMs = answeredAt === null || endedAt === null ? 0 : endedAt.getTime() - answeredAt.getTime()
  const isFinal = event.kind === 'recipient-finished'
  const task = encodeTask(recipient, batch)
  const body = JSON.stringify({
    event: 'post_call',
    event_id: event.id,
    call_id: `call_${hexOf(attempt.id)}`,
    task_id: task.task_id,
    batch_call_id: encodeBatchId(batch.id),
    agent_id: encodeAgentId(batch.agent),
    from_number: batch.callerNumber,
    to_number: task.to_number,
    status: isFinal ? task.status : 'PENDING',
    disposition: attempt.disposition,
    error_message: isFinal ? task.error_message : null,
    attempt: attempt.n,
    started_at: attempt.dialedAt.toISOString(),
    answered_at: answeredAt?.toISOString() ?? null,
    ended_at: endedAt?.toISOString() ?? null,
    duration_seconds: Math.round(talkMs / 100) / 10,
    dynamic_variables: recipient.variables,
  })
  const timestamp = String(Math.floor(sentAt.getTime() / SECOND))
  const signatures = secrets.map((secret) => createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex'))
  return {
    body,
    headers: {
      'x-carillon-webhook-timestamp': timestamp,
      'x-carillon-webhook-signature': signatures.join(','),
    },
  }
}
