import type { EncodedInvitation, InvitationForm, InvitationMessage } from '../../webhooks/invitation-form.ts'
import { mediumOf, textOf } from './encode.ts'
import { encodeCall, factsOfAttempt } from './encode-call.ts'
import { isJoinable, joinUrl } from './joining.ts'
import { planOf } from './media.ts'
import { signedHeaders } from './signature.ts'

/** Asks the server that a batch names, with the call as it was just made; it is to place the leg to `joinUrl`. */
export const invitation: InvitationForm = {
  encode(message: InvitationMessage): EncodedInvitation | null {
    const { batch, recipient, attempt, publicUrl, sentAt } = message
    const url = textOf(batch.dialectFields?.webhookUrl)
    const secret = textOf(batch.dialectFields?.webhookSecret)
    if (url === null || secret === null) return null
    const address = joinUrl(publicUrl, attempt.id, message.joinToken)
    const call = encodeCall({ facts: factsOfAttempt(attempt), recipient, batch, joinUrl: address })
    const body = JSON.stringify({ event: 'call.started', call })
    const { medium } = planOf(mediumOf(recipient, batch))
    return { url, body, headers: signedHeaders(body, [secret], sentAt), isJoinable: isJoinable(medium) }
  },
}
