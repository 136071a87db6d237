import { EVENT_KINDS, type EventKind, eventKindFromCode } from '../../src/model/event-kind.ts'
import { uuidFromHex } from '../../src/model/id-cipher.ts'
import { idsOf } from '../evidence.ts'
import type { Database } from '../patient-database.ts'

/** What the endpoint of a world asks for: all that is final about a call, and the answer before it. */
export const TOLD_KINDS = [
  'attempt-answered',
  'attempt-ended',
  'recipient-finished',
  'recipient-outcome-corrected',
  'recipient-reopened',
] as const satisfies readonly EventKind[]

/** An entry of the event log that the endpoint must be told. */
export interface ToldEvent {
  /** As in `webhook-id`. */
  readonly id: string
  readonly kind: EventKind
  readonly seq: number
  readonly n: number
  /** As in the body. */
  readonly recipientId: string
}

/** What must have been told about a batch, in the order of the log. */
export async function toldEvents(database: Database, batchUuid: string): Promise<ToldEvent[]> {
  const ids = await idsOf(database)
  const { rows } = await database.query<{
    organizationId: number
    batchId: number
    id: string
    kind: number
    seq: number
    n: number
  }>(
    `SELECT e.organization_id AS "organizationId", x.batch_id AS "batchId", e.block_no || '.' || x.entry AS id, x.kind, x.seq, x.n
     FROM event_block e CROSS JOIN LATERAL unnest(e.batch_id, e.seq, e.n, e.kind) WITH ORDINALITY x(batch_id, seq, n, kind, entry)
     JOIN batch b ON b.organization_id = e.organization_id AND b.batch_id = x.batch_id
     WHERE b.batch_uuid = $1 AND x.kind = ANY($2::int[]) ORDER BY e.block_no, x.entry`,
    [batchUuid, TOLD_KINDS.map((kind) => EVENT_KINDS[kind])],
  )
  return rows.map(({ organizationId, batchId, id, kind, seq, n }) => ({
    id,
    kind: eventKindFromCode(kind),
    seq,
    n,
    recipientId: uuidFromHex(ids.encode({ kind: 'recipient', organizationId, batchId, seq, n: 0 })),
  }))
}

/** How much is still to be told. */
export async function untold(
  database: Database,
): Promise<{ pending: number; blocks: number; pausedReason: string | null }> {
  const { rows } = await database.query(
    `SELECT (SELECT count(*)::int FROM webhook_delivery WHERE status = 1) AS pending, (g.block_no - e.block_no)::int AS blocks,
       e.paused_reason AS "pausedReason"
     FROM webhook_endpoint e JOIN gate g USING (organization_id)`,
  )
  return rows[0]
}

/**
 * Lets the pauses between tries, of up to a day, be over: a verification has no time for them, and what is due is not
 * changed by when it is due.
 */
export async function endPauses(database: Database): Promise<void> {
  await database.query('UPDATE webhook_delivery SET next_at = carillon_now() WHERE next_at > carillon_now()')
  await database.query('UPDATE webhook_endpoint SET blocked_until = NULL WHERE blocked_until IS NOT NULL')
}
