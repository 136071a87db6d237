import { describe, expect, it } from 'vitest'
import type { JudgeEntry } from '../../src/carriers/loopback/judge-log.ts'
import { busiestWindow, courtRecordOf, doubleCalls, mostLive, requestsAfter } from '../../verify/judge.ts'

const EPOCH_MS = 1_700_000_000_000

function entry(atMs: number, what: string, fields: object = {}): JudgeEntry {
  return { what, atEpochMs: EPOCH_MS + atMs, atMonotonicMs: atMs, ...fields }
}

/** A request that is taken, and its call, which lives for `livesMs`. */
function call(atMs: number, name: string, { to = '+14155550100', livesMs = 100 } = {}): JudgeEntry[] {
  const of = { ref: name, to, callId: `LB${name}` }
  return [
    entry(atMs, 'create-request', { ...of, outcome: 'created' }),
    entry(atMs, 'call-started', of),
    entry(atMs + livesMs, 'call-ended', of),
  ]
}

function recordOf(...entries: JudgeEntry[][]) {
  return courtRecordOf(entries.flat().sort((a, b) => a.atMonotonicMs - b.atMonotonicMs))
}

it('refuses a log of two runs, whose times cannot be compared', () => {
  expect(() => courtRecordOf([entry(0, 'judge-started'), entry(9, 'judge-started')])).toThrow(/more than one run/)
})

describe('double calls', () => {
  it('finds none where each attempt was sent once and calls to a number follow each other', () => {
    expect(doubleCalls(recordOf(call(0, 'a'), call(100, 'b'), call(50, 'c', { to: '+14155550101' })))).toEqual([])
  })

  it('finds an attempt that was sent twice, even when the first was refused', () => {
    const refused = entry(0, 'create-request', { ref: 'a', to: '+14155550195', outcome: 'refused' })
    expect(doubleCalls(recordOf([refused], call(500, 'a')))).toEqual(['attempt a was sent 2 times'])
  })

  it('finds two attempts that ring one number at the same time, also behind a short one', () => {
    const record = recordOf(call(0, 'a', { livesMs: 900 }), call(100, 'b', { livesMs: 10 }), call(800, 'c'))
    expect(doubleCalls(record)).toEqual([
      'call LBb began while another to its number lived',
      'call LBc began while another to its number lived',
    ])
  })

  it('counts a call that never ended as one that still lives', () => {
    const unended = call(0, 'a').slice(0, 2)
    expect(doubleCalls(recordOf(unended, call(9000, 'b')))).toHaveLength(1)
  })
})

describe('live calls', () => {
  it('sweeps over starts and ends in the order of the log', () => {
    const numbers = ['+14155550101', '+14155550102', '+14155550103']
    const record = recordOf(...[0, 50, 100].map((at, index) => call(at, `${at}`, { to: numbers[index]! })))
    expect(mostLive(record)).toBe(2)
  })

  it('is zero for an empty log', () => {
    expect(mostLive(recordOf())).toBe(0)
  })
})

describe('calls per second', () => {
  const limit = { windowMs: 950, callsPerSecond: 10 }
  const requests = (atMs: readonly number[]) => {
    return atMs.map((at, index) => entry(at, 'create-request', { ref: `${index}`, to: '+1', outcome: 'refused' }))
  }

  it('accepts an even rate, and tells the most', () => {
    expect(busiestWindow(recordOf(requests([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])), limit)).toEqual({
      most: 10,
      allowed: 10,
      broken: [],
    })
  })

  it('finds one too many, wherever the window begins', () => {
    const found = busiestWindow(
      recordOf(requests([0, 500, 580, 660, 740, 820, 900, 980, 1060, 1140, 1220, 1300])),
      limit,
    )
    expect(found.most).toBe(11)
    expect(found.broken).toEqual(['11 calls began within 950 ms until 1300 ms, 10 may'])
  })

  it('counts a second request for the same attempt as a double call and not here', () => {
    const twice = requests([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).flatMap((one) => [one, one])
    expect(busiestWindow(recordOf(twice), limit).most).toBe(10)
  })

  it('allows what the rate gives in the longest pause of the network, where it touches the window', () => {
    const crowded = requests([0, 90, 180, 270, 360, 450, 540, 630, 720, 810, 900])
    const paused = (atMs: number) => [entry(atMs, 'event-loop-lag', { longestMs: 150, windowMs: 160 })]
    expect(busiestWindow(recordOf(crowded, paused(100)), limit)).toEqual({ most: 11, allowed: 11, broken: [] })
    expect(busiestWindow(recordOf(crowded, paused(1070)), limit).broken).toHaveLength(1)
  })
})

it('tells what began after an instant, for some numbers', () => {
  const record = recordOf(call(0, 'a'), call(200, 'b'), call(300, 'c', { to: '+14155550101' }), call(400, 'd'))
  const numbers = new Set(['+14155550100'])
  const refs = (found: { ref: string }[]) => found.map(({ ref }) => ref)
  expect(refs(requestsAfter(record, EPOCH_MS + 100, { numbers }))).toEqual(['b', 'd'])
  expect(refs(requestsAfter(record, EPOCH_MS + 100, { numbers, untilEpochMs: EPOCH_MS + 400 }))).toEqual(['b'])
})
