import { describe, expect, it } from 'vitest'
import type { BatchFigures, BatchView, RecipientView } from '../../commands/views.ts'
import { BATCH_STATUSES as OUR_STATUSES } from '../../model/batch.ts'
import { OUTCOMES } from '../../model/disposition.ts'
import { batchStatusOf, clientDataOf, encodeBatch, encodeRecipient, isExpressible, statusOf } from './encode.ts'
import { conversationStatusOf, OUTCOMES_OF_STATUS, STATES_OF_STATUS } from './encode-conversation.ts'
import { decodeId, encodeId, ownId } from './ids.ts'
import { BATCH_STATUSES, CONVERSATION_STATUSES, RECIPIENT_STATUSES, RECIPIENTS_MAX } from './wire.ts'

const ID = '0a1b2c3d-4e5f-4c9b-8e6f-3f2b8c1e5d7a'
const at = (second: number) => new Date(1_777_000_000_900 + second * 1_000)

function batchOf(given: Partial<BatchView>, figures: Partial<BatchFigures> = {}): BatchView {
  const outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as BatchFigures['outcomes']
  return {
    id: ID,
    name: 'spring',
    isSingle: false,
    status: 'running',
    agent: { id: ID, name: 'Nora', aliases: [] },
    trunk: { id: ID, name: 't', carrier: 'loopback' },
    callerNumberId: ID,
    concurrency: 7,
    ringTimeoutSeconds: 30,
    retryCount: 0,
    dialectFields: null,
    createdAt: at(0),
    updatedAt: at(1),
    startAt: null,
    lastDialedAt: null,
    completedAt: null,
    figures: { total: 3, waiting: 0, due: 0, settled: 0, attempts: 1, outcomes, ...figures },
    ...given,
  } as BatchView
}

describe('statuses', () => {
  const THEIRS = {
    draft: 'pending',
    scheduled: 'pending',
    running: 'in_progress',
    paused: 'in_progress',
    completed: 'completed',
    cancelled: 'cancelled',
  } as const

  it('of ours have one of theirs each, and theirs are all used', () => {
    const batches = OUR_STATUSES.map((status) => batchStatusOf(batchOf({ status })))
    const never = batchStatusOf(batchOf({ status: 'completed' }, { attempts: 0 }))
    expect(new Set([...batches, never])).toEqual(new Set(BATCH_STATUSES))
    expect(batches).toEqual(OUR_STATUSES.map((status) => THEIRS[status]))
    const states = ['waiting', 'due', 'dialing', 'accepted', 'ringing', 'answered'] as const
    const ofStates = states.map((state) => statusOf(state, null))
    expect(ofStates).toEqual(['pending', 'pending', 'dispatched', 'initiated', 'initiated', 'in_progress'])
    const ofOutcomes = OUTCOMES.map((outcome) => statusOf('ended', outcome))
    expect(new Set([...ofStates, ...ofOutcomes])).toEqual(new Set(RECIPIENT_STATUSES))
  })

  it('of conversations filter to the states and outcomes that they are made from', () => {
    for (const status of CONVERSATION_STATUSES) {
      for (const state of STATES_OF_STATUS[status]) expect(conversationStatusOf({ state, outcome: null })).toBe(status)
      for (const outcome of OUTCOMES_OF_STATUS[status]) {
        expect(conversationStatusOf({ state: 'ended', outcome })).toBe(status)
      }
    }
    expect(CONVERSATION_STATUSES.flatMap((status) => OUTCOMES_OF_STATUS[status]).sort()).toEqual([...OUTCOMES].sort())
    expect(STATES_OF_STATUS.processing).toEqual([])
  })
})

describe('a batch', () => {
  it('counts whoever was never dialled as finished, whoever was cancelled not, and whoever waits not', () => {
    const { outcomes } = batchOf({}).figures
    const ended = { ...outcomes, answered: 2, suppressed: 1, cancelled: 4 }
    const figures = { total: 12, waiting: 2, due: 1, live: 2, settled: 7, outcomes: ended }
    expect(encodeBatch(batchOf({}, figures))).toMatchObject({
      total_calls_scheduled: 12,
      total_calls_dispatched: 5,
      total_calls_finished: 3,
    })
  })

  it('gives back what was sent, and of another format what is known', () => {
    const sent = { agentId: 'agent_theirs', numberId: 'phnum_theirs', timezone: 'Asia/Tokyo', concurrency: null }
    expect(encodeBatch(batchOf({ dialectFields: sent, startAt: at(60), lastDialedAt: at(70) }))).toMatchObject({
      agent_id: 'agent_theirs',
      phone_number_id: 'phnum_theirs',
      timezone: 'Asia/Tokyo',
      target_concurrency_limit: null,
      created_at_unix: 1_777_000_000,
      scheduled_time_unix: 1_777_000_060,
      last_updated_at_unix: 1_777_000_070,
    })
    expect(encodeBatch(batchOf({ callerNumberId: null }))).toMatchObject({
      agent_id: encodeId('agent', ID),
      phone_number_id: null,
      phone_provider: null,
      target_concurrency_limit: 7,
      scheduled_time_unix: 1_777_000_000,
      telephony_call_config: { ringing_timeout_secs: 30, twilio_machine_detection: null },
    })
  })

  it('that is one call, or too long for one answer, cannot be said', () => {
    expect(isExpressible(batchOf({}))).toBe(true)
    expect(isExpressible(batchOf({ isSingle: true }))).toBe(false)
    expect(isExpressible(batchOf({}, { total: RECIPIENTS_MAX }))).toBe(true)
    expect(isExpressible(batchOf({}, { total: RECIPIENTS_MAX + 1 }))).toBe(false)
  })
})

describe('a recipient', () => {
  const person = {
    id: ID,
    number: '+14155550123',
    state: 'due',
    outcome: null,
    latestAttemptId: ID,
    lastDialedAt: at(5),
    answeredAt: null,
    lastEndedAt: at(9),
    finishedAt: null,
    variables: { a: 1 },
    dialectFields: null,
  } as unknown as RecipientView

  it('who waits for another dial has no conversation; who was brought by somebody else no number', () => {
    const batch = { createdAt: at(0) }
    expect(encodeRecipient(person, batch)).toMatchObject({
      status: 'pending',
      conversation_id: null,
      updated_at_unix: 1_777_000_009,
    })
    const done = { ...person, state: 'ended', outcome: 'voicemail', number: '' } as const
    expect(encodeRecipient(done, batch)).toMatchObject({
      status: 'voicemail',
      phone_number: null,
      conversation_id: encodeId('conversation', ID),
    })
  })

  it('keeps what was sent beside the variables, and nothing stored can take their place', () => {
    const data = { user_id: 'u', dynamic_variables: 'no', conversation_config_override: 'no' }
    expect(clientDataOf({ variables: { a: 1 }, dialectFields: { data } })).toEqual({
      user_id: 'u',
      conversation_config_override: {},
      custom_llm_extra_body: {},
      dynamic_variables: { a: 1 },
    })
  })
})

describe('an id', () => {
  it('is written with its word and read with or without it', () => {
    const text = encodeId('conversation', ID)
    expect(text).toMatch(/^conv_[0-9A-Za-z]{22}$/)
    expect(decodeId('conversation', text)).toBe(text.slice('conv_'.length))
    expect(decodeId('conversation', ID)).toBe(ID)
    expect(decodeId('batch', text)).toBe(text)
  })

  it('is that of its owner where it looks like one of theirs', () => {
    expect(ownId('agent', ID, ['sales', 'agent_01'])).toBe('agent_01')
    expect(ownId('number', ID, ['agent_01'])).toBe(encodeId('number', ID))
  })
})
