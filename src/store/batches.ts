import { BATCH_STATUS_CODE } from '../model/batch.ts'
import type { CallingWindow } from '../model/calling-window.ts'
import type { RetryPolicy } from '../model/retry-policy.ts'
import { numberArray } from './array-literal.ts'
import { ask, askPrepared, change } from './ask.ts'
import type { Gate } from './gate.ts'
import type { ReadStatement } from './one-message.ts'
import { FINAL_OUTCOMES, type OutcomeColumn } from './outcome-columns.ts'
import type { Client } from './owner-transaction.ts'

/** A batch with its state, its figures and the names of what it uses. */
export interface BatchRow extends Record<OutcomeColumn, number> {
  batch_id: number
  batch_uuid: string
  name: string
  dialect: string
  /** Made for one call; lists do not show it. */
  single: boolean
  status: number
  agent_id: number
  agent_uuid: string
  agent_name: string
  agent_aliases: string[]
  caller_number: string | null
  caller_number_uuid: string | null
  trunk_id: number
  trunk_uuid: string
  trunk_name: string
  carrier: string
  ring_timeout_seconds: number
  max_call_seconds: number
  calling_window: CallingWindow | null
  retry_policy: RetryPolicy
  duplicate_numbers: 'skip' | 'call'
  columns: string[] | null
  phone_column: number | null
  rejected_rows: number
  throttle_id: number | null
  /** How often people of it were asked to be called again. */
  retry_count: number
  metadata: Record<string, unknown> | null
  dialect_fields: Record<string, unknown> | null
  created_at: Date
  updated_at: Date
  start_at: Date | null
  expires_at: Date | null
  started_at: Date | null
  last_dialed_at: Date | null
  completed_at: Date | null
  live_max: number
  organization_live_max: number
  total: number
  due: number
  live: number
  settled: number
  dialing: number
  accepted: number
  ringing: number
  talking: number
  attempts: number
  talk_ms: number
}

/** What lists read as one text each, since every column of every row costs the driver: see {@link ListedBatchRow}. */
const COUNT_COLUMNS = [
  ...(['total', 'due', 'live', 'settled', 'dialing', 'accepted', 'ringing', 'talking', 'attempts'] as const),
  ...FINAL_OUTCOMES.map(({ column }) => column),
]
type CountColumn = (typeof COUNT_COLUMNS)[number]

const OTHER_COLUMNS = `b.batch_id, b.batch_uuid, b.name, b.dialect, b.single, s.status, b.agent_id, a.agent_uuid, a.name AS agent_name, a.aliases AS agent_aliases,
   b.caller_number, p.number_uuid AS caller_number_uuid, b.trunk_id, t.trunk_uuid, t.name AS trunk_name, t.carrier,
   b.ring_timeout_seconds, b.max_call_seconds, b.calling_window, b.retry_policy, b.duplicate_numbers, b.columns, b.phone_column,
   b.rejected_rows, b.throttle_id, b.retry_count, b.metadata, b.dialect_fields, b.created_at, b.updated_at, s.start_at, s.expires_at, s.started_at,
   s.last_dialed_at, s.completed_at, s.live_max, (SELECT g.live_max FROM gate g WHERE g.organization_id = $1) AS organization_live_max,
   s.talk_ms::float8 AS talk_ms`

const COUNTS = COUNT_COLUMNS.map((column) => `s.${column}`).join(', ')
const COLUMNS = `${OTHER_COLUMNS}, ${COUNTS}`

/**
 * By key for each batch, whatever the planner knows: a join in whose place it may also read a whole table is read so for
 * good by a plan that was made when the table was empty.
 */
const FROM = `FROM batch b
 CROSS JOIN LATERAL (SELECT * FROM batch_state x WHERE x.organization_id = $1 AND x.batch_id = b.batch_id LIMIT 1) s
 CROSS JOIN LATERAL (SELECT x.*, ARRAY(SELECT y.alias FROM alias y WHERE y.organization_id = $1 AND y.kind = 'agent' AND y.object_id = x.agent_id ORDER BY y.alias) AS aliases
   FROM agent x WHERE x.organization_id = $1 AND x.agent_id = b.agent_id LIMIT 1) a
 CROSS JOIN LATERAL (SELECT * FROM trunk x WHERE x.organization_id = $1 AND x.trunk_id = b.trunk_id LIMIT 1) t
 LEFT JOIN LATERAL (SELECT * FROM phone_number x WHERE x.organization_id = $1 AND x.number = b.caller_number LIMIT 1) p ON true
 WHERE b.organization_id = $1 AND b.deleted_at IS NULL`

const SELECT = `SELECT ${COLUMNS} ${FROM}`

/** The counts of a batch by their columns. */
export type BatchCounts = Pick<BatchRow, CountColumn>

/** A row of a list: its counts are one text, which {@link countsOf} reads. */
export type ListedBatchRow = Omit<BatchRow, CountColumn> & { readonly counts: string }

/** What {@link countsOf} fills: an object that grows field by field costs three times as much memory. */
const NO_COUNTS = Object.fromEntries(COUNT_COLUMNS.map((column) => [column, 0])) as Record<CountColumn, number>

export function countsOf({ counts }: ListedBatchRow): BatchCounts {
  const numbers = counts.slice(1, -1).split(',')
  const made = { ...NO_COUNTS }
  for (let index = 0; index < COUNT_COLUMNS.length; index++) made[COUNT_COLUMNS[index]!] = Number(numbers[index])
  return made
}

const LISTED = `SELECT ${OTHER_COLUMNS}, ARRAY[${COUNTS}]::text AS counts`

/**
 * Rows of the batches whose numbers a query finds, in an order: nothing else of any other batch is read. `extra` are more
 * columns, each with a comma before it.
 */
export function batchRowsSql(numbers: string, order: string, extra = ''): string {
  return `${LISTED}${extra} ${FROM} AND b.batch_id = ANY(ARRAY(${numbers})) ORDER BY ${order}`
}

/** Rides batch_pkey or the unique index of batch_uuid. */
export async function findBatch(
  client: Client,
  organizationId: number,
  key: { uuid: string } | { batchId: number },
): Promise<BatchRow | undefined> {
  const [name, condition, value] =
    'uuid' in key
      ? ['batch_by_uuid', 'b.batch_uuid = $2::uuid', key.uuid]
      : ['batch_by_id', 'b.batch_id = $2::int', key.batchId]
  const statement = { name, text: `${SELECT} AND ${condition}`, values: [organizationId, value] }
  return (await askPrepared<BatchRow>(client, statement))[0]
}

/** What a text may stand for: the id of an agent, when it looks like one, or what its owner calls it. */
export interface AgentReference {
  readonly uuid: string | null
  readonly alias: string
}

export interface BatchFilter {
  readonly statuses: readonly number[] | null
  readonly dialects: readonly string[] | null
  readonly agent: AgentReference | null
  /** Only those in which nobody is dialled twice. */
  readonly withoutRetries: boolean
}

export interface BatchPage {
  /** The batch beside which it lies, that one excluded; null: the list's own beginning. */
  readonly beside: number | { readonly uuid: string } | null
  readonly backwards: boolean
  readonly limit: number
}

/** What writes a value into a statement, and says as which parameter. */
type Parameter = (value: string | number | null) => string

/**
 * Rides agent_organization_id_agent_uuid_key, else alias_pkey, once for the statement; null: there is none. A query of
 * its own all around: under row-level security the planner takes a bare coalesce for something that may leak, and keeps
 * it from the index.
 */
export function agentIdSql({ uuid, alias }: AgentReference, parameter: Parameter): string {
  return `(SELECT coalesce((SELECT y.agent_id FROM agent y WHERE y.organization_id = $1 AND y.agent_uuid = ${parameter(uuid)}::uuid),
     (SELECT y.object_id FROM alias y WHERE y.organization_id = $1 AND y.kind = 'agent' AND y.alias = ${parameter(alias)}::text)))`
}

/** Rides the unique index of batch_uuid, once for the statement; null: there is none, or it was deleted. */
function placeSql(beside: Exclude<BatchPage['beside'], null>, parameter: Parameter): string {
  if (typeof beside === 'number') return `${parameter(beside)}::int`
  return `(SELECT y.batch_id FROM batch y WHERE y.organization_id = $1 AND y.batch_uuid = ${parameter(beside.uuid)}::uuid AND y.deleted_at IS NULL)`
}

/**
 * Newest first, or with `backwards` oldest first: numbers of batches grow in the order in which they are made. Rides
 * batch_listed, batch_agent or batch_once, then batch_pkey. Zero rows: nothing is there, or what the page or its filter
 * names is not there. Only what is asked is written: then a page is found in an index alone, by one good plan.
 */
export function batchPageStatement(organizationId: number, page: BatchPage, filter: BatchFilter): ReadStatement {
  const [relation, direction] = page.backwards ? ['>', 'ASC'] : ['<', 'DESC']
  const { statuses, dialects, agent, withoutRetries } = filter
  const values: (string | number | null)[] = [organizationId]
  const parameter: Parameter = (value) => `$${values.push(value)}`
  const conditions = [
    'k.organization_id = $1 AND NOT k.single AND k.deleted_at IS NULL',
    ...(statuses === null ? [] : [`ks.status = ANY(${parameter(numberArray(statuses))}::smallint[])`]),
    ...(dialects === null ? [] : [`k.dialect = ANY(string_to_array(${parameter(dialects.join())}, ','))`]),
    ...(agent === null ? [] : [`k.agent_id = ${agentIdSql(agent, parameter)}`]),
    ...(withoutRetries ? ["(k.retry_policy->>'maxAttempts')::int = 1"] : []),
    ...(page.beside === null ? [] : [`k.batch_id ${relation} ${placeSql(page.beside, parameter)}`]),
  ]
  const state = statuses === null ? '' : 'JOIN batch_state ks USING (organization_id, batch_id)'
  const numbers = `SELECT k.batch_id FROM batch k ${state} WHERE ${conditions.join(' AND ')}
     ORDER BY k.batch_id ${direction} LIMIT ${parameter(page.limit)}::int`
  const place = page.beside === null ? 0 : typeof page.beside === 'number' ? 1 : 2
  const shape = [statuses !== null, dialects !== null, agent !== null, withoutRetries, page.backwards, place]
  const name = `batch_page_${shape.map(Number).join('')}`
  return { name, text: batchRowsSql(numbers, `b.batch_id ${direction}`), values }
}

/**
 * A page that is sifted by a status or a wire format has another good plan for each filter: it is planned with its
 * values, in a transaction of the API.
 */
export function selectSiftedBatches(
  client: Client,
  organizationId: number,
  page: BatchPage,
  filter: BatchFilter,
): Promise<ListedBatchRow[]> {
  const { text, values } = batchPageStatement(organizationId, page, filter)
  return ask<ListedBatchRow>(client, text, values)
}

/** In any order; who is missing was deleted. Rides batch_pkey. */
export function selectBatchesById(
  client: Client,
  organizationId: number,
  batchIds: readonly number[],
): Promise<ListedBatchRow[]> {
  return ask<ListedBatchRow>(client, `${LISTED} ${FROM} AND b.batch_id = ANY($2::int[])`, [organizationId, batchIds])
}

/** Under the gate; {@link touchBatch} belongs to it. Nothing reads it any more, but what lives of it can be reported. */
export async function markBatchDeleted(client: Client, gate: Gate, batchId: number): Promise<void> {
  await change(client, 'UPDATE batch SET deleted_at = $2::timestamptz WHERE organization_id = $1 AND batch_id = $3', [
    gate.organizationId,
    gate.now,
    batchId,
  ])
  await change(client, 'UPDATE batch_state SET listed = false WHERE organization_id = $1 AND batch_id = $2', [
    gate.organizationId,
    batchId,
  ])
}

/** Columns of batch_state that a verb writes; what is left out stays. */
export interface StatusChange {
  readonly statusCode: number
  readonly startAt?: Date | null
  /** Sets `started_at` to the gate's time unless the batch has started before. */
  readonly started?: boolean
}

/** Under the gate. Nodes read the batch again because of the version. */
export async function writeBatchStatus(
  client: Client,
  gate: Gate,
  key: { batchId: number; version: number },
  to: StatusChange,
): Promise<void> {
  await change(
    client,
    `UPDATE batch_state SET status = $4::smallint, paused = $4::smallint = ${BATCH_STATUS_CODE.paused}, started_at = CASE WHEN $5::bool THEN coalesce(started_at, $2::timestamptz) ELSE started_at END
     WHERE organization_id = $1 AND batch_id = $3`,
    [gate.organizationId, gate.now, key.batchId, to.statusCode, to.started === true],
  )
  await touchBatch(client, gate, key)
}

/** Marks the batch as changed by a command. */
export async function touchBatch(client: Client, gate: Gate, key: { batchId: number; version: number }): Promise<void> {
  await change(
    client,
    'UPDATE batch SET version = $4, updated_at = $2::timestamptz WHERE organization_id = $1 AND batch_id = $3',
    [gate.organizationId, gate.now, key.batchId, key.version],
  )
}

export interface BatchEdit {
  readonly name: string
  readonly agentId: number
  readonly retryPolicy: RetryPolicy
  readonly callingWindow: CallingWindow | null
  /** JSON texts. */
  readonly metadata: string | null
  readonly dialectFields: string | null
  readonly throttleId: number | null
  readonly liveMax: number
  readonly startAt: Date | null
  readonly expiresAt: Date | null
}

/** Under the gate; {@link touchBatch} belongs to it. */
export async function writeBatchEdit(
  client: Client,
  key: { organizationId: number; batchId: number },
  edit: BatchEdit,
): Promise<void> {
  const { organizationId, batchId } = key
  await change(
    client,
    `UPDATE batch SET name = $3, calling_window = $4, metadata = $5, dialect_fields = $6, throttle_id = $7, agent_id = $8, retry_policy = $9
     WHERE organization_id = $1 AND batch_id = $2`,
    [
      organizationId,
      batchId,
      edit.name,
      edit.callingWindow === null ? null : JSON.stringify(edit.callingWindow),
      edit.metadata,
      edit.dialectFields,
      edit.throttleId,
      edit.agentId,
      JSON.stringify(edit.retryPolicy),
    ],
  )
  await change(
    client,
    `UPDATE batch_state SET live_max = $3, start_at = $4, expires_at = $5 WHERE organization_id = $1 AND batch_id = $2`,
    [organizationId, batchId, edit.liveMax, edit.startAt, edit.expiresAt],
  )
}

/** By line. Rides rejected_row_pkey. */
export function selectRejectedRows(
  client: Client,
  key: { organizationId: number; batchId: number },
  page: { after: number; limit: number },
): Promise<{ line: number; column_name: string; value: string; reason: string; remedy: string }[]> {
  return ask(
    client,
    `SELECT line, column_name, value, reason, remedy FROM rejected_row
     WHERE organization_id = $1 AND batch_id = $2 AND line > $3 ORDER BY line LIMIT $4`,
    [key.organizationId, key.batchId, page.after, page.limit],
  )
}
