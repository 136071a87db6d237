import { describe, expect, it } from 'vitest'
import { soundOf } from '../../test/media/sound.ts'
import { encodeG711 } from './g711.ts'
import { IncomingSound } from './incoming-sound.ts'
import { emptyRtpView, readRtp, writeRtpHeader } from './rtp-packet.ts'

const FRAME = 160

/** One call's ear, and what it told. */
function ear(hear: boolean) {
  const told = { voices: 0, frames: [] as Int16Array[] }
  const incoming = new IncomingSound({
    onKey: () => undefined,
    onVoice: () => told.voices++,
    ...(hear ? { onSound: (samples: Int16Array) => told.frames.push(samples) } : {}),
  })
  const view = emptyRtpView()
  const receive = (index: number, codes: Uint8Array, samplesBefore = index * FRAME) => {
    const packet = Buffer.alloc(12 + codes.length)
    writeRtpHeader(packet, { marker: false, payloadType: 0, sequence: index, timestamp: samplesBefore, ssrc: 7 })
    packet.set(codes, 12)
    expect(readRtp(packet, view)).toBe(true)
    incoming.take(packet, view, index * 20)
  }
  return { told, incoming, receive }
}

function loud(samples: number): Uint8Array {
  const codes = new Uint8Array(samples)
  encodeG711(
    'PCMU',
    Int16Array.from({ length: samples }, (_, at) => 8000 * Math.sin(at / 3)),
    codes,
  )
  return codes
}
const QUIET = new Uint8Array(FRAME).fill(0xff)

describe('what a session hears', () => {
  it.each([true, false])('holds a voice after 60 ms of it in a row (listened to: %s)', (hear) => {
    const { told, incoming, receive } = ear(hear)
    for (const [index, codes] of [loud(FRAME), loud(FRAME), QUIET, loud(FRAME), loud(FRAME)].entries()) {
      receive(index, codes)
    }
    expect(told.voices).toBe(0)
    receive(5, loud(FRAME))
    receive(6, loud(FRAME))
    expect(told.voices).toBe(1)
    expect(incoming.statistics(0)).toMatchObject({ packets: 7, lost: 0, voiceMs: 120 })
  })

  it('counts the voice of packets of any length', () => {
    const { told, incoming, receive } = ear(false)
    receive(0, loud(80), 0)
    receive(1, loud(240), 80)
    expect(told.voices).toBe(0)
    receive(2, loud(160), 320)
    expect(told.voices).toBe(1)
    expect(incoming.statistics(0).voiceMs).toBe(60)
  })

  it('is played out with its gaps filled when somebody listens, and only then', () => {
    for (const hear of [true, false]) {
      const { told, incoming, receive } = ear(hear)
      const sound = soundOf(3, 0.2)
      const codes = new Uint8Array(sound.length)
      encodeG711('PCMU', sound, codes)
      for (let index = 0; index < 10; index++) {
        if (index !== 5) receive(index, codes.subarray(index * FRAME, (index + 1) * FRAME))
        incoming.onFrame()
      }
      for (let frame = 0; frame < 2; frame++) incoming.onFrame()
      expect(told.frames).toHaveLength(hear ? 12 : 0)
      expect(incoming.statistics(0)).toMatchObject({ packets: 9, lost: 1, concealedFrames: hear ? 1 : 0 })
    }
  })
})
