import { describe, expect, it } from 'vitest'
import { promptOf, soundOf } from '../../test/media/sound.ts'
import type { RemoteMedia } from './media-engine.ts'
import { leavePacket, OutgoingSound } from './outgoing-sound.ts'

const REMOTE: RemoteMedia = {
  address: '127.0.0.1',
  port: 4000,
  rtcpPort: 4001,
  codec: 'PCMU',
  payloadType: 0,
  telephoneEventPayloadType: 101,
  srtpKey: null,
  direction: 'sendrecv',
}

function outgoing(changes: Partial<RemoteMedia> = {}): OutgoingSound {
  const sound = new OutgoingSound({ onStarted: () => undefined, onEnded: () => undefined })
  sound.configure({ ...REMOTE, ...changes })
  return sound
}

function payloadOf(packet: Buffer): number[] {
  return [...packet.subarray(12)]
}

describe('what a session sends', () => {
  it('is its own prompt, although all sessions write to the same memory', () => {
    const prompts = [promptOf(soundOf(1, 0.1)), promptOf(soundOf(2, 0.1))]
    const sounds = prompts.map((prompt) => {
      const sound = outgoing()
      sound.play(1, prompt)
      return sound
    })
    for (let frame = 0; frame < 5; frame++) {
      for (const [at, sound] of sounds.entries()) {
        const packet = sound.next()
        expect(payloadOf(packet)).toEqual([...prompts[at]!.samples.PCMU.subarray(frame * 160, (frame + 1) * 160)])
        expect(packet.readUInt32BE(8)).toBe(sound.ssrc)
      }
    }
  })

  it('stays as it was when the kernel has not taken it', () => {
    const sound = outgoing()
    sound.play(1, promptOf(soundOf(1, 0.1)))
    const waiting = sound.next()
    const before = Buffer.from(waiting)
    leavePacket()
    sound.next()
    expect(waiting).toEqual(before)
  })

  it('changes to the other law in the middle of a prompt, where it was', () => {
    const prompt = promptOf(soundOf(1, 0.1))
    const sound = outgoing()
    sound.play(1, prompt)
    sound.next()
    sound.configure({ ...REMOTE, codec: 'PCMA', payloadType: 8 })
    expect(payloadOf(sound.next())).toEqual([...prompt.samples.PCMA.subarray(160, 320)])
  })

  it('ends with silence in what the prompt leaves of its last frame, also after a key', () => {
    const sound = outgoing()
    sound.sendKeys('5')
    sound.play(1, promptOf(soundOf(1, 0.15)))
    for (let frame = 0; frame < 7; frame++) expect(sound.next().length).toBe(16)
    const last = sound.next()
    expect(last.length).toBe(172)
    expect(payloadOf(last).slice(80)).toEqual(Array.from({ length: 80 }, () => 0xff))
  })
})
