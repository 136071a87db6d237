import type { JsonObject } from '../../commands/context.ts'
import { type CallMedium, type MediumName, planOf } from './media.ts'

/** Rates of sound that are spoken here; others are no rates of sound cards or telephones. */
const RATES: readonly number[] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]

/** Why a call of a medium cannot be joined at this server; null: it can. */
const WHY_NOT = {
  webRtc: 'This server has no WebRTC: use serverWebSocket, or a medium with outgoing.',
  twilio: 'This server takes no media streams of Twilio: use twilio with outgoing.',
  telnyx: 'This server takes no media streams of Telnyx: use telnyx with outgoing.',
  plivo: 'This server takes no audio streams of Plivo: use plivo with outgoing.',
  exotel: 'This server takes no voice streams of Exotel: use a medium with outgoing.',
  serverWebSocket: null,
  sip: 'This server takes no incoming SIP calls: use sip with outgoing.',
} as const satisfies Record<MediumName, string | null>

/** The address that is handed out with an invitation. */
export function joinUrl(
  baseUrl: string,
  { callId, token, medium }: { callId: string; token: string; medium: JsonObject | null },
): string {
  const address = `${baseUrl}/api/calls/${callId}/join?token=${token}`
  return medium?.serverWebSocket === undefined ? address : address.replace(/^http/, 'ws')
}

export function whyNotJoinable(medium: CallMedium | null): string | null {
  const socket = medium?.serverWebSocket
  if (socket === undefined) return WHY_NOT[planOf(medium).medium]
  const { inputSampleRate, outputSampleRate = inputSampleRate } = socket
  if (RATES.includes(inputSampleRate) && RATES.includes(outputSampleRate)) return null
  return `This server takes and sends sound at one of these rates: ${RATES.join(', ')}.`
}
