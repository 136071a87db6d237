import { recount } from '../src/commands/recount.ts'
import { type Outcome, outcomeFromCode } from '../src/model/disposition.ts'
import { InstallationSecrets } from '../src/model/installation-secrets.ts'
import { createPool } from '../src/store/database.ts'
import type { Database } from './patient-database.ts'

/** One dial as the database keeps it. */
export interface AttemptRow {
  readonly ref: string
  readonly seq: number
  readonly n: number
  readonly nodeName: string
  readonly disposition: Outcome
  readonly carrierCallId: string | null
  /** When its intent was committed, by the database's clock. */
  readonly claimedAtEpochMs: number
}

export interface RecipientRow {
  readonly seq: number
  /** E.164 with the plus. */
  readonly number: string
  /** Null: it is not final. */
  readonly outcome: Outcome | null
  readonly suppressed: boolean
  /** How often the event log says that it is finished, less how often it was opened again. */
  readonly finished: number
  readonly attempts: readonly AttemptRow[]
}

/** A call that a node had under way when it was killed, by reference. */
export interface CallOfTheDead {
  readonly ref: string
  /** Its intent is committed and nothing is known of an answer of the carrier. */
  readonly unanswered: boolean
}

/** Where the batch with this id stands. */
export async function batchFigures(
  database: Database,
  batchUuid: string,
): Promise<{ batchId: number; status: number; attempts: number; settled: number; live: number }> {
  const { rows } = await database.query(
    `SELECT s.batch_id AS "batchId", s.status, s.attempts, s.settled, s.live FROM batch_state s
     JOIN batch b USING (organization_id, batch_id) WHERE b.batch_uuid = $1`,
    [batchUuid],
  )
  return rows[0]
}

/** Every recipient of a batch with its dials. */
export async function recipientsOf(database: Database, batchUuid: string): Promise<RecipientRow[]> {
  const { batchId } = await batchFigures(database, batchUuid)
  const attempts = await attemptsOf(database, batchId)
  const { rows } = await database.query<{
    seq: number
    number: string
    outcome: number | null
    suppressed: boolean
    finished: number
  }>(RECIPIENTS, [batchId])
  return rows.map((row) => ({
    ...row,
    number: `+${row.number}`,
    outcome: row.outcome === null ? null : outcomeFromCode(row.outcome),
    attempts: attempts.get(row.seq) ?? [],
  }))
}

const RECIPIENTS = `SELECT r.seq, r.number::text AS number,
   CASE WHEN c.seq IS NULL AND d.seq IS NULL THEN coalesce(j.outcome, a.disposition, CASE WHEN r.seq >= l.next_seq AND r.seq < l.end_seq THEN l.closed_as END) END AS outcome,
   s.number IS NOT NULL AS suppressed, coalesce(e.finished, 0)::int + (r.seq >= l.next_seq AND r.seq < l.end_seq AND l.closed_as IS NOT NULL)::int AS finished
 FROM recipient r JOIN lane l ON l.batch_id = r.batch_id AND r.seq >= l.first_seq AND r.seq < l.last_seq
 LEFT JOIN live_call c ON c.batch_id = r.batch_id AND c.seq = r.seq
 LEFT JOIN due d ON d.batch_id = r.batch_id AND d.seq = r.seq
 LEFT JOIN verdict j ON j.batch_id = r.batch_id AND j.seq = r.seq
 LEFT JOIN suppression s ON s.number = r.number
 LEFT JOIN LATERAL (SELECT disposition FROM attempt a WHERE a.batch_id = r.batch_id AND a.seq = r.seq ORDER BY n DESC LIMIT 1) a ON true
 LEFT JOIN (SELECT x.seq, sum(CASE x.kind WHEN 6 THEN 1 WHEN 8 THEN -1 ELSE 0 END) AS finished
   FROM event_block b CROSS JOIN LATERAL unnest(b.batch_id, b.seq, b.kind) x(batch_id, seq, kind) WHERE x.batch_id = $1 GROUP BY 1) e ON e.seq = r.seq
 WHERE r.batch_id = $1 ORDER BY r.seq`

async function attemptsOf(database: Database, batchId: number): Promise<Map<number, AttemptRow[]>> {
  const ids = await idsOf(database)
  const { rows } = await database.query<{
    seq: number
    n: number
    organizationId: number
    nodeName: string
    disposition: number
    carrierCallId: string | null
    claimedAtEpochMs: number
  }>(
    `SELECT a.seq, a.n, a.organization_id AS "organizationId", coalesce(n.name, '') AS "nodeName", a.disposition, a.carrier_call_id AS "carrierCallId",
       extract(epoch FROM a.claimed_at)::float8 * 1000 AS "claimedAtEpochMs"
     FROM attempt a LEFT JOIN node n USING (node_id) WHERE a.batch_id = $1 ORDER BY a.seq, a.n`,
    [batchId],
  )
  const bySeq = new Map<number, AttemptRow[]>()
  for (const { organizationId, disposition, ...row } of rows) {
    const ref = ids.encode({ kind: 'attempt', organizationId, batchId, seq: row.seq, n: row.n })
    const attempt = { ...row, ref, disposition: outcomeFromCode(disposition) }
    bySeq.set(row.seq, [...(bySeq.get(row.seq) ?? []), attempt])
  }
  return bySeq
}

/** What a node that was killed has left behind; read when its connections are gone. */
export async function callsOfTheDead(database: Database, nodeName: string): Promise<CallOfTheDead[]> {
  const ids = await idsOf(database)
  const { rows } = await database.query<{
    organizationId: number
    batchId: number
    seq: number
    n: number
    state: number
  }>(
    `SELECT l.organization_id AS "organizationId", l.batch_id AS "batchId", l.seq, l.n, l.state
     FROM live_call l JOIN node n USING (node_id) WHERE n.name = $1`,
    [nodeName],
  )
  return rows.map(({ state, ...row }) => ({ ref: ids.encode({ kind: 'attempt', ...row }), unanswered: state === 1 }))
}

/** Every figure and limit that differs from its rows, of every organization. */
export async function differences(database: Database, databaseUrl: string): Promise<string[]> {
  const { rows } = await database.query<{ id: number }>('SELECT organization_id AS id FROM gate')
  const pool = createPool(databaseUrl, { maxConnections: 1 })
  try {
    const found = await Promise.all(rows.map(({ id }) => recount({ database: pool }, id)))
    return found.flat()
  } finally {
    await pool.end()
  }
}

export async function idsOf(database: Database): Promise<InstallationSecrets['ids']> {
  const { rows } = await database.query<{ secret: Buffer }>('SELECT secret FROM installation')
  return new InstallationSecrets(rows[0]!.secret).ids
}
