import {
  AGENT,
  BATCHES,
  batchOf,
  CONVERSATIONS,
  type ElevenLabsServer,
  NUMBER,
  numberEndingIn,
} from '../elevenlabs-server.ts'
import type { InputRule, OperationRules } from './input-rule.ts'

/** What the wire format of ElevenLabs takes and refuses, a row for each rule. */

const BAD = 422
const TAKEN = 200
const DAY_SECONDS = 86_400
const FOREIGN = 'agent_0000000000000000000000'
const FOREIGN_NUMBER = 'phnum_0000000000000000000000'
const long = (chars: number) => 'x'.repeat(chars)

/** A second so many days from now. */
export const daysAhead = (days: number): number => Math.floor(Date.now() / 1_000) + days * DAY_SECONDS
/** Far enough ahead that nothing is dialled. */
export const quietBatch = (rest: object = {}): object => batchOf(['10'], { scheduled_time_unix: daysAhead(1), ...rest })

const NUMBERS_THAT_ARE_NONE = [
  '14155550100',
  '+1 415 555 0100',
  'tel:+14155550100',
  '+1',
  '+1234567890123456',
  '＋14155550100',
  'sip:attacker@example.com',
]

const ofText = (field: string, said: string, most: number): readonly InputRule[] => [
  [field, 'wrong type', 7, BAD, said],
  [field, 'one below', '', BAD, said],
  [field, 'one above', long(most + 1), BAD, said],
]
const ofName = (field: string, said: string): readonly InputRule[] => [
  [field, 'missing', undefined, BAD, said],
  ...ofText(field, said, 255),
  [field, 'form', '   ', BAD, said],
  [field, 'taken', 'n'.repeat(255), TAKEN],
]
const id = (field: string, foreign: string): readonly InputRule[] => [
  [field, 'missing', undefined, BAD, field],
  ...ofText(field, field, 255),
  [field, 'foreign id', foreign, 404],
]

const telephony: readonly InputRule[] = [
  ['telephony_call_config', 'wrong type', 'x', BAD, 'telephony_call_config'],
  ['telephony_call_config', 'taken', null, TAKEN],
  ['telephony_call_config.ringing_timeout_secs', 'wrong type', '60', BAD, 'ringing_timeout_secs'],
  ['telephony_call_config.ringing_timeout_secs', 'wrong type', 5.5, BAD, 'ringing_timeout_secs'],
  ['telephony_call_config.ringing_timeout_secs', 'one below', 4, BAD, 'ringing_timeout_secs'],
  ['telephony_call_config.ringing_timeout_secs', 'taken', 5, TAKEN],
  ['telephony_call_config.ringing_timeout_secs', 'taken', 80, TAKEN],
  ['telephony_call_config.ringing_timeout_secs', 'one above', 81, BAD, 'ringing_timeout_secs'],
  ['telephony_call_config.twilio_call_recording_enabled', 'wrong type', 'yes', BAD, 'twilio_call_recording_enabled'],
  ['telephony_call_config.twilio_call_recording_enabled', 'taken', true, TAKEN],
  ['telephony_call_config.twilio_machine_detection', 'wrong type', true, BAD, 'twilio_machine_detection'],
  ['telephony_call_config.twilio_machine_detection', 'taken', { mode: 'enable' }, TAKEN],
]

const clientData = (before: string): readonly InputRule[] => {
  const at = `${before}conversation_initiation_client_data`
  return [
    [at, 'wrong type', [], BAD, 'conversation_initiation_client_data'],
    [at, 'taken', null, TAKEN],
    [`${at}.dynamic_variables`, 'wrong type', 'x', BAD, 'dynamic_variables'],
    [`${at}.dynamic_variables`, 'wrong type', [], BAD, 'dynamic_variables'],
    [`${at}.dynamic_variables`, 'taken', { count: 5, vip: true, note: null }, TAKEN],
    [`${at}.dynamic_variables`, 'form', { x: 'y'.repeat(70_000) }, BAD, 'dynamic_variables'],
    [`${at}.user_id`, 'wrong type', 7, BAD, 'user_id'],
    [`${at}.user_id`, 'one above', long(256), BAD, 'user_id'],
    [`${at}.user_id`, 'taken', long(255), TAKEN],
  ]
}

const BATCH: readonly InputRule[] = [
  ...ofName('call_name', 'call_name'),
  ['call_name', 'taken', "'; DROP TABLE batch; -- <script>", TAKEN],
  ...id('agent_id', FOREIGN),
  ['agent_id', 'foreign id', 'nobody', 404],
  ...ofText('agent_phone_number_id', 'agent_phone_number_id', 255),
  ['agent_phone_number_id', 'taken', undefined, TAKEN],
  ['agent_phone_number_id', 'taken', null, TAKEN],
  ['agent_phone_number_id', 'foreign id', FOREIGN_NUMBER, 404],
  ['agent_phone_number_id', 'foreign id', '+19995550100', 404],
  ['scheduled_time_unix', 'wrong type', '1900000000', BAD, 'scheduled_time_unix'],
  ['scheduled_time_unix', 'wrong type', 1_900_000_000.5, BAD, 'scheduled_time_unix'],
  ['scheduled_time_unix', 'wrong type', '2030-01-01T00:00:00Z', BAD, 'scheduled_time_unix'],
  ['scheduled_time_unix', 'one below', -1, BAD, 'scheduled_time_unix'],
  ['scheduled_time_unix', 'form', 1_900_000_000_000, BAD, 'scheduled_time_unix'],
  ['scheduled_time_unix', 'one above', 7_258_118_400, BAD, 'scheduled_time_unix'],
  ['scheduled_time_unix', 'taken', 7_258_118_399, TAKEN],
  ['timezone', 'wrong type', 5, BAD, 'timezone'],
  ['timezone', 'form', 'Mars/Olympus', BAD, 'timezone'],
  ['timezone', 'form', '+02:00', BAD, 'timezone'],
  ['timezone', 'one above', long(101), BAD, 'timezone'],
  ['timezone', 'taken', 'Europe/Berlin', TAKEN],
  ['target_concurrency_limit', 'wrong type', '5', BAD, 'target_concurrency_limit'],
  ['target_concurrency_limit', 'one below', 0, BAD, 'target_concurrency_limit'],
  ['target_concurrency_limit', 'taken', 50, TAKEN],
  ['target_concurrency_limit', 'one above', 51, BAD, 'target_concurrency_limit'],
  ['target_concurrency_limit', 'one above', 1_000_001, BAD, 'target_concurrency_limit'],
  ['whatsapp_params', 'wrong type', { whatsapp_phone_number_id: 'x' }, BAD, 'whatsapp_params'],
  ['whatsapp_params', 'taken', null, TAKEN],
  ...ofText('branch_id', 'branch_id', 255),
  ...ofText('environment', 'environment', 255),
  ...telephony,
  ['recipients', 'missing', undefined, BAD, 'recipients'],
  ['recipients', 'wrong type', {}, BAD, 'recipients'],
  ['recipients', 'one below', [], BAD, 'recipients'],
  ['recipients', 'one above', Array(10_001).fill({ phone_number: '+14155550100' }), BAD, 'recipients'],
  ['recipients[]', 'wrong type', null, BAD, /"recipients",0/],
  ['recipients[]', 'wrong type', '+14155550100', BAD, /"recipients",0/],
  ...ofText('recipients[].id', 'recipients', 255),
  ['recipients[].id', 'taken', long(255), TAKEN],
  ['recipients[].phone_number', 'form', undefined, BAD, /"recipients",0,"phone_number"/],
  ['recipients[].phone_number', 'form', null, BAD, /"recipients",0,"phone_number"/],
  ...ofText('recipients[].phone_number', 'phone_number', 100),
  ...NUMBERS_THAT_ARE_NONE.map(
    (number): InputRule => ['recipients[].phone_number', 'form', number, BAD, /"recipients",0,"phone_number"/],
  ),
  ['recipients[].whatsapp_user_id', 'wrong type', 5, BAD, 'whatsapp_user_id'],
  ['recipients[].whatsapp_user_id', 'one above', long(256), BAD, 'whatsapp_user_id'],
  ['recipients[].whatsapp_user_id', 'taken', null, TAKEN],
  ...clientData('recipients[].'),
]

const call = (line: 'twilio' | 'sip-trunk'): OperationRules<ElevenLabsServer> => ({
  operation: `POST /v1/convai/${line}/outbound-call`,
  body: () => ({ agent_id: AGENT, agent_phone_number_id: NUMBER, to_number: numberEndingIn('10') }),
  rules: [
    ...id('agent_id', FOREIGN),
    ...id('agent_phone_number_id', FOREIGN_NUMBER),
    ['to_number', 'missing', undefined, BAD, 'to_number'],
    ...ofText('to_number', 'to_number', 100),
    ...NUMBERS_THAT_ARE_NONE.map((number): InputRule => ['to_number', 'form', number, BAD, 'to_number']),
    ...telephony,
    ...clientData(''),
    ...(line === 'sip-trunk'
      ? []
      : ([
          ['call_recording_enabled', 'wrong type', 'yes', BAD, 'call_recording_enabled'],
          ['call_recording_enabled', 'taken', true, TAKEN],
        ] satisfies InputRule[])),
  ],
  ids: ['agent_id', 'agent_phone_number_id'],
})

const wholeInQuery = (field: string, ends: { min: number; max: number }): readonly InputRule[] => [
  [field, 'one below', ends.min - 1, BAD, field.slice(1)],
  [field, 'taken', ends.min, TAKEN],
  [field, 'taken', ends.max, TAKEN],
  [field, 'one above', ends.max + 1, BAD, field.slice(1)],
  [field, 'form', '1e1', BAD, field.slice(1)],
]
const page: readonly InputRule[] = [
  ...wholeInQuery('?page_size', { min: 1, max: 100 }),
  ['?cursor', 'one below', '', BAD, 'cursor'],
  ['?cursor', 'one above', long(1_001), BAD, 'cursor'],
  ['?cursor', 'foreign id', 'of_nobody', BAD, 'cursor'],
]
const agentInQuery: readonly InputRule[] = [
  ['?agent_id', 'one below', '', BAD, 'agent_id'],
  ['?agent_id', 'one above', long(256), BAD, 'agent_id'],
  ['?agent_id', 'foreign id', FOREIGN, 404],
]
const time = (field: string): readonly InputRule[] => [
  [field, 'one below', -1, BAD, field.slice(1)],
  [field, 'taken', 1_700_000_000, TAKEN],
  [field, 'one above', 7_258_118_400, BAD, field.slice(1)],
  [field, 'form', 'yesterday', BAD, field.slice(1)],
]

export const elevenlabsRules: readonly OperationRules<ElevenLabsServer>[] = [
  { operation: `POST ${BATCHES}/submit`, body: quietBatch, rules: BATCH, ids: ['agent_id', 'agent_phone_number_id'] },
  {
    operation: `GET ${BATCHES}/workspace`,
    rules: [
      ...wholeInQuery('?limit', { min: 1, max: 1_000 }),
      ['?last_doc', 'one below', '', BAD, 'last_doc'],
      ['?last_doc', 'one above', long(256), BAD, 'last_doc'],
      ['?last_doc', 'foreign id', 'btcal_0000000000000000000000', BAD, 'last_doc'],
      ...agentInQuery,
    ],
    ids: ['?agent_id', '?last_doc'],
  },
  {
    operation: `GET ${CONVERSATIONS}`,
    rules: [
      ...page,
      ...agentInQuery,
      ...time('?call_start_after_unix'),
      ...time('?call_start_before_unix'),
      ['?exclude_statuses', 'taken', 'failed', TAKEN],
      ['?exclude_statuses', 'form', 'lost', BAD, 'exclude_statuses'],
      ['?sort_direction', 'taken', 'desc', TAKEN],
      ['?sort_direction', 'form', 'asc', BAD, 'sort_direction'],
    ],
    ids: ['?agent_id', '?cursor'],
  },
  call('twilio'),
  call('sip-trunk'),
  {
    operation: 'GET /v1/convai/agents',
    rules: [
      ...page,
      ['?search', 'taken', 'ann', TAKEN],
      ['?search', 'one above', long(256), BAD, 'search'],
      ['?archived', 'taken', 'true', TAKEN],
      ['?archived', 'form', 'perhaps', BAD, 'archived'],
    ],
    ids: ['?cursor'],
  },
  {
    operation: 'GET /v1/convai/phone-numbers',
    rules: [...agentInQuery, ['?provider', 'taken', 'twilio', TAKEN], ['?provider', 'form', 'fax', BAD, 'provider']],
    ids: ['?agent_id'],
  },
  {
    operation: 'POST /v1/workspace/webhooks',
    body: () => ({ settings: { auth_type: 'hmac', name: 'calls', webhook_url: 'https://127.0.0.1:8443/hook' } }),
    rules: [
      ['settings', 'missing', undefined, BAD, 'settings'],
      ['settings', 'wrong type', 5, BAD, 'settings'],
      ['settings.auth_type', 'missing', undefined, BAD, 'auth_type'],
      ['settings.auth_type', 'wrong type', 5, BAD, 'auth_type'],
      ['settings.auth_type', 'form', 'oauth2', BAD, 'auth_type'],
      ...ofName('settings.name', 'name'),
      ['settings.webhook_url', 'missing', undefined, BAD, 'webhook_url'],
      ['settings.webhook_url', 'wrong type', 5, BAD, 'webhook_url'],
      ['settings.webhook_url', 'one below', '', BAD, 'webhook_url'],
      ['settings.webhook_url', 'one above', `https://example.com/${long(2_000)}`, BAD, 'webhook_url'],
      ['settings.webhook_url', 'form', 'ftp://example.com', BAD, 'webhook_url'],
      ['settings.webhook_url', 'form', 'https://10.0.0.1/', BAD, 'webhook_url'],
    ],
  },
  {
    operation: 'GET /v1/workspace/webhooks',
    rules: [
      ['?include_usages', 'taken', 'true', TAKEN],
      ['?include_usages', 'form', 'perhaps', BAD, 'include_usages'],
    ],
  },
  {
    operation: 'PATCH /v1/workspace/webhooks/{webhook_id}',
    path: () => '/v1/workspace/webhooks/nothing',
    body: () => ({ is_disabled: false, name: 'calls' }),
    rules: [
      ['is_disabled', 'missing', undefined, BAD, 'is_disabled'],
      ['is_disabled', 'wrong type', 'yes', BAD, 'is_disabled'],
      ['name', 'missing', undefined, BAD, 'name'],
      ...ofText('name', 'name', 255),
      ['name', 'form', '   ', BAD, 'name'],
      ['name', 'form', 'of what is not there', 404],
    ],
  },
  {
    operation: 'PATCH /v1/convai/settings',
    body: () => ({}),
    rules: [
      ['webhooks', 'wrong type', 5, BAD, 'webhooks'],
      ['webhooks', 'taken', null, TAKEN],
      ...ofText('webhooks.post_call_webhook_id', 'post_call_webhook_id', 255),
      ['webhooks.post_call_webhook_id', 'taken', null, TAKEN],
      ['webhooks.post_call_webhook_id', 'foreign id', 'wh_0000000000000000000000', 404],
      ['webhooks.events', 'wrong type', 'transcript', BAD, 'events'],
      ['webhooks.events', 'one above', Array(7).fill('audio'), BAD, 'events'],
      ['webhooks.events', 'taken', [], TAKEN],
      ['webhooks.events[]', 'wrong type', 5, BAD, 'events'],
      ['webhooks.events[]', 'form', 'everything', BAD, 'events'],
    ],
    ids: ['webhooks.post_call_webhook_id'],
  },
]
