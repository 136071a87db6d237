import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { promptOf } from '../../test/media/sound.ts'
import { Announcement, REPEATS_MAX } from './announcement.ts'

function start(changes: { waitForKeySeconds?: number; repeatKey?: string; stopKey?: string } = {}) {
  const clock = new FakeClock()
  const log: string[] = []
  let playing = 0
  const announcement = new Announcement({
    session: {
      play: () => {
        log.push('play')
        return ++playing
      },
      stopPlaying: () => log.push('stop'),
    },
    prompt: promptOf(new Int16Array(160)),
    clock,
    waitForKeySeconds: changes.waitForKeySeconds ?? 0,
    repeatKey: changes.repeatKey ?? null,
    stopKey: changes.stopKey ?? null,
    onDone: () => log.push('done'),
  })
  return { clock, log, announcement, lastWord: () => announcement.onPlayingEnded(playing) }
}

it('without a wait it is over with the last word, and keys are kept', () => {
  const { log, announcement, lastWord } = start()
  announcement.onKey('4')
  expect(log).toEqual(['play'])
  lastWord()
  expect(log).toEqual(['play', 'done'])
  expect(announcement.keysPressed).toBe('4')
})

it('waits for a key after the last word, and no longer', () => {
  const { clock, log, lastWord } = start({ waitForKeySeconds: 5 })
  lastWord()
  clock.advance(4999)
  expect(log).toEqual(['play'])
  clock.advance(1)
  expect(log).toEqual(['play', 'done'])
})

it('a key ends the wait; one that comes early lets the text be finished', () => {
  const after = start({ waitForKeySeconds: 5 })
  after.lastWord()
  after.announcement.onKey('1')
  expect(after.log).toEqual(['play', 'done'])
  const early = start({ waitForKeySeconds: 5 })
  early.announcement.onKey('1')
  expect(early.log).toEqual(['play'])
  early.lastWord()
  expect(early.log).toEqual(['play', 'done'])
})

it('the stop key ends it at once, once', () => {
  const { log, announcement, lastWord } = start({ waitForKeySeconds: 5, stopKey: '9' })
  announcement.onKey('9')
  announcement.onKey('9')
  lastWord()
  expect(log).toEqual(['play', 'stop', 'done'])
  expect(announcement.keysPressed).toBe('9')
})

it('the repeat key plays it again, not for ever, and the end of a playing that was cut off means nothing', () => {
  const { clock, log, announcement, lastWord } = start({ waitForKeySeconds: 5, repeatKey: '1' })
  announcement.onKey('1')
  announcement.onPlayingEnded(1)
  clock.advance(60_000)
  expect(log).toEqual(['play', 'play'])
  lastWord()
  for (let times = 0; times < 20; times++) announcement.onKey('1')
  expect(log).toHaveLength(1 + REPEATS_MAX)
  lastWord()
  clock.advance(5000)
  expect(log.at(-1)).toBe('done')
})

it('says nothing more once the call ended otherwise', () => {
  const { clock, log, announcement, lastWord } = start({ waitForKeySeconds: 5 })
  lastWord()
  announcement.end()
  clock.advance(60_000)
  announcement.onKey('1')
  expect(log).toEqual(['play'])
})
