import { expect, it } from 'vitest'
import { claimedCall } from '../../test/live-call.ts'
import { IdCipher } from '../model/id-cipher.ts'
import { organizationsToRead } from './row-check.ts'

const ids = new IdCipher(Buffer.alloc(16, 3))
const row = { organizationId: 7, batchId: 1, seq: 2, n: 1, hangUpAsked: false, canBeEnded: false }
const refOfRow = ids.encode({ kind: 'attempt', organizationId: 7, batchId: 1, seq: 2, n: 1 })

it.each([
  ['is as remembered', {}, {}, []],
  ['is to be ended', { hangUpAsked: true }, {}, [7]],
  ['is to be ended, which is known', { hangUpAsked: true }, { hangUpAsked: true }, []],
  ['tells what ends it', { canBeEnded: true }, {}, [7]],
  ['tells what ends it, which is known', { canBeEnded: true }, { carrierState: 'a dialog' }, []],
])('of a call that is held, a row that %s', (_, told, remembered, expected) => {
  const call = Object.assign(claimedCall(0), remembered)
  const callOf = (organizationId: number, ref: string) => (organizationId === 7 && ref === refOfRow ? call : undefined)
  expect([...organizationsToRead([{ ...row, ...told }], { ids, callOf })]).toEqual(expected)
})

it('reads the rows of an organization in which one is not held', () => {
  expect([...organizationsToRead([row, { ...row, seq: 3 }], { ids, callOf: () => undefined })]).toEqual([7])
})
