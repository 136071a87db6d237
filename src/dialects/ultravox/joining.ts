import type { MediumName } from './media.ts'

/** Why a call of a medium cannot be joined at this server; null: it can. */
const WHY_NOT = {
  webRtc: 'This server has no WebRTC: use a medium with outgoing.',
  twilio: 'This server takes no media streams of Twilio: use twilio with outgoing.',
  telnyx: 'This server takes no media streams of Telnyx: use telnyx with outgoing.',
  plivo: 'This server takes no audio streams of Plivo: use plivo with outgoing.',
  exotel: 'This server takes no voice streams of Exotel: use a medium with outgoing.',
  serverWebSocket: 'This server takes no calls over a WebSocket of its own: use a medium with outgoing.',
  sip: 'This server takes no incoming SIP calls: use sip with outgoing.',
} as const satisfies Record<MediumName, string | null>

/** The address that is handed out with an invitation. */
export function joinUrl(publicUrl: string, callId: string, token: string): string {
  return `${publicUrl}/api/calls/${callId}/join?token=${token}`
}

export function whyNotJoinable(medium: MediumName): string | null {
  return WHY_NOT[medium]
}

export function isJoinable(medium: MediumName): boolean {
  return whyNotJoinable(medium) === null
}
