import { expect, it } from 'vitest'
import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { NO_RETRIES } from '../model/retry-policy.ts'
import type { BatchDefinition } from '../store/definitions.ts'
import { OrganizationMirror } from './organization-mirror.ts'

const NOON_EPOCH_MS = Date.UTC(2026, 0, 5, 12)
const RING_TIMEOUT_SECONDS = 20
const NOTHING_FREED = { total: 0, byBatch: new Map(), byTrunk: new Map() }

function batchOf(batchId: number, waiting: number): BatchDefinition {
  return {
    batchId,
    status: BATCH_STATUS_CODE.running,
    liveMax: 10,
    live: 0,
    expiresAtEpochMs: null,
    trunkId: 1,
    throttleId: null,
    caller: '+14155550100',
    ringTimeoutSeconds: RING_TIMEOUT_SECONDS,
    maxCallSeconds: 600,
    callingWindow: { zone: 'UTC', ranges: [{ weekdays: [1], from: '09:00', to: '12:00' }] },
    retryPolicy: NO_RETRIES,
    variableNames: null,
    agent: { kind: 'announcement', settings: {} },
    lanes: [
      {
        lane: 0,
        caller: null,
        agent: null,
        attemptsMax: null,
        trunkId: 1,
        zones: [],
        waiting,
        nextDueEpochMs: null,
      },
    ],
  }
}

/** Asks at so many milliseconds before noon, when the window closes. */
function askBeforeNoon(leftMs: number) {
  const mirror = new OrganizationMirror()
  mirror.see({ organizationId: 1, now: '', nowEpochMs: 0, liveMax: 50, live: 0, version: 1 })
  mirror.learn([batchOf(7, 100)])
  return mirror.choose(NOON_EPOCH_MS - leftMs, NOTHING_FREED).cursor.map(({ sendWithinMs }) => sendWithinMs)
}

it('lets nobody be rung beyond the end of the window, in whole milliseconds', () => {
  const ringMs = RING_TIMEOUT_SECONDS * 1000
  expect(askBeforeNoon(3_600_000)).toEqual([5000])
  expect(askBeforeNoon(ringMs + 5000)).toEqual([5000])
  // The database's clock has microseconds, and the claim takes whole milliseconds only.
  expect(askBeforeNoon(ringMs + 929.318)).toEqual([929])
  expect(askBeforeNoon(ringMs + 0.9)).toEqual([])
  expect(askBeforeNoon(ringMs)).toEqual([])
  expect(askBeforeNoon(1000)).toEqual([])
})

it('looks again at open batches in which nobody is known to wait, a hundred lanes at a time and all in turn', () => {
  const mirror = new OrganizationMirror()
  mirror.learn([batchOf(1, 5), ...Array.from({ length: 150 }, (_, index) => batchOf(index + 2, 0))])
  const first = mirror.lanesToRefresh(500).map(({ batchId }) => batchId)
  const second = mirror.lanesToRefresh(500).map(({ batchId }) => batchId)
  expect([first.length, second.length]).toEqual([101, 101])
  expect(first[0]).toBe(1)
  expect(new Set([...first, ...second]).size).toBe(151)
})
