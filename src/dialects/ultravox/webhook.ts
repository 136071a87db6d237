import { randomBytes } from 'node:crypto'
import type { EventView } from '../../commands/views.ts'
import type { EventKind } from '../../model/event-kind.ts'
import type { EncodedInvitation, InvitationForm, InvitationMessage } from '../../webhooks/invitation-form.ts'
import type { EncodedWebhook, WebhookForm, WebhookMessage } from '../../webhooks/webhook-form.ts'
import { WEBHOOK_SECRET } from './decode.ts'
import { mediumOf, textOf } from './encode.ts'
import { encodeCall, factsOfAttempt, readingOf } from './encode-call.ts'
import { joinUrl, whyNotJoinable } from './joining.ts'
import { signedHeaders } from './signature.ts'
import { SECRET_CHARS_MAX, SECRETS_MAX, type WebhookEvent } from './wire.ts'

/** Asks the server that a batch names, with the call as it was just made; it is to place the leg to `joinUrl`. */
export const invitation: InvitationForm = {
  encode(message: InvitationMessage): EncodedInvitation | 'nobody-to-ask' | null {
    const { batch, recipient, attempt, nodeUrl, sentAt } = message
    // A call by itself was answered with its address; a batch has this field, be it null.
    if (batch.dialectFields?.webhookUrl === undefined) return 'nobody-to-ask'
    const url = textOf(batch.dialectFields?.webhookUrl)
    const secret = message.secretOf(WEBHOOK_SECRET)
    if (url === null || secret === null) return null
    const medium = mediumOf(recipient, batch)
    const address = joinUrl(nodeUrl, { callId: attempt.id, token: message.joinToken, medium })
    const call = encodeCall(readingOf(factsOfAttempt(attempt), recipient, batch), { joinUrl: address })
    const body = JSON.stringify({ event: 'call.started', call })
    return { url, body, headers: signedHeaders(body, [secret], sentAt), isJoinable: whyNotJoinable(medium) === null }
  },
}

/** Which events of the core each event of this wire format is. Nothing is billed here, so nothing tells of it. */
export const KINDS_OF_EVENT = {
  'call.started': ['attempt-accepted'],
  'call.joined': ['attempt-answered'],
  'call.ended': ['attempt-ended', 'recipient-finished'],
  'call.billed': [],
} as const satisfies Record<WebhookEvent, readonly EventKind[]>

const EVENT_OF_KIND = new Map<EventKind, WebhookEvent>(
  (Object.keys(KINDS_OF_EVENT) as WebhookEvent[]).flatMap((event) =>
    KINDS_OF_EVENT[event].map((kind): [EventKind, WebhookEvent] => [kind, event]),
  ),
)

const FIRST_PAUSE_MS = 30_000
const RETRIES = 10

/** The webhooks of an account: `{"event", "call"}`, signed with each of the endpoint's secrets. */
export const accountWebhook: WebhookForm = {
  name: 'ultravox',
  kinds: [...EVENT_OF_KIND.keys()],
  needs: 'call',
  // The vendor's guide: ten times, after about 30 seconds and then twice as long each time.
  retryDelaysMs: Array.from({ length: RETRIES }, (_, at) => FIRST_PAUSE_MS * 2 ** at),
  makeSecret: () => joinSecrets([randomBytes(24).toString('base64url')]),
  problemOfSecret(text) {
    const secrets = splitSecrets(text)
    const fits = secrets.length > 0 && secrets.length <= SECRETS_MAX
    if (fits && secrets.every((secret) => secret !== '' && secret.length <= SECRET_CHARS_MAX)) return null
    return `must be 1 to ${SECRETS_MAX} texts of 1 to ${SECRET_CHARS_MAX} characters`
  },
  encode,
}

function encode({ event, call, batch, secrets, sentAt }: WebhookMessage): EncodedWebhook | null {
  const name = nameOf(event)
  const attempt = call?.attempt ?? null
  // Who ends without a call has none that could be told of.
  if (name === null || batch === null || call === null || attempt === null) return null
  if (attempt.disposition === 'not-sent') return null
  const { recipient } = call
  const told = encodeCall(readingOf(factsOfAttempt(attempt), recipient, batch), { joinUrl: null })
  const body = JSON.stringify({ event: name, call: told })
  return { body, headers: signedHeaders(body, secrets.flatMap(splitSecrets), sentAt) }
}

function nameOf({ kind }: EventView): WebhookEvent | null {
  return EVENT_OF_KIND.get(kind) ?? null
}

/** An endpoint has one secret in the core and several here: they are kept as one text. */
export function joinSecrets(secrets: readonly string[]): string {
  return JSON.stringify(secrets)
}

export function splitSecrets(text: string): readonly string[] {
  try {
    const secrets: unknown = JSON.parse(text)
    return Array.isArray(secrets) && secrets.every((each) => typeof each === 'string') ? secrets : []
  } catch {
    return []
  }
}
