import type { MediaStatistics, SoundTotals } from './media-engine.ts'

export const NO_SOUND_YET: SoundTotals = {
  sessions: 0,
  sentPackets: 0,
  lateFrames: 0,
  receivedPackets: 0,
  lostPackets: 0,
  jitterMs: 0,
  heard: 0,
}

export function addSound(totals: SoundTotals, { sent, received }: MediaStatistics): SoundTotals {
  return {
    sessions: totals.sessions + 1,
    sentPackets: totals.sentPackets + sent.packets,
    lateFrames: totals.lateFrames + sent.lateFrames,
    receivedPackets: totals.receivedPackets + received.packets,
    lostPackets: totals.lostPackets + received.lost,
    jitterMs: totals.jitterMs + received.jitterMs,
    heard: totals.heard + (received.packets > 0 ? 1 : 0),
  }
}
