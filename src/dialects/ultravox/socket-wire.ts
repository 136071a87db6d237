import { z } from 'zod'

/**
 * Data messages of a call that is joined over a WebSocket. Of the client's, these mean something to the agents of this
 * version; others are taken and change nothing, as a newer client may send more.
 *
 * Outside facts: the vendor's page on data messages.
 */
const known = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ping'), timestamp: z.number() }),
  z.object({ type: z.literal('user_text_message'), text: z.string() }),
  z.object({ type: z.literal('hang_up') }),
])
const KNOWN: readonly string[] = ['ping', 'user_text_message', 'hang_up']
const other = z
  .looseObject({ type: z.string().refine((type) => !KNOWN.includes(type)) })
  .transform(() => ({ type: 'other' as const }))

export const clientMessage = z.union([known, other])
export type ClientMessage = z.output<typeof clientMessage>

export type ServerMessage =
  | { readonly type: 'call_started'; readonly callId: string }
  | { readonly type: 'state'; readonly state: 'listening' | 'speaking' }
  | {
      readonly type: 'transcript'
      readonly role: 'user' | 'agent'
      readonly medium: 'text' | 'voice'
      readonly text: string
      readonly final: true
      readonly ordinal: number
    }
  | { readonly type: 'pong'; readonly timestamp: number }
  | { readonly type: 'playback_clear_buffer' }
