import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { Hands } from './hands.ts'

it('works with one hand for a second after it found a gate taken, and then with two again', async () => {
  const clock = new FakeClock()
  const hands = new Hands(clock)
  expect(hands.count).toBe(2)
  hands.noteGateTaken()
  await clock.advanceSettling(600)
  hands.noteGateTaken()
  await clock.advanceSettling(999)
  expect(hands.count).toBe(1)
  await clock.advanceSettling(1)
  expect(hands.count).toBe(2)
})
