import { z } from 'zod'
import { ANSWERED_BY } from '../../model/call-event.ts'
import { ENDINGS } from './story.ts'

/** Largest request and callback body, in bytes. */
export const BODY_BYTES_MAX = 256 * 1024

/** `POST /calls`. */
export const createCall = z.object({
  ref: z.string().regex(/^[0-9a-f]{32}$/),
  to: z.string().regex(/^\+[1-9]\d{1,14}$/),
  from: z.string().regex(/^\+[1-9]\d{1,14}$/),
  ringTimeoutSeconds: z.number().positive(),
  maxCallSeconds: z.number().positive(),
  speech: z.object({ text: z.string(), waitForKeySeconds: z.number().min(0) }),
  callbackUrls: z.array(z.url({ protocol: /^https?$/ })).max(20),
})
export type CreateCall = z.infer<typeof createCall>

export const createdCall = z.object({ callId: z.string().min(1).max(128) })

const at = { atEpochMs: z.number() }

/** One thing that happened to a call, as the network tells it in callbacks and look-ups. */
export const networkReport = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), ...at }),
  z.object({ kind: z.literal('ringing'), ...at }),
  z.object({ kind: z.literal('answered'), ...at, answeredBy: z.enum(ANSWERED_BY) }),
  z.object({
    kind: z.literal('ended'),
    ...at,
    ending: z.enum(ENDINGS),
    answeredBy: z.enum(ANSWERED_BY).optional(),
    spokenText: z.string().optional(),
    keysPressed: z
      .string()
      .regex(/^[0-9*#]*$/)
      .optional(),
  }),
])
export type NetworkReport = z.infer<typeof networkReport>

/** One call and all that has happened to it, oldest first: the answer of a look-up, and the body of a callback. */
export const callReport = z.object({
  callId: z.string().min(1).max(128),
  ref: z.string().regex(/^[0-9a-f]{32}$/),
  reports: z.array(networkReport).max(16),
})
export type CallReport = z.infer<typeof callReport>

/** `GET /calls/by-ref/:ref`: every call placed under a reference, the first one first. */
export const callsOfRef = z.object({ calls: z.array(callReport).min(1) })
