import { describe, expect, it } from 'vitest'
import type { Figures } from './api-types.ts'
import { folded, networkProof, proofsOf, rowsOfResults, stopProof } from './demo-report.ts'

const people = [{ number: '+14155550100' }, { number: '+14155550170' }, { number: '+14155550171' }]
const rows = [
  { number: '+14155550100', outcome: 'answered', attempts: 1 },
  { number: '+14155550170', outcome: 'busy', attempts: 1 },
  { number: '+14155550171', outcome: 'busy', attempts: 1 },
]
const figures: Figures = {
  total: 3,
  waiting: 0,
  due: 0,
  live: 0,
  settled: 3,
  dialing: 0,
  accepted: 0,
  ringing: 0,
  talking: 0,
  attempts: 3,
  talkSeconds: 8,
  outcomes: { answered: 1, busy: 2, failed: 0 },
}
const holding = (changes: Partial<Figures>, found = rows): boolean[] =>
  proofsOf({ figures: { ...figures, ...changes } }, found, people).map(({ holds }) => holds)

describe('proofsOf', () => {
  it('holds when everything agrees', () => {
    expect(holding({})).toEqual([true, true, true, true])
  })

  it('fails for a person without an outcome', () => {
    expect(holding({}, rows.slice(0, 2))).toEqual([false, true, false, false])
  })

  it('fails for a person on file twice', () => {
    expect(holding({}, [...rows.slice(0, 2), rows[0]!])[0]).toBe(false)
  })

  it('fails for a person called twice', () => {
    expect(holding({ attempts: 4 }, [{ ...rows[0]!, attempts: 2 }, ...rows.slice(1)])).toEqual([
      true,
      false,
      true,
      true,
    ])
  })

  it('fails for a counter that differs', () => {
    expect(holding({ outcomes: { answered: 2, busy: 1 } })).toEqual([true, true, false, true])
    expect(holding({ attempts: 4 })).toEqual([true, true, true, false])
  })
})

it('takes the word of the network', () => {
  const asked = (to: string) => ({ what: 'create-request', to })
  const log = [{ what: 'judge-started' }, asked('+1'), asked('+2'), { what: 'call-started', to: '+1' }]
  expect(networkProof(log, 2).holds).toBe(true)
  expect(networkProof(log, 3).holds).toBe(false)
  expect(networkProof([...log, asked('+2')], 2).holds).toBe(false)
  expect(networkProof([...log, asked('+2')], 3).holds).toBe(false)
})

it('reads the rows back from a result file', () => {
  const text = 'phone_number,"na,me",outcome,attempts\n14155550100,"a,b",answered,1\n14155550170,,busy,1\n'
  expect(rowsOfResults(text)).toEqual(rows.slice(0, 2))
})

it('wants exactly those on the list who pressed the stop key', () => {
  const pressed = [
    { number: '+1', keysPressed: '9' },
    { number: '+2', keysPressed: '1' },
  ]
  expect(stopProof(pressed, [{ number: '+1' }]).holds).toBe(true)
  expect(stopProof(pressed, []).holds).toBe(false)
  expect(stopProof(pressed, [{ number: '+2' }]).holds).toBe(false)
  expect(stopProof(pressed, [{ number: '+1' }, { number: '+2' }]).holds).toBe(false)
})

it('breaks lines between words', () => {
  expect(folded('Hello Zoë, this is Ames Dental.', 12)).toEqual(['Hello Zoë,', 'this is Ames', 'Dental.'])
})
