import { describe, expect, it } from 'vitest'
import type { BatchFigures, BatchView, RecipientView } from '../../commands/views.ts'
import { BATCH_STATUSES } from '../../model/batch.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import {
  countCalls,
  encodeBatchId,
  encodeCalls,
  encodeCancelled,
  encodeProgressAnswer,
  encodeStarted,
  encodeStatus,
} from './encode.ts'
import * as wire from './wire.ts'

const BATCH_ID = '3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f'
const at = (text: string) => new Date(`2030-01-15T${text}Z`)

function figuresOf(given: Partial<BatchFigures>, outcomes: Partial<Record<Outcome, number>> = {}): BatchFigures {
  const none = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  const counted = { ...none, ...outcomes }
  const settled = Object.values(counted).reduce((sum, count) => sum + count, 0)
  const { waiting = 0, due = 0, live = 0 } = given
  const total = waiting + due + live + settled
  const calls = { dialing: live, accepted: 0, ringing: 0, talking: 0, attempts: 0, talkSeconds: 0 }
  return { ...calls, ...given, total, waiting, due, live, settled, outcomes: counted }
}

function batchOf(given: Partial<BatchView>): BatchView {
  return {
    id: BATCH_ID,
    status: 'running',
    rejectedRows: 0,
    startedAt: at('14:30:00'),
    completedAt: null,
    figures: figuresOf({}),
    ...given,
  } as BatchView
}

function recipientOf(given: Partial<RecipientView>): RecipientView {
  return {
    id: '0a1b2c3d-4e5f-4c9b-8e6f-3f2b8c1e5d7a',
    number: '+14155550123',
    state: 'ended',
    outcome: 'answered',
    causeText: '',
    lastDialedAt: at('14:30:00'),
    finishedAt: at('14:31:00'),
    talkSeconds: 45.24,
    variables: { first_name: 'Ada' },
    ...given,
  } as RecipientView
}

describe('counts', () => {
  const figures = figuresOf(
    { waiting: 4, due: 2, live: 3 },
    {
      answered: 10,
      voicemail: 1,
      busy: 1,
      'no-answer': 1,
      rejected: 1,
      failed: 1,
      cancelled: 1,
      expired: 1,
      unknown: 1,
      suppressed: 1,
      duplicate: 7,
      'invalid-number': 1,
      'not-allowed': 1,
    },
  )

  it('add up without repeated numbers, retries waiting with the others', () => {
    expect(countCalls(figures)).toEqual({ all: 30, waiting: 6, active: 3, completed: 11, failed: 10 })
  })

  it('of a cancel count live calls among the cancelled and make the total', () => {
    const answer = encodeCancelled(
      batchOf({
        status: 'cancelled',
        figures: figuresOf({ live: 5 }, { answered: 95, busy: 5, cancelled: 45, duplicate: 3 }),
      }),
    )
    expect(answer).toEqual({
      batchId: encodeBatchId(BATCH_ID),
      status: 'cancelled',
      message: 'Batch cancelled successfully',
      details: { completedCalls: 95, failedCalls: 5, cancelledCalls: 50, totalCalls: 150 },
    })
    expect(wire.cancelledBatch.parse(answer)).toEqual(answer)
  })
})

describe('statuses', () => {
  it.each([
    ['draft', 'queued'],
    ['scheduled', 'queued'],
    ['running', 'processing'],
    ['paused', 'processing'],
    ['completed', 'completed'],
    ['cancelled', 'cancelled'],
  ] as const)('a batch that is %s is %s', (status, expected) => {
    expect(encodeStatus(batchOf({ status }), [], 0).status).toBe(expected)
    expect(BATCH_STATUSES).toContain(status)
  })

  it.each([
    ['waiting', null, 'waiting'],
    ['due', null, 'waiting'],
    ['dialing', null, 'active'],
    ['accepted', null, 'active'],
    ['ringing', null, 'active'],
    ['answered', null, 'active'],
    ['ended', 'answered', 'completed'],
    ['ended', 'voicemail', 'completed'],
    ['ended', 'busy', 'failed'],
    ['ended', 'no-answer', 'failed'],
    ['ended', 'rejected', 'failed'],
    ['ended', 'failed', 'failed'],
    ['ended', 'unknown', 'failed'],
    ['ended', 'expired', 'failed'],
    ['ended', 'cancelled', 'failed'],
    ['ended', 'suppressed', 'failed'],
    ['ended', 'invalid-number', 'failed'],
    ['ended', 'not-allowed', 'failed'],
  ] as const)('a recipient that is %s with outcome %s is %s', (state, outcome, expected) => {
    const { calls } = encodeCalls(batchOf({}), [recipientOf({ state, outcome })], { page: 1, limit: 20, status: 'all' })
    expect(calls[0]?.status).toBe(expected)
    expect('error' in calls[0]!).toBe(expected === 'failed')
    expect('duration' in calls[0]!).toBe(expected === 'completed')
  })

  it('a repeated number is no call', () => {
    const page = [recipientOf({ outcome: 'duplicate' })]
    expect(encodeCalls(batchOf({}), page, { page: 1, limit: 20, status: 'all' }).calls).toEqual([])
  })
})

describe('the answer to a start', () => {
  const row = { line: 3, column: 'phone_number', value: '12', reason: 'too-short', remedy: 'Write the whole number.' }

  it('says queued and counts what will be called', () => {
    const batch = batchOf({ figures: figuresOf({ waiting: 150 }, { duplicate: 2 }) })
    const answer = encodeStarted({ batch, rejectedRows: [] }, 'https://x/rows')
    expect(answer).toEqual({
      batchId: 'batch_083967474442486040875495675417675517535',
      totalCalls: 150,
      status: 'queued',
      message: 'Batch calls initiated successfully',
      rejectedCount: 0,
      rejectedRows: [],
      rejectedRowsUrl: null,
    })
    expect(wire.startedBatch.parse(answer)).toEqual(answer)
  })

  it('shows the first hundred bad rows and where all are', () => {
    const created = { batch: batchOf({ rejectedRows: 101 }), rejectedRows: Array(101).fill(row) }
    const answer = encodeStarted(created, 'https://x/rows')
    expect(answer.rejectedRows).toHaveLength(100)
    expect(answer).toMatchObject({ rejectedCount: 101, rejectedRowsUrl: 'https://x/rows' })
    expect(wire.startedBatch.parse(answer)).toEqual(answer)
  })
})

describe('status and progress', () => {
  const figures = figuresOf({ waiting: 1, live: 1, talkSeconds: 135.6 }, { answered: 2, voicemail: 1, busy: 1 })
  const recent = [
    recipientOf({ outcome: 'busy', finishedAt: at('14:32:00') }),
    recipientOf({}),
    recipientOf({ outcome: 'failed', causeText: 'The number is not assigned', finishedAt: at('14:30:30') }),
  ]
  const jobId = 'call_013433369256225113606921467071144287610'

  it('the status page nests what the progress page spreads', () => {
    const batch = batchOf({ figures })
    const status = encodeStatus(batch, recent, 1_894_717_900_000)
    expect(status).toEqual({
      id: encodeBatchId(BATCH_ID),
      status: 'processing',
      isComplete: false,
      totalCalls: 6,
      progress: {
        waiting: 1,
        active: 1,
        completed: 3,
        failed: 1,
        total: 6,
        startTime: at('14:30:00').getTime(),
        lastCompletedTime: at('14:32:00').getTime(),
        completedTime: null,
        averageCallDuration: 45.2,
        recent_calls: [
          {
            jobId,
            status: 'failed',
            phone_number: '+14155550123',
            failedAt: at('14:32:00').getTime(),
            error: 'Number busy',
          },
          {
            jobId,
            status: 'completed',
            phone_number: '+14155550123',
            completedAt: at('14:31:00').getTime(),
            duration: 45.2,
          },
          {
            jobId,
            status: 'failed',
            phone_number: '+14155550123',
            failedAt: at('14:30:30').getTime(),
            error: 'The number is not assigned',
          },
        ],
      },
      timestamp: 1_894_717_900_000,
    })
    expect(encodeProgressAnswer(batch, recent)).toEqual({ ...status.progress, status: 'processing', isComplete: false })
    expect(wire.batchStatusAnswer.parse(status)).toEqual(status)
  })

  it('is complete when nobody waits and nobody talks', () => {
    const done = { ...figures, ...figuresOf({}, { answered: 1 }) }
    expect(encodeStatus(batchOf({ status: 'completed', figures: done }), [], 0).isComplete).toBe(true)
    expect(encodeStatus(batchOf({ status: 'cancelled', figures }), [], 0).isComplete).toBe(false)
    expect(encodeStatus(batchOf({ status: 'cancelled', figures: done }), [], 0).isComplete).toBe(true)
    expect(encodeStatus(batchOf({ status: 'running', figures: done }), [], 0).isComplete).toBe(false)
  })

  it('averages to zero before the first call was completed', () => {
    expect(encodeProgressAnswer(batchOf({ startedAt: null }), [])).toMatchObject({
      averageCallDuration: 0,
      startTime: null,
    })
  })
})

describe('the list of calls', () => {
  const batch = batchOf({ figures: figuresOf({ waiting: 30 }, { answered: 15, busy: 1, duplicate: 4 }) })
  const listed = (query: Partial<wire.CallsQuery>) =>
    encodeCalls(batch, [recipientOf({})], { page: 1, limit: 20, status: 'all', ...query })

  it('pages from 1, and counts what the filter shows', () => {
    expect(listed({}).pagination).toEqual({
      page: 1,
      limit: 20,
      total: 46,
      totalPages: 3,
      hasNext: true,
      hasPrev: false,
    })
    expect(listed({ page: 3 }).pagination).toMatchObject({ hasNext: false, hasPrev: true })
    expect(listed({ status: 'completed' }).pagination).toMatchObject({ total: 15, totalPages: 1, hasNext: false })
    expect(listed({ status: 'active' }).pagination).toMatchObject({
      total: 0,
      totalPages: 0,
      hasNext: false,
      hasPrev: false,
    })
    expect(listed({ page: 9 }).pagination).toMatchObject({ hasNext: false, hasPrev: true })
    expect(listed({ status: 'failed' }).summary).toEqual({
      total: 46,
      waiting: 30,
      active: 0,
      completed: 15,
      failed: 1,
    })
  })

  it('shows a call with the other columns of its row', () => {
    expect(listed({}).calls).toEqual([
      {
        jobId: 'call_013433369256225113606921467071144287610',
        status: 'completed',
        phone_number: '+14155550123',
        startTime: at('14:30:00').getTime(),
        endTime: at('14:31:00').getTime(),
        duration: 45.2,
        metadata: { first_name: 'Ada' },
      },
    ])
  })

  it('gives no times to a person who waits for another call', () => {
    const page = [recipientOf({ state: 'due', outcome: null, finishedAt: null })]
    expect(encodeCalls(batch, page, { page: 1, limit: 20, status: 'all' }).calls[0]).toMatchObject({
      startTime: null,
      endTime: null,
    })
  })
})
