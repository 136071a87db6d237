import { expect, test } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { NodeShare } from './node-share.ts'

const RATE = { perSecond: 12, burst: 24 }
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a node lets its part through; one that comes or goes counts within seconds', async () => {
  const clock = new FakeClock()
  let nodes = 3
  const share = new NodeShare(clock, async () => nodes)
  expect(await share.of(RATE)).toEqual({ perSecond: 4, burst: 8 })
  nodes = 2
  expect(await share.of(RATE)).toEqual({ perSecond: 4, burst: 8 })
  clock.advance(5_000)
  await share.of(RATE)
  await settled()
  expect(await share.of(RATE)).toEqual({ perSecond: 6, burst: 12 })
})

test('one request at once is always let through, also when there are more nodes than the burst', async () => {
  const share = new NodeShare(new FakeClock(), async () => 100)
  expect(await share.of({ perSecond: 1, burst: 2 })).toEqual({ perSecond: 0.01, burst: 1 })
})

test('what cannot be counted is taken as it was, and is counted once at a time', async () => {
  const clock = new FakeClock()
  const answers: (number | null)[] = [null, 2, null]
  let asked = 0
  const share = new NodeShare(clock, async () => {
    asked++
    const answer = answers.shift() ?? null
    if (answer === null) throw new Error('away')
    return answer
  })
  expect(await Promise.all([share.of(RATE), share.of(RATE)])).toEqual([RATE, RATE])
  expect(asked).toBe(1)
  for (const perSecond of [6, 6]) {
    clock.advance(5_000)
    await share.of(RATE)
    await settled()
    expect(await share.of(RATE)).toMatchObject({ perSecond })
  }
})
