import { z } from 'zod'

/**
 * How the sound of a call travels, as this wire format says it: an object with one of seven keys. Four of them can
 * hold an `outgoing` part, which says whom to call; all others are joined by somebody else.
 *
 * Outside facts: the vendor's published schema (`ultravox.v1.CallMedium`), which says "at most one"; a medium of a
 * kind that is not known is refused, since the default (webRtc) would be a call of another kind.
 */

export const MEDIA = ['webRtc', 'twilio', 'serverWebSocket', 'telnyx', 'plivo', 'exotel', 'sip'] as const
export type MediumName = (typeof MEDIA)[number]

export const DURATION = /^-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?s$/
export const duration = z.string().regex(DURATION, 'must be a duration in seconds such as 30s')

const INT32_MAX = 2_147_483_647
const ADDRESS_CHARS_MAX = 500
const address = z.string().min(1).max(ADDRESS_CHARS_MAX)
const rate = z.int().min(1).max(INT32_MAX).describe('Samples a second.')
const flag = z.boolean()

const dtmfHandling = z.object({
  ignore: flag.optional(),
  userTextMessage: z
    .object({
      text: z.string().max(10_000).optional(),
      urgency: z.enum(['URGENCY_UNSPECIFIED', 'URGENCY_IMMEDIATE', 'URGENCY_SOON', 'URGENCY_LATER']).optional(),
    })
    .optional(),
})

const dataMessages = z.object({
  pong: flag.optional(),
  state: flag.optional(),
  transcript: flag.optional(),
  clientToolInvocation: flag.optional(),
  dataConnectionToolInvocation: flag.optional(),
  playbackClearBuffer: flag.optional(),
  callStarted: flag.optional(),
  debug: flag.optional(),
  callEvent: flag.optional(),
  toolUsed: flag.optional(),
  userStartedSpeaking: flag.optional(),
  userStoppedSpeaking: flag.optional(),
  invokingTool: flag.optional(),
})

const telephone = z.object({
  outgoing: z
    .object({
      to: address.describe('The number to call, in E.164.'),
      from: address.optional().describe('One of the numbers of the organization; by default that of the trunk.'),
      additionalParams: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  dtmfHandling: dtmfHandling.optional(),
})

const sip = z.object({
  incoming: z.looseObject({}).optional(),
  outgoing: z
    .object({
      to: address.describe('A SIP URI whose user part is a telephone number.'),
      from: address.optional(),
      username: z.string().max(ADDRESS_CHARS_MAX).optional(),
      password: z.string().max(ADDRESS_CHARS_MAX).optional().describe('Not stored and never sent back.'),
    })
    .optional(),
})

const known = z.object({
  webRtc: z.object({ dataMessages: dataMessages.optional() }).optional(),
  twilio: telephone.optional(),
  serverWebSocket: z
    .object({
      inputSampleRate: rate,
      outputSampleRate: rate.optional(),
      clientBufferSizeMs: z.int().min(0).max(INT32_MAX).optional(),
      dataMessages: dataMessages.optional(),
      mediaIdleTimeout: duration.optional(),
    })
    .optional(),
  telnyx: telephone.optional(),
  plivo: telephone.optional(),
  exotel: z.object({ dtmfHandling: dtmfHandling.optional() }).optional(),
  sip: sip.optional(),
})

/** A medium as a request may hold it; validated, without fields that nobody knows. */
export const callMedium = known.superRefine((medium, context) => {
  const names = MEDIA.filter((name) => medium[name] !== undefined)
  const fault = (path: readonly PropertyKey[], message: string) => {
    context.addIssue({ code: 'custom', path: [...path], message })
  }
  if (names.length !== 1) {
    fault([], `must have exactly one of the keys ${MEDIA.join(', ')}, and has ${names.length}`)
    return
  }
  const plan = planOf(medium)
  if (medium.sip !== undefined && (medium.sip.incoming === undefined) === (medium.sip.outgoing === undefined)) {
    fault(['sip'], 'must have exactly one of incoming and outgoing')
  } else if (plan.kind === 'refused') fault([plan.medium, 'outgoing', plan.field], plan.because)
})
export type CallMedium = z.output<typeof callMedium>

/** What is to be done for a medium. */
export type CallPlan =
  | { readonly kind: 'outgoing'; readonly medium: MediumName; readonly to: string; readonly from: string | undefined }
  /** Somebody else places the call and is asked to join it. */
  | { readonly kind: 'joined'; readonly medium: MediumName }
  | {
      readonly kind: 'refused'
      readonly medium: MediumName
      readonly field: 'to' | 'from'
      readonly because: string
    }

const E164 = /^\+[1-9]\d{6,14}$/
const SIP_URI = /^sips?:([^@;?:]+)(?::[^@]*)?@[^@\s;?]+(?:[;?]\S*)?$/i
const SIP_NUMBER = /^\+?([1-9]\d{6,14})$/

/** Without a medium a call is joined over WebRTC, as the vendor's schema says. */
export function planOf(medium: CallMedium | null): CallPlan {
  const name = MEDIA.find((each) => medium?.[each] !== undefined) ?? 'webRtc'
  if (name === 'sip') return planOfSip(medium!.sip!)
  if (name !== 'twilio' && name !== 'telnyx' && name !== 'plivo') return { kind: 'joined', medium: name }
  const { outgoing } = medium![name]!
  if (outgoing === undefined) return { kind: 'joined', medium: name }
  const refused = (field: 'to' | 'from', because: string) =>
    ({ kind: 'refused', medium: name, field, because }) as const
  const { to, from } = outgoing
  if (name === 'plivo' && to.includes('<')) {
    return refused('to', 'must be one number: several at a time are not called here, so make a call of each')
  }
  if (/^sips?:/i.test(to)) return refused('to', 'must be a number in E.164; a SIP address belongs into the medium sip')
  if (!E164.test(to)) return refused('to', 'must be a number in E.164, such as +14155552671')
  if (from !== undefined && !E164.test(from)) {
    return refused('from', 'must be a number in E.164 that belongs to the organization')
  }
  return { kind: 'outgoing', medium: name, to, from }
}

/** `from` may be any text; only a telephone number in it is a caller, anything else is a name for the display. */
function planOfSip({ outgoing }: z.output<typeof sip>): CallPlan {
  if (outgoing === undefined) return { kind: 'joined', medium: 'sip' }
  const to = numberInSip(outgoing.to)
  if (to === null) {
    const because = SIP_URI.test(outgoing.to)
      ? 'must have a telephone number before the @: other SIP users are not called here'
      : 'must be a SIP URI such as sip:+14155552671@example.com'
    return { kind: 'refused', medium: 'sip', field: 'to', because }
  }
  const from = outgoing.from === undefined ? null : numberInSip(outgoing.from)
  return { kind: 'outgoing', medium: 'sip', to, from: from ?? undefined }
}

function numberInSip(uri: string): string | null {
  const user = SIP_URI.exec(uri)?.[1]
  const digits = user === undefined ? undefined : SIP_NUMBER.exec(user)?.[1]
  return digits === undefined ? null : `+${digits}`
}

/** The medium as it is stored and sent back: without the password. */
export function withoutPassword(medium: CallMedium): CallMedium {
  const { sip: sipMedium } = medium
  if (sipMedium?.outgoing?.password === undefined) return medium
  const { password: _, ...outgoing } = sipMedium.outgoing
  return { ...medium, sip: { ...sipMedium, outgoing } }
}
