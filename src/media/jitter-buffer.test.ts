import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRAME_SAMPLES, JitterBuffer } from './jitter-buffer.ts'

const SILENCE = 0xff
const START = 4_294_967_000

function frame(value: number): Uint8Array {
  return new Uint8Array(FRAME_SAMPLES).fill(value)
}

function at(index: number): number {
  return (START + index * FRAME_SAMPLES) % 2 ** 32
}

/** Takes so many frames; a sound is told by its first code. */
function take(buffer: JitterBuffer, frames: number): (string | number)[] {
  const into = new Uint8Array(FRAME_SAMPLES)
  return Array.from({ length: frames }, () => {
    const taken = buffer.take(into, SILENCE)
    return taken === 'sound' ? into[0]! : taken
  })
}

describe('a jitter buffer', () => {
  it('plays in order what came out of order, over the turn of the timestamp, 40 ms later', () => {
    const buffer = new JitterBuffer()
    for (const index of [0, 2, 1, 3]) buffer.put(at(index), frame(10 + index))
    expect(take(buffer, 6)).toEqual(['idle', 'idle', 10, 11, 12, 13])
  })

  it('tells of a lost frame, and of silence after a while', () => {
    const buffer = new JitterBuffer()
    for (const index of [0, 2]) buffer.put(at(index), frame(10 + index))
    expect(take(buffer, 9)).toEqual(['idle', 'idle', 10, 'lost', 12, 'lost', 'lost', 'lost', 'idle'])
  })

  it('waits longer once something came too late', () => {
    const buffer = new JitterBuffer()
    buffer.put(at(0), frame(10))
    expect(take(buffer, 4)).toEqual(['idle', 'idle', 10, 'lost'])
    expect(buffer.put(at(1), frame(11))).toBe('late')
    buffer.put(at(2), frame(12))
    expect(take(buffer, 2)).toEqual(['lost', 12])
  })

  it('joins packets of 10 and 30 ms, and takes no odd ones', () => {
    const buffer = new JitterBuffer()
    buffer.put(at(0), frame(10).subarray(0, 80))
    buffer.put(at(0) + 80, new Uint8Array(240).fill(11))
    expect(buffer.put(at(5), frame(1).subarray(0, 33))).toBe('odd')
    expect(take(buffer, 4)).toEqual(['idle', 'idle', 10, 11])
  })

  it('begins anew after a jump', () => {
    const buffer = new JitterBuffer()
    buffer.put(at(0), frame(10))
    take(buffer, 3)
    buffer.put(123_456, frame(77))
    expect(take(buffer, 3)).toEqual(['idle', 'idle', 77])
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2 ** 32 - 1), fc.nat(400), fc.boolean())), (packets) => {
        const buffer = new JitterBuffer()
        for (const [timestamp, length, taken] of packets) {
          buffer.put(timestamp, new Uint8Array(length))
          if (taken) take(buffer, 1)
        }
      }),
    )
  })
})
