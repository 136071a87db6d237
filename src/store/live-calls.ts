import { numberArray, plainArray } from './array-literal.ts'
import { type RowPlace, readPlaces } from './row-place.ts'
import { type Queryable, run } from './statement.ts'
import { storableText } from './storable-text.ts'

/** A live row as any node can read it. */
export interface LiveCallRow {
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly counted: number
  readonly lane: number
  readonly trunkId: number
  readonly nodeId: number
  readonly numberHash: bigint
  readonly place: RowPlace | null
  readonly state: number
  readonly claimedAtEpochMs: number
  readonly sendNotAfterEpochMs: number
  readonly acceptedMs: number | null
  readonly ringingMs: number | null
  readonly answeredMs: number | null
  readonly carrierCallId: string | null
  /** What ends the call at its carrier, in the carrier's words. */
  readonly carrierState: string | null
  /** Somebody asked to end it. */
  readonly hangUpAsked: boolean
  readonly successorSeq: number | null
}

const COLUMNS = `l.batch_id, l.seq, l.n, l.counted, l.lane, l.trunk_id, l.node_id, l.number_hash, l.state,
  extract(epoch FROM l.claimed_at)::float8 * 1000, extract(epoch FROM l.send_not_after)::float8 * 1000,
  l.accepted_ms, l.ringing_ms, l.answered_ms, l.carrier_call_id, l.carrier_state, l.hang_up_asked, l.ctid::text, l.successor_seq`

function liveCallRow(row: unknown[]): LiveCallRow {
  return {
    batchId: row[0] as number,
    seq: row[1] as number,
    n: row[2] as number,
    counted: row[3] as number,
    lane: row[4] as number,
    trunkId: row[5] as number,
    nodeId: row[6] as number,
    numberHash: BigInt(row[7] as string),
    state: row[8] as number,
    claimedAtEpochMs: row[9] as number,
    sendNotAfterEpochMs: row[10] as number,
    acceptedMs: row[11] as number | null,
    ringingMs: row[12] as number | null,
    answeredMs: row[13] as number | null,
    carrierCallId: row[14] as string | null,
    carrierState: row[15] as string | null,
    hangUpAsked: row[16] as boolean,
    place: readPlaces(row[17] as string)[0] ?? null,
    successorSeq: row[18] as number | null,
  }
}

/**
 * Makes this node the owner of the live calls whose node is no longer alive. Under the gate.
 * Zero rows: there are none (any more).
 */
export async function adoptOrphans(client: Queryable, organizationId: number, nodeId: number): Promise<LiveCallRow[]> {
  const rows = await run(client, {
    name: 'adopt_orphans',
    text: `UPDATE live_call l SET node_id = $2::int WHERE l.organization_id = $1::int AND l.node_id <> $2::int
      AND NOT EXISTS (SELECT 1 FROM node n WHERE n.node_id = l.node_id AND n.ended_at IS NULL) RETURNING ${COLUMNS}`,
    values: [organizationId, nodeId],
  })
  return rows.map(liveCallRow)
}

/** A live row as its node compares it with what it remembers. */
export interface OwnCall {
  readonly organizationId: number
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly hangUpAsked: boolean
  /** It is known what ends the call at its carrier. */
  readonly canBeEnded: boolean
}

/** A younger row is looked at the next time: its node may not have heard of the commit yet. */
const OWN_CALL_AGE_SECONDS = 2

/** Makes a statement read a table from end to end on a connection for which sequential scans are shut out. */
export const ALL_PLACES = `ctid >= '(0,0)'::tid`

/**
 * Live calls of one node in all organizations, without any gate: what it reads may be over when the answer comes.
 * Reads `live_call` from end to end, since no index knows nodes: of rows that come and go so fast, an index leads to many
 * that are gone already (50 ms for 20,000 live calls, when this statement went through one).
 */
export async function ownCalls(client: Queryable, nodeId: number): Promise<OwnCall[]> {
  const rows = await run(client, {
    name: 'own_calls',
    text: `SELECT organization_id, batch_id, seq, n, hang_up_asked, carrier_state IS NOT NULL FROM live_call
      WHERE ${ALL_PLACES} AND node_id = $1::int AND (hang_up_asked OR claimed_at < (SELECT carillon_now()) - interval '${OWN_CALL_AGE_SECONDS} s')`,
    values: [nodeId],
  })
  return rows.map((row) => ({
    organizationId: row[0] as number,
    batchId: row[1] as number,
    seq: row[2] as number,
    n: row[3] as number,
    hangUpAsked: row[4] as boolean,
    canBeEnded: row[5] as boolean,
  }))
}

/** Which of its live calls a node looks at. */
export interface OwnCalls {
  readonly nodeId: number
  /** Those only that somebody asked to end. */
  readonly hangUpAsked: boolean
}

/**
 * Live calls of one node. Reads the organization's live rows, at most as many as its limit, by live_call_pkey. Zero rows:
 * it has none, or nobody asked. The gate is held until all rows are taken over, so do not ask for more than is needed.
 */
export async function liveCallsOfNode(
  client: Queryable,
  organizationId: number,
  { nodeId, hangUpAsked }: OwnCalls,
): Promise<LiveCallRow[]> {
  const rows = await run(client, {
    name: 'live_calls_of_node',
    text: `SELECT ${COLUMNS} FROM live_call l WHERE l.organization_id = $1::int AND l.node_id = $2::int AND (l.hang_up_asked OR NOT $3::bool)`,
    values: [organizationId, nodeId, hangUpAsked],
  })
  return rows.map(liveCallRow)
}

/** The live rows of the given attempts, found through their recipients. Rides recipient_pkey, then live_call_pkey. */
export async function liveCallsOfAttempts(
  client: Queryable,
  organizationId: number,
  attempts: readonly { batchId: number; seq: number; n: number }[],
): Promise<LiveCallRow[]> {
  const rows = await run(client, {
    name: 'live_calls_of_attempts',
    text: `SELECT ${COLUMNS} FROM unnest($2::int[], $3::int[], $4::smallint[]) w(batch_id, seq, n)
      JOIN recipient r ON r.organization_id = $1::int AND r.batch_id = w.batch_id AND r.seq = w.seq
      JOIN live_call l ON l.organization_id = $1::int AND l.number_hash = r.number_hash
        AND l.batch_id = w.batch_id AND l.seq = w.seq AND l.n = w.n`,
    values: [
      organizationId,
      plainArray(attempts.map((attempt) => attempt.batchId)),
      plainArray(attempts.map((attempt) => attempt.seq)),
      plainArray(attempts.map((attempt) => attempt.n)),
    ],
  })
  return rows.map(liveCallRow)
}

/**
 * How many intents of these batches (or of one number) may still be sent: the answer to a pause, a cancel or a
 * suppression waits until there is none.
 */
export async function countUnsentIntents(
  client: Queryable,
  organizationId: number,
  of: { batchId?: number; numberHashes?: readonly string[] },
): Promise<number> {
  const rows = await run(client, {
    name: 'count_unsent_intents',
    text: `SELECT count(*)::int FROM live_call WHERE organization_id = $1::int AND state = 1 AND send_not_after > carillon_now()
      AND ($2::int IS NULL OR batch_id = $2::int) AND ($3::bigint[] IS NULL OR number_hash = ANY($3::bigint[]))`,
    values: [organizationId, of.batchId ?? null, of.numberHashes ? numberArray(of.numberHashes) : null],
  })
  return rows[0]![0] as number
}

/**
 * Remembers evidence that a provider may deliver again. Rides carrier_event_pkey.
 * A key that is already there is left alone: the evidence was applied with it.
 */
export async function recordCarrierEvents(
  client: Queryable,
  organizationId: number,
  now: string,
  events: readonly { trunkId: number; eventKey: string }[],
): Promise<void> {
  await run(client, {
    name: 'record_carrier_events',
    text: `INSERT INTO carrier_event (organization_id, trunk_id, event_key, at)
      SELECT $1::int, t, k, $2::timestamptz FROM unnest($3::int[], $4::text[]) x(t, k) ON CONFLICT DO NOTHING`,
    values: [
      organizationId,
      now,
      events.map((event) => event.trunkId),
      events.map((event) => storableText(event.eventKey)),
    ],
  })
}
