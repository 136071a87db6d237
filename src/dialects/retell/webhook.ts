import { createHmac, randomBytes } from 'node:crypto'
import type { EventKind } from '../../model/event-kind.ts'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { callOf, encodeCall, isExpressible } from './encode.ts'
import type { WebhookEvent } from './wire.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const SECRET_BYTES = 32

const STARTS = ['attempt-answered'] as const satisfies readonly EventKind[]
const ENDS = [
  'attempt-ended',
  'recipient-finished',
  'recipient-outcome-corrected',
] as const satisfies readonly EventKind[]

/** What both have in common. Signed with the key of whoever set the address, as the vendor's clients check it. */
const shared = {
  needs: 'call',
  // Three tries after the first.
  retryDelaysMs: [5 * SECOND, 30 * SECOND, 2 * MINUTE],
  makeSecret: () => randomBytes(SECRET_BYTES).toString('base64url'),
  problemOfSecret: (secret: string) => (secret.length >= 16 ? null : 'must have at least 16 characters'),
} as const satisfies Partial<WebhookForm>

/**
 * Calls that were answered, and calls that are over. Outside facts: the vendor's page on webhooks, and the function of
 * its SDK that checks the signature.
 */
export const callWebhook: WebhookForm = {
  ...shared,
  name: 'retell',
  kinds: [...STARTS, ...ENDS],
  encode: (message) => encode(message, message.event.kind === 'attempt-answered' ? 'call_started' : 'call_ended'),
}

/**
 * The same calls once more, with what is known of an answering machine: clients that wait for the vendor's analysis
 * before they look at a call are told when there is none to wait for.
 */
export const analysisWebhook: WebhookForm = {
  ...shared,
  name: 'retell-analysis',
  kinds: ENDS,
  encode: (message) => encode(message, 'call_analyzed'),
}

/** By which form, and of which kinds of events, an address is told what it asks for; empty: not by this form. */
export function kindsFor(form: WebhookForm, wanted: readonly WebhookEvent[]): EventKind[] {
  if (form === analysisWebhook) return wanted.includes('call_analyzed') ? [...ENDS] : []
  return [...(wanted.includes('call_started') ? STARTS : []), ...(wanted.includes('call_ended') ? ENDS : [])]
}

function encode(message: WebhookMessage, event: WebhookEvent): EncodedWebhook | null {
  const { call: found, batch, secrets, sentAt } = message
  const attempt = found?.attempt ?? null
  // Whoever failed before a call could be placed has no call to tell of.
  if (found === null || batch === null || attempt === null || attempt.disposition === 'not-sent') return null
  const facts = callOf({ ...found, attempt, batch })
  if (!isExpressible(facts)) return null
  const { call_analysis: analysis, ...call } = encodeCall(facts)
  const told = event === 'call_analyzed' ? { ...call, call_analysis: analysis ?? {} } : call
  const body = JSON.stringify({ event, call: told })
  return { body, headers: { 'x-retell-signature': signatureOf(body, secrets[0], sentAt.getTime()) } }
}

/** `v=<milliseconds>,d=<HMAC-SHA256 over the body and those milliseconds, in hexadecimal>`. */
export function signatureOf(body: string, secret: string, epochMs: number): string {
  const digest = createHmac('sha256', secret).update(`${body}${epochMs}`).digest('hex')
  return `v=${epochMs},d=${digest}`
}
