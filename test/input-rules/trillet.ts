import { type Reply, replyOf } from '../product-server.ts'
import { AGENT_ID, type TrilletServer } from '../trillet-server.ts'
import type { InputRule, OperationRules } from './input-rule.ts'

/** What Trillet's wire format takes and refuses, a row for each rule. How forms are written is tried beside it. */

const BAD = 400
const CSV = 'phone_number,first_name\n+14155550123,Ada\n'
const long = (chars: number) => 'x'.repeat(chars)
const gaps = (...list: readonly object[]) => JSON.stringify({ enabled: true, maxAttempts: 3, gaps: list })

/** A form of fields; the file is one of them. */
async function sendForm({ baseUrl, headers }: TrilletServer, fields: Record<string, unknown>): Promise<Reply> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'file' && typeof value === 'string') form.append(name, new Blob([value]), 'batch-calls.csv')
    else form.append(name, String(value))
  }
  return replyOf(await fetch(`${baseUrl}/v1/api/batch-calls`, { method: 'POST', headers, body: form }))
}

const START: readonly InputRule[] = [
  ['file', 'missing', undefined, BAD, '"No file uploaded"'],
  ['file', 'wrong type', 5, BAD, '"No file uploaded"'],
  ['file', 'taken', CSV, 200, '"totalCalls":1'],
  ['file', 'form', '', BAD, 'CSV validation failed'],
  ['file', 'form', 'phone_number\n', BAD, 'CSV validation failed'],
  ['file', 'form', 'name\nAda\n', BAD, 'CSV validation failed'],
  ['file', 'one below', 'phone_number\n12\n', BAD, 'CSV validation failed'],
  ['agentId', 'missing', undefined, BAD, '"No agent ID provided"'],
  ['agentId', 'one below', '', BAD, '"No agent ID provided"'],
  ['agentId', 'wrong type', 5, 404, '"Agent not found"'],
  ['agentId', 'foreign id', 'agent_999', 404, '"Agent not found"'],
  ['scheduledAt', 'taken', '2099-01-15T14:30:00Z', 200],
  ['scheduledAt', 'taken', '2024-01-15T14:30:00Z', 200],
  ['scheduledAt', 'wrong type', 1_736_951_400, BAD, 'scheduledAt'],
  ['scheduledAt', 'form', 'tomorrow', BAD, 'scheduledAt'],
  ['scheduledAt', 'form', '2099-01-15T14:30:00', BAD, 'scheduledAt'],
  ['scheduledAt', 'form', '2099-02-29T00:00:00Z', BAD, 'scheduledAt'],
  ['scheduledAt', 'one below', '', BAD, 'scheduledAt'],
  ['smartCallbackConfig', 'taken', JSON.stringify({ enabled: false }), 200],
  ['smartCallbackConfig', 'taken', gaps({ days: 0.5, hours: 0 }), 200],
  ['smartCallbackConfig', 'wrong type', 5, BAD, 'smartCallbackConfig'],
  ['smartCallbackConfig', 'wrong type', '"yes"', BAD, 'smartCallbackConfig'],
  ['smartCallbackConfig', 'wrong type', '{"enabled":"yes"}', BAD, 'smartCallbackConfig.enabled'],
  ['smartCallbackConfig', 'form', '{enabled: true}', BAD, 'smartCallbackConfig'],
  ['smartCallbackConfig', 'one below', '{"enabled":true,"maxAttempts":0}', BAD, 'smartCallbackConfig.maxAttempts'],
  ['smartCallbackConfig', 'one above', '{"enabled":true,"maxAttempts":21}', BAD, 'smartCallbackConfig.maxAttempts'],
  ['smartCallbackConfig', 'one below', gaps({ days: -1 }), BAD, 'smartCallbackConfig.gaps[0].days'],
  ['smartCallbackConfig', 'one below', gaps({ hours: -1 }), BAD, 'smartCallbackConfig.gaps[0].hours'],
  ['smartCallbackConfig', 'one above', gaps({ days: 16 }, { days: 16 }), BAD, 'smartCallbackConfig.gaps'],
  ['onBadRows', 'taken', 'reject', 200],
  ['onBadRows', 'wrong type', 5, BAD, 'onBadRows'],
  ['onBadRows', 'form', 'ignore', BAD, 'onBadRows'],
  ['onBadRows', 'form', 'reject', BAD, 'CSV validation failed', { file: `${CSV}12,Bad\n` }],
]

const values = (field: string): readonly InputRule[] => [
  [field, 'taken', null, 200],
  [field, 'taken', { order: 7 }, 200],
  [field, 'wrong type', 'x', BAD, field],
  [field, 'wrong type', [], BAD, field],
  [field, 'one above', { x: long(70_000) }, BAD, field],
]
const NUMBERS_THAT_ARE_NONE = ['4155550123', '+1 415 555 0123', 'tel:+14155550123', '+1', '＋14155550123', 'sip:a@b']

const CALL: readonly InputRule[] = [
  ['to', 'missing', undefined, BAD, 'to'],
  ['to', 'wrong type', 14_155_550_123, BAD, 'to'],
  ['to', 'one below', '', BAD, 'to'],
  ['to', 'one above', `+${'1'.repeat(100)}`, BAD, 'to'],
  ...NUMBERS_THAT_ARE_NONE.map((number): InputRule => ['to', 'form', number, BAD, 'to']),
  ['call_agent_id', 'missing', undefined, BAD, 'call_agent_id'],
  ['call_agent_id', 'wrong type', 5, BAD, 'call_agent_id'],
  ['call_agent_id', 'one below', '', BAD, 'call_agent_id'],
  ['call_agent_id', 'one above', long(256), BAD, 'call_agent_id'],
  ['call_agent_id', 'foreign id', 'agent_999', 404, '"Agent not found"'],
  ...values('dynamic_variables'),
  ...values('metadata'),
]

const CALLS: readonly InputRule[] = [
  ['?page', 'taken', 1_000_000_000, 200],
  ['?page', 'one below', 0, BAD, 'page'],
  ['?page', 'one above', 1_000_000_001, BAD, 'page'],
  ['?page', 'form', '1.5', BAD, 'page'],
  ['?limit', 'taken', 100, 200],
  ['?limit', 'one below', 0, BAD, 'limit'],
  ['?limit', 'one above', 101, BAD, 'limit'],
  ['?limit', 'form', '1e1', BAD, 'limit'],
  ['?status', 'taken', 'active', 200],
  ['?status', 'form', 'done', BAD, 'status'],
  ['?status', 'form', '', BAD, 'status'],
]

/** Of a batch that the test makes first. */
export interface TrilletWorld {
  readonly server: TrilletServer
  readonly batchId: string
}

/** Makes a batch of one person. */
export async function startBatch(server: TrilletServer): Promise<string> {
  return (await sendForm(server, { file: CSV, agentId: AGENT_ID })).body.batchId
}

export const trilletRules: readonly OperationRules<TrilletWorld>[] = [
  {
    operation: 'POST /v1/api/batch-calls',
    body: () => ({ file: CSV, agentId: AGENT_ID }),
    send: ({ server }, body) => sendForm(server, body),
    rules: START,
    ids: ['agentId'],
  },
  {
    operation: 'POST /v1/api/call',
    body: () => ({ to: '+14155550123', call_agent_id: AGENT_ID }),
    rules: CALL,
    ids: ['call_agent_id'],
  },
  {
    operation: 'GET /v1/api/batch-calls/{batchId}/calls',
    path: ({ batchId }) => `/v1/api/batch-calls/${batchId}/calls`,
    rules: CALLS,
  },
]
