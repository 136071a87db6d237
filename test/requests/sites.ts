import type { DialectName } from '../dialect-facts/registry.ts'
import type { RequestWorld } from './request-world.ts'

/** Where one wire format takes what the table speaks of. */
export type Slot =
  | 'name'
  | 'to'
  | 'variables'
  | 'concurrency'
  | 'ringSeconds'
  | 'startAt'
  | 'zone'
  | 'retries'
  | 'from'
  | 'list'

// biome-ignore lint/suspicious/noExplicitAny: bodies are bent into whatever a case needs.
type Body = any

/** A request that makes a list, or calls one person, with a place for each thing that may be wrong with it. */
export interface Site {
  readonly dialect: DialectName
  readonly path: (world: RequestWorld) => string
  /** A body that is taken. */
  readonly good: (world: RequestWorld) => Body
  readonly put: Readonly<Partial<Record<Slot, (body: Body, value: unknown) => void>>>
  /** What a refusal calls these places. */
  readonly names: Readonly<Partial<Record<Slot, string>>>
  /** An entry of its list. */
  readonly person?: (to: string, world: RequestWorld) => object
}

const TO = '+12125550100'
const outgoing = (to: unknown): object => ({ medium: { twilio: { outgoing: { to, from: '+15005550100' } } } })

export const SITES: readonly Site[] = [
  {
    dialect: 'native',
    path: () => '/carillon/v1/batches',
    good: ({ agent }) => ({ agent, draft: true, recipients: [{ to: TO }] }),
    put: {
      name: (body, value) => Object.assign(body, { name: value }),
      to: (body, value) => Object.assign(body.recipients[0], { to: value }),
      variables: (body, value) => Object.assign(body.recipients[0], { variables: value }),
      concurrency: (body, value) => Object.assign(body, { concurrency: value }),
      ringSeconds: (body, value) => Object.assign(body, { ringTimeoutSeconds: value }),
      startAt: (body, value) => Object.assign(body, { startAt: value, draft: false }),
      zone: (body, value) =>
        Object.assign(body, {
          callingWindow: { zone: value, ranges: [{ weekdays: [1], from: '09:00', to: '17:00' }] },
        }),
      retries: (body, value) => Object.assign(body, { retryPolicy: { maxAttempts: value, rules: {} } }),
      from: (body, value) => Object.assign(body, { callerNumber: value }),
      list: (body, value) => Object.assign(body, { recipients: value }),
    },
    names: {
      name: 'name',
      to: 'recipients[0].to',
      variables: 'recipients[0].variables',
      concurrency: 'concurrency',
      ringSeconds: 'ringTimeoutSeconds',
      startAt: 'startAt',
      zone: 'callingWindow.zone',
      retries: 'retryPolicy.maxAttempts',
      from: 'callerNumber',
      list: 'recipients',
    },
    person: (to) => ({ to }),
  },
  {
    dialect: 'trillet',
    path: () => '/v1/api/call',
    good: ({ agent }) => ({ call_agent_id: agent, to: TO }),
    put: {
      to: (body, value) => Object.assign(body, { to: value }),
      variables: (body, value) => Object.assign(body, { dynamic_variables: value }),
    },
    names: {
      to: 'to',
      variables: 'dynamic_variables',
    },
  },
  {
    dialect: 'ultravox',
    path: ({ agent }) => `/api/agents/${agent}/scheduled_batches`,
    good: () => ({ calls: [outgoing(TO)], paused: true }),
    put: {
      to: (body, value) => Object.assign(body, { calls: [outgoing(value)] }),
      variables: (body, value) => Object.assign(body.calls[0], { templateContext: value }),
      startAt: (body, value) => Object.assign(body, { windowStart: value }),
      list: (body, value) => Object.assign(body, { calls: value }),
    },
    names: {
      to: 'calls[0].medium.twilio.outgoing.to',
      variables: 'calls[0].templateContext',
      startAt: 'windowStart',
      list: 'calls',
    },
    person: outgoing,
  },
  {
    dialect: 'cartesia',
    path: () => '/agents/calls/batches',
    good: ({ agent, number }) => ({
      name: 'spring',
      agent_id: agent,
      from_number_id: number,
      recipients: [{ to_number: TO }],
    }),
    put: {
      name: (body, value) => Object.assign(body, { name: value }),
      to: (body, value) => Object.assign(body.recipients[0], { to_number: value }),
      variables: (body, value) => Object.assign(body.recipients[0], { metadata: value }),
      concurrency: (body, value) => Object.assign(body, { target_concurrency_limit: value }),
      ringSeconds: (body, value) => Object.assign(body, { ringing_timeout_seconds: value }),
      startAt: (body, value) => Object.assign(body, { scheduled_at: value }),
      from: (body, value) => Object.assign(body, { from_number_id: value }),
      list: (body, value) => Object.assign(body, { recipients: value }),
    },
    names: {
      name: 'name',
      to: 'recipients[0].to_number',
      variables: 'recipients[0].metadata',
      concurrency: 'target_concurrency_limit',
      ringSeconds: 'ringing_timeout_seconds',
      startAt: 'scheduled_at',
      list: 'recipients',
    },
    person: (to) => ({ to_number: to }),
  },
  {
    dialect: 'elevenlabs',
    path: () => '/v1/convai/batch-calling/submit',
    good: ({ agent, number }) => ({
      call_name: 'spring',
      agent_id: agent,
      agent_phone_number_id: number,
      recipients: [{ phone_number: TO }],
    }),
    put: {
      name: (body, value) => Object.assign(body, { call_name: value }),
      to: (body, value) => Object.assign(body.recipients[0], { phone_number: value }),
      variables: (body, value) =>
        Object.assign(body.recipients[0], { conversation_initiation_client_data: { dynamic_variables: value } }),
      concurrency: (body, value) => Object.assign(body, { target_concurrency_limit: value }),
      ringSeconds: (body, value) => Object.assign(body, { telephony_call_config: { ringing_timeout_secs: value } }),
      zone: (body, value) => Object.assign(body, { timezone: value }),
      from: (body, value) => Object.assign(body, { agent_phone_number_id: value }),
      list: (body, value) => Object.assign(body, { recipients: value }),
    },
    names: {
      name: 'call_name',
      to: 'recipients[0].phone_number',
      variables: 'recipients[0].conversation_initiation_client_data.dynamic_variables',
      concurrency: 'target_concurrency_limit',
      ringSeconds: 'telephony_call_config.ringing_timeout_secs',
      zone: 'timezone',
      list: 'recipients',
    },
    person: (to) => ({ phone_number: to }),
  },
  {
    dialect: 'zudu',
    path: () => '/batch-call',
    good: ({ agent }) => ({
      agent_id: agent,
      from_number: '+15005550100',
      status: 'draft',
      name: 'spring',
      tasks: [{ to_number: TO }],
    }),
    put: {
      name: (body, value) => Object.assign(body, { name: value }),
      to: (body, value) => Object.assign(body.tasks[0], { to_number: value }),
      variables: (body, value) => Object.assign(body.tasks[0], { dynamic_variables: value }),
      startAt: (body, value) => Object.assign(body, { status: 'scheduled', trigger_timestamp: value }),
      zone: (body, value) => Object.assign(body, { timezone: value }),
      retries: (body, value) => Object.assign(body.tasks[0], { max_retries: value }),
      from: (body, value) => Object.assign(body, { from_number: value }),
      list: (body, value) => Object.assign(body, { tasks: value }),
    },
    names: {
      name: 'name',
      to: 'tasks[0].to_number',
      variables: 'tasks[0].dynamic_variables',
      startAt: 'trigger_timestamp',
      zone: 'timezone',
      retries: 'tasks[0].max_retries',
      from: 'from_number',
      list: 'tasks',
    },
    person: (to) => ({ to_number: to }),
  },
  {
    dialect: 'retell',
    path: () => '/create-batch-call',
    good: ({ agent }) => ({
      from_number: '+15005550100',
      name: 'spring',
      trigger_timestamp: Date.now() + 86_400_000,
      tasks: [{ to_number: TO, override_agent_id: agent }],
    }),
    put: {
      name: (body, value) => Object.assign(body, { name: value }),
      to: (body, value) => Object.assign(body.tasks[0], { to_number: value }),
      variables: (body, value) => Object.assign(body.tasks[0], { metadata: value }),
      startAt: (body, value) => Object.assign(body, { trigger_timestamp: value }),
      zone: (body, value) =>
        Object.assign(body, { call_time_window: { windows: [{ start: 540, end: 1_020 }], timezone: value } }),
      from: (body, value) => Object.assign(body, { from_number: value }),
      list: (body, value) => Object.assign(body, { tasks: value }),
    },
    names: {
      name: 'name',
      to: 'tasks[0].to_number',
      variables: 'tasks[0].metadata',
      startAt: 'trigger_timestamp',
      zone: 'call_time_window.timezone',
      list: 'tasks',
      from: 'from_number',
    },
    person: (to, { agent }) => ({ to_number: to, override_agent_id: agent }),
  },
]

/** Routes that take a list as a file. */
export const UPLOADS: readonly { readonly dialect: DialectName; readonly path: string; readonly agentField: string }[] =
  [
    { dialect: 'native', path: '/carillon/v1/batches', agentField: 'agent' },
    { dialect: 'trillet', path: '/v1/api/batch-calls', agentField: 'agentId' },
  ]
