import { createHmac, randomBytes } from 'node:crypto'
import type { JsonObject } from '../../commands/context.ts'
import type { AttemptView } from '../../commands/views.ts'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { unixOf } from './encode.ts'
import {
  type ConversationFacts,
  conversationOf,
  conversationStatusOf,
  encodeConversation,
} from './encode-conversation.ts'
import { WEBHOOK_EVENTS, type WebhookEvent } from './wire-account.ts'

export const ELEVENLABS_FORM = 'elevenlabs'
const SECRET_BYTES = 32
const SECOND = 1_000
const MINUTE = 60 * SECOND
/** What an account is told where its settings do not say. */
const EVENTS_DEFAULT: readonly WebhookEvent[] = ['transcript']

/**
 * Post-call webhooks: of each call that has ended, what its conversation is, or, when nobody took it, why. Outside facts:
 * the vendor's page on post-call webhooks, and the verifier of its JavaScript client.
 */
export const postCallWebhook: WebhookForm = {
  name: ELEVENLABS_FORM,
  kinds: ['attempt-ended', 'recipient-finished'],
  needs: 'call',
  retryDelaysMs: [30 * SECOND, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE],
  makeSecret: () => `wsec_${randomBytes(SECRET_BYTES).toString('hex')}`,
  problemOfSecret: (secret) => (secret.length >= 16 ? null : 'must have at least 16 characters'),
  encode,
}

/** Which events an endpoint is told. */
export function eventsOf(formFields: JsonObject | null): readonly WebhookEvent[] {
  const events = formFields?.events
  return Array.isArray(events) ? WEBHOOK_EVENTS.filter((event) => events.includes(event)) : EVENTS_DEFAULT
}

function encode({ event, call: found, batch, endpoint, secrets, sentAt }: WebhookMessage): EncodedWebhook | null {
  const attempt = found?.attempt ?? null
  // Whoever failed before a call could be placed has no call to tell of.
  if (found === null || batch === null || attempt === null || attempt.disposition === 'not-sent') return null
  const { call, line } = conversationOf({ ...found, attempt, batch })
  const conversation = encodeConversation(call, line)
  const wasTaken = conversationStatusOf(call) === 'done'
  if (!eventsOf(endpoint.formFields).includes(wasTaken ? 'transcript' : 'call_initiation_failure')) return null
  const { agent_id, conversation_id, conversation_initiation_client_data } = conversation
  const why = { failure_reason: reasonOf(call), metadata: providerMetadata(call, attempt, line.carrier) }
  const body = JSON.stringify({
    type: wasTaken ? 'post_call_transcription' : 'call_initiation_failure',
    event_timestamp: unixOf(event.at),
    data: wasTaken ? conversation : { agent_id, conversation_id, ...why, conversation_initiation_client_data },
  })
  return { body, headers: { 'elevenlabs-signature': signatureOf(body, secrets[0], sentAt) } }
}

/** The vendor's verifier reads one signature; so there is one, that of the newest secret. */
function signatureOf(body: string, secret: string, sentAt: Date): string {
  const timestamp = unixOf(sentAt)
  return `t=${timestamp},v0=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

function reasonOf({ outcome }: ConversationFacts): 'busy' | 'no-answer' | 'unknown' {
  return outcome === 'busy' || outcome === 'no-answer' ? outcome : 'unknown'
}

/** What the provider said of the call, in the words of its kind. */
function providerMetadata(call: ConversationFacts, attempt: AttemptView, carrier: string) {
  const { from, to, carrierCallId, causeText } = call
  if (carrier === 'twilio') {
    const status = reasonOf(call) === 'unknown' ? 'failed' : reasonOf(call)
    const sip = attempt.sipStatus === null ? {} : { SipResponseCode: String(attempt.sipStatus) }
    return { type: 'twilio', body: { CallSid: carrierCallId ?? '', CallStatus: status, To: to, From: from, ...sip } }
  }
  const numbers = { from_number: from, to_number: to }
  const body = {
    sip_status_code: attempt.sipStatus,
    error_reason: causeText,
    call_sid: carrierCallId ?? '',
    ...numbers,
  }
  return { type: 'sip', body }
}
