import { describe, expect, it } from 'vitest'
import { ALL_CAUSES, type Cause } from '../../model/cause.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import {
  type CallFacts,
  encodeCall,
  encodeListedCall,
  isExpressible,
  outcomesWith,
  reasonOf,
  statusOf,
} from './encode.ts'
import { decodeId, encodeId, ownAgentId } from './ids.ts'
import type { DisconnectionReason, RetellCallStatus } from './wire.ts'

/** As the vendor's page on disconnections has them: with which status each reason comes. */
const STATUS_OF_REASON: Readonly<Record<DisconnectionReason, readonly RetellCallStatus[]>> = {
  user_hangup: ['ended'],
  agent_hangup: ['ended'],
  voicemail_reached: ['ended'],
  inactivity: ['ended'],
  max_duration_reached: ['ended'],
  dial_busy: ['not_connected'],
  dial_failed: ['not_connected'],
  dial_no_answer: ['not_connected'],
  invalid_destination: ['not_connected'],
  telephony_provider_permission_denied: ['not_connected'],
  telephony_provider_unavailable: ['not_connected'],
  sip_routing_error: ['not_connected'],
  user_declined: ['not_connected'],
  error_llm_websocket_open: ['error'],
  error_llm_websocket_runtime: ['error'],
  error_no_audio_received: ['error'],
  error_retell: ['error'],
  error_unknown: ['error'],
  registered_call_timeout: ['not_connected'],
  // Stopped before or after the answer.
  manual_stopped: ['not_connected', 'ended'],
}

const ID = '0a1b2c3d-4e5f-4c9b-8e6f-3f2b8c1e5d7a'
const at = (text: string) => new Date(`2030-01-15T${text}Z`)
const facts = (rest: Partial<CallFacts> = {}): CallFacts => ({
  id: ID,
  batchId: ID,
  agent: { id: ID, name: 'Nora', aliases: ['sales', 'agent_1'] },
  dialectFields: null,
  from: '+14157774444',
  to: '+12137774445',
  state: 'ended',
  outcome: 'answered',
  cause: 'callee-hung-up',
  answeredBy: 'not-detected',
  dialedAt: at('14:30:00'),
  answeredAt: at('14:30:05'),
  endedAt: at('14:30:09'),
  spokenText: 'Hello Ada',
  variables: { first_name: 'Ada', visits: 3 },
  metadata: { id: 7 },
  ...rest,
})

describe('how a call ended', () => {
  it('has for every outcome and cause a reason with a status that goes with it', () => {
    const seen = new Set<DisconnectionReason>()
    for (const outcome of OUTCOMES) {
      for (const cause of ALL_CAUSES) {
        const reason = reasonOf(outcome, cause)
        seen.add(reason)
        expect(STATUS_OF_REASON[reason], `${outcome} ${cause}`).toContain(statusOf({ state: 'ended', outcome, cause }))
      }
    }
    expect([...seen].sort()).toEqual(Object.keys(STATUS_OF_REASON).sort())
  })

  it.each<[Outcome, Cause, RetellCallStatus, DisconnectionReason]>([
    ['answered', 'callee-hung-up', 'ended', 'user_hangup'],
    ['answered', 'agent-hung-up', 'ended', 'agent_hangup'],
    ['answered', 'max-duration', 'ended', 'max_duration_reached'],
    ['answered', 'hung-up-by-user', 'ended', 'manual_stopped'],
    ['answered', 'agent-error', 'error', 'error_llm_websocket_runtime'],
    ['voicemail', 'machine-detected', 'ended', 'voicemail_reached'],
    ['busy', 'busy-here', 'not_connected', 'dial_busy'],
    ['no-answer', 'ring-timeout', 'not_connected', 'dial_no_answer'],
    ['rejected', 'declined', 'not_connected', 'user_declined'],
    ['failed', 'carrier-refused', 'not_connected', 'dial_failed'],
    ['failed', 'unallocated-number', 'not_connected', 'invalid_destination'],
    ['failed', 'trunk-unreachable', 'not_connected', 'telephony_provider_unavailable'],
    ['failed', 'voice-failed', 'error', 'error_retell'],
    ['cancelled', 'cancelled-by-user', 'not_connected', 'manual_stopped'],
    ['unknown', 'lookup-missed', 'error', 'error_unknown'],
  ])('%s by %s is %s, %s', (outcome, cause, status, reason) => {
    expect(reasonOf(outcome, cause)).toBe(reason)
    expect(statusOf({ state: 'ended', outcome, cause })).toBe(status)
  })

  it.each([
    ['waiting', 'registered'],
    ['dialing', 'registered'],
    ['ringing', 'registered'],
    ['answered', 'ongoing'],
  ] as const)('%s is %s', (state, status) => {
    expect(statusOf({ state, outcome: null, cause: 'none' })).toBe(status)
  })

  it('is looked for among the outcomes that may end so, and no others', () => {
    expect(outcomesWith((end) => reasonOf(end.outcome, end.cause) === 'dial_busy')).toEqual(['busy'])
    const stopped = outcomesWith((end) => reasonOf(end.outcome, end.cause) === 'manual_stopped')
    expect(stopped).toEqual(['answered', 'cancelled'])
  })
})

describe('a call', () => {
  it('is told with its times in milliseconds and what was said', () => {
    expect(encodeCall(facts())).toEqual({
      call_type: 'phone_call',
      call_id: 'call_0a1b2c3d4e5f4c9b8e6f3f2b8c1e5d7a',
      agent_id: 'agent_1',
      agent_name: 'Nora',
      agent_version: 0,
      call_status: 'ended',
      direction: 'outbound',
      from_number: '+14157774444',
      to_number: '+12137774445',
      batch_call_id: 'batch_call_0a1b2c3d4e5f4c9b8e6f3f2b8c1e5d7a',
      metadata: { id: 7 },
      retell_llm_dynamic_variables: { first_name: 'Ada', visits: '3' },
      start_timestamp: 1_894_717_800_000,
      end_timestamp: 1_894_717_809_000,
      duration_ms: 4_000,
      disconnection_reason: 'user_hangup',
      transcript: 'Agent: Hello Ada\n',
      transcript_object: [{ role: 'agent', content: 'Hello Ada', words: [] }],
    })
  })

  it('that nobody answered has no length, and one that waits no times', () => {
    const busy = encodeListedCall(facts({ outcome: 'busy', cause: 'busy-here', answeredAt: null }))
    expect(busy).toMatchObject({ duration_ms: 0, call_status: 'not_connected' })
    const none = {
      state: 'waiting',
      outcome: null,
      cause: 'none',
      dialedAt: null,
      answeredAt: null,
      endedAt: null,
    } as const
    const waiting = encodeListedCall(facts({ ...none, batchId: null, metadata: null, variables: {} }))
    expect(Object.keys(waiting)).toEqual([
      'call_type',
      'call_id',
      'agent_id',
      'agent_name',
      'agent_version',
      'call_status',
      'direction',
      'from_number',
      'to_number',
    ])
  })

  it('names the agent as it was named for it', () => {
    const named = encodeListedCall(facts({ dialectFields: { override_agent_id: 'other' } }))
    expect(named.agent_id).toBe('other')
    expect(named).not.toHaveProperty('agent_name')
    const same = encodeListedCall(facts({ dialectFields: { override_agent_id: 'agent_1' } }))
    expect(same).toMatchObject({ agent_id: 'agent_1', agent_name: 'Nora' })
  })

  it('says whether a machine answered only where that is known', () => {
    const told = (rest: Partial<CallFacts>) => encodeListedCall(facts(rest)).call_analysis
    expect(told({})).toBeUndefined()
    expect(told({ answeredBy: 'uncertain' })).toBeUndefined()
    expect(told({ answeredBy: 'human' })).toEqual({ in_voicemail: false })
    expect(told({ answeredBy: 'machine' })).toEqual({ in_voicemail: true })
    expect(told({ outcome: 'voicemail' })).toEqual({ in_voicemail: true })
  })

  it('that is not placed from here to a telephone cannot be told', () => {
    expect(isExpressible(facts())).toBe(true)
    expect(isExpressible(facts({ to: '' }))).toBe(false)
    expect(isExpressible(facts({ from: '' }))).toBe(false)
  })
})

describe('ids', () => {
  it('go back and forth, and what is spelled in another way stays as it is', () => {
    expect(decodeId('batch', encodeId('batch', ID))).toBe(ID.replaceAll('-', ''))
    expect(decodeId('call', ID)).toBe(ID)
  })

  it('that an owner brought along are told where they look like the vendor’s', () => {
    const of = (...aliases: string[]) => ownAgentId({ id: ID, aliases })
    expect(of('sales')).toBe('agent_0a1b2c3d4e5f4c9b8e6f3f2b8c1e5d7a')
    expect(of('sales', 'oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD')).toBe('oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD')
    expect(of('agent_7ff4')).toBe('agent_7ff4')
  })
})
