import type { CallingWindow } from '../model/calling-window.ts'
import type { RetryPolicy } from '../model/retry-policy.ts'
import { plainArray } from './array-literal.ts'
import { type Queryable, run } from './statement.ts'

/** What a node must know of a batch to dial it; true while the gate shows the version it was read under. */
export interface BatchDefinition {
  readonly batchId: number
  readonly status: number
  readonly liveMax: number
  readonly live: number
  readonly expiresAtEpochMs: number | null
  readonly trunkId: number
  /** Null: it is under none. */
  readonly throttleId: number | null
  /** E.164 with the plus. */
  readonly caller: string
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly callingWindow: CallingWindow | null
  readonly retryPolicy: RetryPolicy
  /** Names for positional variables; null when every recipient brings an object. */
  readonly variableNames: readonly string[] | null
  readonly agent: AgentDefinition
  readonly lanes: readonly LaneDefinition[]
}

/** Who speaks. */
export interface AgentDefinition {
  readonly kind: string
  readonly settings: unknown
}

export interface LaneDefinition {
  readonly lane: number
  readonly trunkId: number
  /** E.164 with the plus; null: that of the batch. */
  readonly caller: string | null
  /** Null: that of the batch. */
  readonly agent: AgentDefinition | null
  /** How often each is dialled at most; null: as often as the batch says. */
  readonly attemptsMax: number | null
  readonly zones: readonly string[]
  readonly waiting: number
  readonly nextDueEpochMs: number | null
}

export interface TrunkDefinition {
  readonly trunkId: number
  readonly trunkUuid: string
  readonly carrier: string
  readonly settings: unknown
  readonly version: number
}

/** Which batches: first sight rides batch_state_open, a refresh batch_version, and by id batch_pkey. */
const CHOICES = {
  open: 's.status IN (2, 3)',
  changed: 'b.version > $2::bigint',
  chosen: 'b.batch_id = ANY($2::int[])',
} as const
type Choice = keyof typeof CHOICES

const FROM_BATCHES = `FROM batch b JOIN batch_state s ON s.organization_id = b.organization_id AND s.batch_id = b.batch_id`

/** Rides what the choice says, then batch_pkey, batch_state_pkey and agent_pkey. */
const batchesSql = (choice: Choice) =>
  `SELECT b.batch_id, s.status, s.live_max, s.live, extract(epoch FROM s.expires_at)::float8 * 1000, b.trunk_id, b.caller_number,
  b.ring_timeout_seconds, b.max_call_seconds, b.calling_window, b.retry_policy, b.columns, b.phone_column, a.kind, a.settings, b.throttle_id
 ${FROM_BATCHES}
 JOIN agent a ON a.organization_id = b.organization_id AND a.agent_id = b.agent_id
 WHERE b.organization_id = $1::int AND ${CHOICES[choice]}`

/**
 * The same, then lane_pkey, agent_pkey and the first entry of due_pkey for each lane. In no order: asked for one, the
 * planner might walk all lanes to spare itself a sort.
 */
const lanesSql = (choice: Choice) =>
  `SELECT l.batch_id, l.lane, l.trunk_id, l.zones, CASE WHEN l.closed_as IS NULL THEN l.end_seq - l.next_seq ELSE 0 END,
  extract(epoch FROM q.due_at)::float8 * 1000, l.caller_number, l.attempts_max, a.kind, a.settings
 ${FROM_BATCHES} JOIN lane l ON l.organization_id = b.organization_id AND l.batch_id = b.batch_id
 LEFT JOIN agent a ON a.organization_id = $1::int AND a.agent_id = l.agent_id
 LEFT JOIN LATERAL (SELECT due_at FROM due q WHERE q.organization_id = $1::int AND q.batch_id = l.batch_id AND q.lane = l.lane
   ORDER BY q.due_at LIMIT 1) q ON true
 WHERE b.organization_id = $1::int AND ${CHOICES[choice]}`

/** Batches whose definition is newer than `sinceVersion`; 0 asks for all that are running or paused. */
export async function loadBatchDefinitions(
  client: Queryable,
  organizationId: number,
  sinceVersion: number,
): Promise<BatchDefinition[]> {
  return sinceVersion === 0
    ? load(client, 'open', [organizationId])
    : load(client, 'changed', [organizationId, sinceVersion])
}

export async function loadBatchesById(
  client: Queryable,
  organizationId: number,
  batchIds: readonly number[],
): Promise<BatchDefinition[]> {
  return load(client, 'chosen', [organizationId, plainArray(batchIds)])
}

/** Both statements travel at once: a cycle that learns holds its organization's gate meanwhile. */
async function load(client: Queryable, choice: Choice, values: readonly unknown[]): Promise<BatchDefinition[]> {
  const [rows, laneRows] = await Promise.all([
    run(client, { name: `batches_${choice}`, text: batchesSql(choice), values }),
    run(client, { name: `lanes_${choice}`, text: lanesSql(choice), values }),
  ])
  const lanesByBatch = new Map<number, LaneDefinition[]>()
  for (const row of laneRows) {
    const batchId = row[0] as number
    const lanes = lanesByBatch.get(batchId) ?? []
    lanes.push({
      lane: row[1] as number,
      trunkId: row[2] as number,
      zones: row[3] as string[],
      waiting: row[4] as number,
      nextDueEpochMs: row[5] as number | null,
      caller: row[6] === null ? null : `+${row[6]}`,
      attemptsMax: row[7] as number | null,
      agent: row[8] === null ? null : { kind: row[8] as string, settings: row[9] },
    })
    lanesByBatch.set(batchId, lanes)
  }
  for (const lanes of lanesByBatch.values()) lanes.sort((a, b) => a.lane - b.lane)
  return rows.map((row) => batchDefinition(row, lanesByBatch.get(row[0] as number) ?? []))
}

function batchDefinition(row: unknown[], lanes: readonly LaneDefinition[]): BatchDefinition {
  const columns = row[11] as string[] | null
  const phoneColumn = row[12] as number | null
  return {
    batchId: row[0] as number,
    status: row[1] as number,
    liveMax: row[2] as number,
    live: row[3] as number,
    expiresAtEpochMs: row[4] as number | null,
    trunkId: row[5] as number,
    caller: `+${row[6] ?? ''}`,
    ringTimeoutSeconds: row[7] as number,
    maxCallSeconds: row[8] as number,
    callingWindow: row[9] as CallingWindow | null,
    retryPolicy: row[10] as RetryPolicy,
    variableNames: columns?.filter((_, index) => index !== phoneColumn) ?? null,
    agent: { kind: row[13] as string, settings: row[14] },
    throttleId: row[15] as number | null,
    lanes,
  }
}

/** Rides trunk_pkey. */
export async function loadTrunkDefinitions(client: Queryable, organizationId: number): Promise<TrunkDefinition[]> {
  const rows = await run(client, {
    name: 'trunk_definitions',
    text: 'SELECT trunk_id, trunk_uuid, carrier, settings, version::float8 FROM trunk WHERE organization_id = $1::int',
    values: [organizationId],
  })
  return rows.map(trunkDefinition)
}

/** Across organizations, for callbacks that name only the trunk; asked once for a trunk and node. */
export async function findTrunkByUuid(
  client: Queryable,
  trunkUuid: string,
): Promise<{ organizationId: number; definition: TrunkDefinition } | null> {
  const rows = await run(client, {
    name: 'find_trunk_by_uuid',
    text: 'SELECT trunk_id, trunk_uuid, carrier, settings, version::float8, organization_id FROM trunk WHERE trunk_uuid = $1::uuid',
    values: [trunkUuid],
  })
  const row = rows[0]
  return row ? { organizationId: row[5] as number, definition: trunkDefinition(row) } : null
}

function trunkDefinition(row: unknown[]): TrunkDefinition {
  return {
    trunkId: row[0] as number,
    trunkUuid: row[1] as string,
    carrier: row[2] as string,
    settings: row[3],
    version: row[4] as number,
  }
}
