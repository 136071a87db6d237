import { describe, expect, it } from 'vitest'
import type { BatchFigures, BatchView } from '../../commands/views.ts'
import { BATCH_STATUSES } from '../../model/batch.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import { batchStatusOf, countCalls, endReasonOf, isExpressible, statusOf } from './encode.ts'
import { decodeId, encodeId, ownId } from './ids.ts'

function batchOf(
  status: BatchView['status'],
  given: Partial<BatchFigures>,
  outcomes: Partial<Record<Outcome, number>> = {},
): BatchView {
  const none = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const counted = { ...none, ...outcomes }
  const settled = Object.values(counted).reduce((sum, count) => sum + count, 0)
  const { waiting = 0, due = 0, live = 0, attempts = 1 } = given
  const total = waiting + due + live + settled
  const figures = { waiting, due, live, settled, total, attempts, outcomes: counted } as BatchFigures
  return { status, figures, isSingle: false, callerNumberId: 'n' } as BatchView
}

describe('the status of a batch', () => {
  const later = { hasFailed: true }
  it.each([
    ['draft', { waiting: 3 }, {}, 'pending'],
    ['scheduled', { waiting: 2 }, { duplicate: 1 }, 'pending'],
    ['running', { waiting: 3 }, {}, 'pending'],
    ['running', { waiting: 2, live: 1 }, {}, 'in_progress'],
    ['paused', { waiting: 1 }, { answered: 1 }, 'in_progress'],
    ['running', { live: 3 }, {}, 'completed'],
    ['running', { due: 1 }, { answered: 2 }, 'in_progress'],
    ['completed', {}, { answered: 1, failed: 1 }, 'completed'],
    ['completed', { attempts: 0 }, { suppressed: 2, duplicate: 1 }, 'failed'],
    ['cancelled', {}, { answered: 1, cancelled: 2 }, 'cancelled'],
    ['cancelled', { live: 1 }, { cancelled: 2 }, 'cancelled'],
    ['cancelled', { live: 2 }, {}, 'completed'],
  ] as const)('%s with %j and %j is %s', (status, figures, outcomes, expected) => {
    expect(batchStatusOf(batchOf(status, figures, outcomes), later)).toBe(expected)
    const first = batchStatusOf(batchOf(status, figures, outcomes), { hasFailed: false })
    expect(first).toBe(expected === 'failed' ? 'completed' : expected)
  })

  it('is there for every status of the core', () => {
    for (const status of BATCH_STATUSES) expect(batchStatusOf(batchOf(status, { waiting: 1 }), later)).toBeTruthy()
  })
})

describe('counts', () => {
  it('are of recipients: who never could be called was dispatched, who was cancelled was not', () => {
    const batch = batchOf(
      'running',
      { waiting: 4, due: 2, live: 3 },
      { answered: 5, busy: 1, suppressed: 2, cancelled: 7 },
    )
    expect(countCalls(batch)).toEqual({ scheduled: 24, dispatched: 11, finished: 8 })
  })
})

describe('a recipient', () => {
  it('has the status of the table for every outcome', () => {
    const statuses = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, statusOf('ended', outcome)]))
    expect(statuses).toEqual({
      answered: 'completed',
      voicemail: 'completed',
      busy: 'failed',
      'no-answer': 'failed',
      rejected: 'failed',
      failed: 'failed',
      cancelled: 'cancelled',
      expired: 'failed',
      unknown: 'failed',
      'not-sent': 'failed',
      suppressed: 'failed',
      duplicate: 'failed',
      'invalid-number': 'failed',
      'not-allowed': 'failed',
    })
    expect(
      (['waiting', 'due', 'dialing', 'accepted', 'ringing', 'answered'] as const).map((state) => statusOf(state, null)),
    ).toEqual(['queued', 'queued', 'dispatched', 'dispatched', 'dispatched', 'started'])
  })

  it.each([
    ['answered', 'callee-hung-up', 'client_hangup'],
    ['answered', 'agent-hung-up', 'agent_hangup'],
    ['answered', 'hung-up-by-user', 'api_cancelled'],
    ['answered', 'max-duration', 'max_duration'],
    ['answered', 'inactivity', 'inactivity'],
    ['answered', 'media-lost', 'client_disconnected'],
    ['answered', 'node-lost', 'error'],
    ['busy', 'busy-here', 'dial_busy'],
    ['no-answer', 'ring-timeout', 'dial_no_answer'],
    ['rejected', 'declined', 'dial_failed'],
    ['failed', 'unallocated-number', 'dial_failed'],
    ['unknown', 'lookup-missed', 'error'],
  ] as const)('that was %s (%s) ended by %s', (outcome, cause, expected) => {
    expect(endReasonOf(outcome, cause)).toBe(expected)
  })
})

it('what this wire format cannot say', () => {
  const batch = batchOf('completed', {}, { answered: 5_000 })
  expect(isExpressible(batch)).toBe(true)
  expect(isExpressible(batchOf('completed', {}, { answered: 5_001 }))).toBe(false)
  expect(isExpressible({ ...batch, isSingle: true })).toBe(false)
  expect(isExpressible({ ...batch, callerNumberId: null })).toBe(false)
})

it('ids have a word and 22 digits, and come back', () => {
  const uuid = '3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f'
  const id = encodeId('batch', uuid)
  expect(id).toMatch(/^acb_[0-9A-Za-z]{22}$/)
  expect(decodeId('batch', id)).toBe(id.slice(4))
  expect(decodeId('batch', uuid)).toBe(uuid)
  expect(ownId('agent', uuid, ['crm-7', 'agent_x'])).toBe('agent_x')
  expect(ownId('number', uuid, ['crm-7'])).toMatch(/^ap_/)
})
