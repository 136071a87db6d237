import { randomBytes } from 'node:crypto'
import type { EventKind } from '../../model/event-kind.ts'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { callOf, encodeCall } from './encode-call.ts'
import { encodeId } from './ids.ts'
import type { Call } from './wire.ts'

export const CARTESIA_FORM = 'cartesia'
const SECRET_BYTES = 32
const SECOND = 1_000
const MINUTE = 60 * SECOND

/** What becomes of a call tells the rest; the words for turns and analyses have nothing to tell here. */
const KINDS = [
  'attempt-answered',
  'attempt-ended',
  'recipient-finished',
  'recipient-outcome-corrected',
] as const satisfies readonly EventKind[]

/**
 * Events of calls, each with the call as it is read by its id. The secret is sent as it is, in a header; the vendor
 * signs nothing. Outside fact: the vendor's page on call webhooks.
 */
export const callWebhook: WebhookForm = {
  name: CARTESIA_FORM,
  kinds: KINDS,
  needs: 'call',
  retryDelaysMs: [5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE],
  makeSecret: () => randomBytes(SECRET_BYTES).toString('base64url'),
  // It is compared and not computed with, so any text will do.
  problemOfSecret: () => null,
  encode,
}

function encode({ event, call: found, batch, endpoint, secrets, sentAt }: WebhookMessage): EncodedWebhook | null {
  const attempt = found?.attempt ?? null
  // Whoever failed before a call could be placed has no call to tell of.
  if (found === null || batch === null || attempt === null || attempt.disposition === 'not-sent') return null
  const call = encodeCall(callOf({ ...found, attempt, batch }), { hasTranscript: true })
  const type = event.kind === 'attempt-answered' ? 'call_started' : typeOfEnd(call)
  const body = {
    type,
    webhook_id: encodeId('webhook', endpoint.id),
    webhook_request_id: event.id,
    call_id: call.id,
    agent_id: call.agent_id,
    timestamp: sentAt.toISOString(),
    ...(type === 'call_started' ? {} : { end_reason: call.end_reason }),
    call,
  }
  return { body: JSON.stringify(body), headers: { 'x-webhook-secret': secrets[0] } }
}

function typeOfEnd({ status }: Call): 'call_completed' | 'call_failed' {
  return status === 'failed' ? 'call_failed' : 'call_completed'
}
