import { describe, expect, it } from 'vitest'
import { bestCorrelation, promptOf, soundOf } from '../../test/media/sound.ts'
import { PromptPlayer } from './prompt-player.ts'
import { resample } from './resample.ts'

function listen(options: { samplesPerSecond: number; bufferMs?: number }) {
  const pieces: Int16Array[] = []
  const told: string[] = []
  const line = { isOpen: true }
  const player = new PromptPlayer({
    bufferMs: 0,
    ...options,
    send(samples) {
      if (line.isOpen) pieces.push(samples)
      return line.isOpen
    },
    onPlayingEnded: (playing, how) => told.push(`${how} ${playing}`),
    onStalled: () => told.push('stalled'),
  })
  const heard = () => Int16Array.from(pieces.flatMap((piece) => [...piece]))
  return { player, pieces, told, line, heard }
}

describe('a prompt that is played as linear sound', () => {
  it.each([8_000, 11_025, 16_000, 22_050, 44_100, 48_000])('is the same at %i samples a second', (rate) => {
    const sound = soundOf(3, 0.5)
    const { player, heard, told } = listen({ samplesPerSecond: rate })
    player.play(promptOf(sound))
    for (let frame = 0; frame < 30; frame++) player.onFrame()
    // 30 frames of 20 ms, be a frame a whole number of samples or not.
    expect(heard().length).toBe(Math.floor(0.6 * rate))
    const back = rate === 8_000 ? heard() : resample(Float32Array.from(heard()), rate, 8_000)
    expect(bestCorrelation(sound, back, 4)).toBeGreaterThan(0.99)
    expect(told).toEqual(['finished 1'])
  })

  it('is cut off by another one and by a stop, and silence follows', () => {
    const { player, told, pieces } = listen({ samplesPerSecond: 8_000 })
    expect(player.play(promptOf(soundOf(1, 1)))).toBe(1)
    player.onFrame()
    expect(player.play(promptOf(soundOf(2, 1)))).toBe(2)
    player.onFrame()
    player.stopPlaying()
    player.stopPlaying()
    player.onFrame()
    expect(told).toEqual(['stopped 1', 'stopped 2'])
    expect([...pieces[2]!]).toEqual(Array.from({ length: 160 }, () => 0))
  })

  it('fills the buffer of its listener first, but never by more than 200 ms', () => {
    for (const [bufferMs, frames] of [
      [0, 1],
      [60, 4],
      [30_000, 11],
    ] as const) {
      const { player, pieces } = listen({ samplesPerSecond: 8_000, bufferMs })
      player.onFrame()
      expect(pieces).toHaveLength(frames)
      player.onFrame()
      expect(pieces).toHaveLength(frames + 1)
    }
  })

  it('waits for a listener that takes nothing, and tells once when that lasts ten seconds', () => {
    const sound = soundOf(5, 0.4)
    const { player, told, line, heard } = listen({ samplesPerSecond: 8_000 })
    player.play(promptOf(sound))
    for (let frame = 0; frame < 10; frame++) player.onFrame()
    line.isOpen = false
    for (let frame = 0; frame < 499; frame++) player.onFrame()
    line.isOpen = true
    for (let frame = 0; frame < 10; frame++) player.onFrame()
    expect(bestCorrelation(sound, heard(), 0)).toBeGreaterThan(0.99)
    expect(told).toEqual(['finished 1'])
    line.isOpen = false
    for (let frame = 0; frame < 600; frame++) player.onFrame()
    expect(told).toEqual(['finished 1', 'stalled'])
  })
})
