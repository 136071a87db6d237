import { ask, change } from './ask.ts'
import type { EventRow } from './event-log.ts'
import type { Client } from './owner-transaction.ts'
import { DELIVERY_DELIVERED, DELIVERY_FAILED, DELIVERY_PENDING } from './webhook-deliveries.ts'

/**
 * The statements of whoever delivers webhooks. A node works for an endpoint while it holds the lease on its row, and
 * every transaction of its work begins by locking that row: so deliveries are made, taken up and settled by one at a
 * time, and what two nodes might both send is sent by one.
 */
export interface EndpointLease {
  readonly organizationId: number
  readonly endpointId: number
  /** A UUID of this process. */
  readonly holder: string
}

/** Long enough for the slowest request, so that its sender still holds the lease when it ends. */
export const WEBHOOK_LEASE_SECONDS = 30

/**
 * Endpoints that have something to do and nobody who does it. A read across organizations that may be stale. Rides
 * webhook_endpoint_working, gate_pkey and webhook_delivery_due; costs next to nothing when nobody has webhooks.
 */
export async function findEndpointsWithWork(
  client: Client,
  limit: number,
): Promise<{ organizationId: number; endpointId: number }[]> {
  const rows = await ask<{ organization_id: number; endpoint_id: number }>(
    client,
    `SELECT e.organization_id, e.endpoint_id FROM (SELECT carillon_now() AS now OFFSET 0) t
     CROSS JOIN webhook_endpoint e JOIN gate g ON g.organization_id = e.organization_id
     WHERE e.active AND e.paused_at IS NULL AND (e.blocked_until IS NULL OR e.blocked_until <= t.now)
       AND (e.lease_until IS NULL OR e.lease_until <= t.now)
       AND (g.block_no > e.block_no OR EXISTS (SELECT 1 FROM webhook_delivery d
         WHERE d.organization_id = e.organization_id AND d.endpoint_id = e.endpoint_id AND d.next_at <= t.now))
     ORDER BY e.lease_until NULLS FIRST LIMIT $1`,
    [limit],
  )
  return rows.map((row) => ({ organizationId: row.organization_id, endpointId: row.endpoint_id }))
}

/** False: another node was faster, or the endpoint is gone. */
export async function leaseEndpoint(client: Client, lease: EndpointLease): Promise<boolean> {
  const now = await readTime(client)
  const changed = await change(
    client,
    `UPDATE webhook_endpoint SET lease_holder = $3, lease_until = $4::timestamptz + interval '${WEBHOOK_LEASE_SECONDS} s'
     WHERE organization_id = $1 AND endpoint_id = (SELECT endpoint_id FROM webhook_endpoint
       WHERE organization_id = $1 AND endpoint_id = $2 AND active AND paused_at IS NULL
         AND (lease_until IS NULL OR lease_until <= $4) FOR UPDATE SKIP LOCKED)`,
    [lease.organizationId, lease.endpointId, lease.holder, now],
  )
  return changed === 1
}

/** Lets the endpoint go; nothing happens when it belongs to somebody else by now. */
export async function releaseEndpoint(client: Client, lease: EndpointLease): Promise<void> {
  await change(
    client,
    `UPDATE webhook_endpoint SET lease_holder = NULL, lease_until = NULL
     WHERE organization_id = $1 AND endpoint_id = $2 AND lease_holder = $3`,
    [lease.organizationId, lease.endpointId, lease.holder],
  )
}

export interface EndpointWork {
  /** The database's time, for everything in this transaction. */
  now: Date
  endpoint_uuid: string
  url: string
  form: string
  form_fields: unknown
  kinds: number[] | null
  agent_ids: number[] | null
  batch_ids: number[] | null
  secret: Buffer
  previous_secret: Buffer | null
  previous_secret_until: Date | null
  active: boolean
  paused_at: Date | null
  failures_in_row: number
  failing_since: Date | null
  blocked_until: Date | null
  block_no: number
}

/** Locks the endpoint until the commit and renews the lease. Undefined: it is ours no more. */
export async function openWork(client: Client, lease: EndpointLease): Promise<EndpointWork | undefined> {
  const now = await readTime(client)
  const rows = await ask<EndpointWork>(
    client,
    `UPDATE webhook_endpoint SET lease_until = $4::timestamptz + interval '${WEBHOOK_LEASE_SECONDS} s'
     WHERE organization_id = $1 AND endpoint_id = $2 AND lease_holder = $3
     RETURNING $4::timestamptz AS now, endpoint_uuid, url, form, form_fields, kinds, agent_ids, batch_ids, secret, previous_secret,
       previous_secret_until, active, paused_at, failures_in_row, failing_since, blocked_until, block_no::float8 AS block_no`,
    [lease.organizationId, lease.endpointId, lease.holder, now],
  )
  return rows[0]
}

/** Read once for a transaction: a volatile function in an UPDATE cannot be distributed. */
async function readTime(client: Client): Promise<Date> {
  return (await ask<{ now: Date }>(client, `SELECT date_trunc('milliseconds', carillon_now()) AS now`))[0]!.now
}

const BLOCKS_AT_ONCE = 500
const ENTRIES_AT_ONCE = 4_000

/**
 * Makes deliveries of the next part of the log and moves the endpoint's place in it. The first of a recipient is due
 * at once; those behind it get their turn when it is settled. An endpoint of some agents is told of those who speak with
 * the person: a list may name another agent for some of its people. Returns whether the log goes on.
 * Rides event_block_pkey, webhook_delivery_pending, batch_pkey and lane_pkey.
 */
export async function takeFromLog(
  client: Client,
  lease: EndpointLease,
  work: Pick<EndpointWork, 'now' | 'block_no' | 'batch_ids' | 'agent_ids'> & { kinds: readonly number[] },
): Promise<boolean> {
  const { organizationId, endpointId } = lease
  const found = await ask<{ to_block_no: number | null; last_no: number }>(
    client,
    `SELECT max(x.block_no) FILTER (WHERE x.entries <= ${ENTRIES_AT_ONCE} OR x.nth = 1)::float8 AS to_block_no, max(x.block_no)::float8 AS last_no
     FROM (SELECT block_no, sum(cardinality(kind)) OVER (ORDER BY block_no) AS entries, row_number() OVER (ORDER BY block_no) AS nth
       FROM (SELECT block_no, kind FROM event_block WHERE organization_id = $1 AND block_no > $2 ORDER BY block_no
         LIMIT ${BLOCKS_AT_ONCE}) b) x`,
    [organizationId, work.block_no],
  )
  const { to_block_no: toBlockNo, last_no: lastNo } = found[0]!
  if (toBlockNo === null) return false
  await change(
    client,
    `WITH told AS (SELECT e.block_no, e.at, x.* FROM (SELECT * FROM event_block
         WHERE organization_id = $1 AND block_no > $3 AND block_no <= $4 ORDER BY block_no) e
       CROSS JOIN LATERAL unnest(e.batch_id, e.seq, e.n, e.kind, e.code, e.at_ms) WITH ORDINALITY
         x(batch_id, seq, n, kind, code, at_ms, entry)
       WHERE x.kind = ANY($5::smallint[]) AND ($6::int[] IS NULL OR x.batch_id = ANY($6))
         AND ($7::int[] IS NULL OR EXISTS (SELECT 1 FROM batch b
           WHERE b.organization_id = $1 AND b.batch_id = x.batch_id AND coalesce((SELECT l.agent_id FROM lane l
             WHERE l.organization_id = $1 AND l.batch_id = x.batch_id AND x.seq >= l.first_seq AND x.seq < l.last_seq LIMIT 1),
             b.agent_id) = ANY($7))))
     INSERT INTO webhook_delivery (organization_id, endpoint_id, block_no, entry, at, batch_id, seq, n, kind, code, at_ms, status,
       next_at, created_at)
     SELECT $1, $2, s.block_no, s.entry, s.at, s.batch_id, s.seq, s.n, s.kind, s.code, s.at_ms, ${DELIVERY_PENDING},
       CASE WHEN row_number() OVER (PARTITION BY s.batch_id, s.seq ORDER BY s.block_no, s.entry) = 1
         AND NOT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.organization_id = $1 AND d.endpoint_id = $2
           AND d.batch_id = s.batch_id AND d.seq = s.seq AND d.status = ${DELIVERY_PENDING})
       THEN $8::timestamptz END, $8
     FROM told s ON CONFLICT DO NOTHING`,
    [organizationId, endpointId, work.block_no, toBlockNo, work.kinds, work.batch_ids, work.agent_ids, work.now],
  )
  await change(client, 'UPDATE webhook_endpoint SET block_no = $3 WHERE organization_id = $1 AND endpoint_id = $2', [
    organizationId,
    endpointId,
    toBlockNo,
  ])
  return toBlockNo < lastNo
}

export interface DueDelivery extends EventRow {
  /** Tries before. */
  tries: number
}

/**
 * What is due now and not in hand, the longest due first. Rides webhook_delivery_due; joined with batch_pkey for the
 * batch's id.
 */
export function selectDue(
  client: Client,
  lease: EndpointLease,
  options: { now: Date; inHand: readonly DueDelivery[]; limit: number },
): Promise<DueDelivery[]> {
  return ask<DueDelivery>(
    client,
    `SELECT d.block_no::float8 AS block_no, d.entry AS index, d.at, d.batch_id, b.batch_uuid, d.seq, d.n, d.kind, d.code, d.at_ms, d.tries
     FROM (SELECT * FROM webhook_delivery w WHERE w.organization_id = $1 AND w.endpoint_id = $2 AND w.next_at <= $3
         AND NOT EXISTS (SELECT 1 FROM unnest($4::bigint[], $5::int[]) h(block_no, entry)
           WHERE h.block_no = w.block_no AND h.entry = w.entry)
       ORDER BY w.next_at, w.block_no, w.entry LIMIT $6) d
     CROSS JOIN LATERAL (SELECT batch_uuid FROM batch WHERE organization_id = $1 AND batch_id = d.batch_id LIMIT 1) b
     ORDER BY d.next_at, d.block_no, d.entry`,
    [
      lease.organizationId,
      lease.endpointId,
      options.now,
      options.inHand.map((row) => row.block_no),
      options.inHand.map((row) => row.index),
      options.limit,
    ],
  )
}

/** What became of one try. */
export interface SettledTry {
  readonly delivery: DueDelivery
  /** `dropped`: there was nothing to tell. */
  readonly result: 'delivered' | 'again' | 'given-up' | 'dropped'
  /** For `again`: from now on. */
  readonly nextDelayMs: number
  readonly httpStatus: number | null
  readonly answer: string | null
  readonly error: string | null
  readonly tookMs: number
}

const STATUS_OF = {
  delivered: DELIVERY_DELIVERED,
  again: DELIVERY_PENDING,
  'given-up': DELIVERY_FAILED,
  dropped: null,
} as const

/**
 * Writes what became of tries, and gives whoever stood behind a settled one its turn: the first pending delivery of a
 * recipient is due. Rows that are gone or settled already are left alone. Rides webhook_delivery_pkey and
 * webhook_delivery_pending.
 */
export async function settleTries(
  client: Client,
  lease: EndpointLease,
  now: Date,
  tries: readonly SettledTry[],
): Promise<void> {
  const key = [lease.organizationId, lease.endpointId]
  await change(
    client,
    `UPDATE webhook_delivery d SET status = x.status, tries = d.tries + 1, last_at = $3, http_status = x.http_status,
       answer = x.answer, error = x.error, took_ms = x.took_ms,
       next_at = CASE WHEN x.status = ${DELIVERY_PENDING} THEN $3::timestamptz + x.delay_ms * interval '1 ms' END
     FROM unnest($4::bigint[], $5::int[], $6::smallint[], $7::float8[], $8::smallint[], $9::text[], $10::text[], $11::int[])
       x(block_no, entry, status, delay_ms, http_status, answer, error, took_ms)
     WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.block_no = x.block_no AND d.entry = x.entry
       AND x.status IS NOT NULL AND d.status = ${DELIVERY_PENDING}`,
    [
      ...key,
      now,
      tries.map(({ delivery }) => delivery.block_no),
      tries.map(({ delivery }) => delivery.index),
      tries.map(({ result }) => STATUS_OF[result]),
      tries.map(({ nextDelayMs }) => nextDelayMs),
      tries.map(({ httpStatus }) => httpStatus),
      tries.map(({ answer }) => answer),
      tries.map(({ error }) => error),
      tries.map(({ tookMs }) => tookMs),
    ],
  )
  const dropped = tries.filter(({ result }) => result === 'dropped').map(({ delivery }) => delivery)
  if (dropped.length > 0) await dropDeliveries(client, lease, dropped)
  const settled = tries.filter(({ result }) => result !== 'again').map(({ delivery }) => delivery)
  if (settled.length > 0) await giveTurns(client, lease, now, settled)
}

async function dropDeliveries(client: Client, lease: EndpointLease, rows: readonly DueDelivery[]): Promise<void> {
  await change(
    client,
    `DELETE FROM webhook_delivery d USING unnest($3::bigint[], $4::int[]) x(block_no, entry)
     WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.block_no = x.block_no AND d.entry = x.entry`,
    [lease.organizationId, lease.endpointId, rows.map((row) => row.block_no), rows.map((row) => row.index)],
  )
}

async function giveTurns(client: Client, lease: EndpointLease, now: Date, rows: readonly DueDelivery[]): Promise<void> {
  await change(
    client,
    `UPDATE webhook_delivery d SET next_at = $3
     FROM (SELECT DISTINCT x.batch_id, x.seq FROM unnest($4::int[], $5::int[]) x(batch_id, seq)) s
     CROSS JOIN LATERAL (SELECT w.block_no, w.entry FROM webhook_delivery w WHERE w.organization_id = $1 AND w.endpoint_id = $2
       AND w.batch_id = s.batch_id AND w.seq = s.seq AND w.status = ${DELIVERY_PENDING} ORDER BY w.block_no, w.entry LIMIT 1) f
     WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.block_no = f.block_no AND d.entry = f.entry AND d.next_at IS NULL`,
    [lease.organizationId, lease.endpointId, now, rows.map((row) => row.batch_id), rows.map((row) => row.seq)],
  )
}

export interface EndpointHealth {
  readonly failuresInRow: number
  readonly failingSince: Date | null
  /** Null: no try was taken this time. */
  readonly deliveredAt: Date | null
  readonly lastError: string | null
  readonly blockedUntil: Date | null
  /** Not null: from now on the endpoint is paused, and why. */
  readonly pausedReason: string | null
}

export async function writeHealth(
  client: Client,
  lease: EndpointLease,
  now: Date,
  health: EndpointHealth,
): Promise<void> {
  await change(
    client,
    `UPDATE webhook_endpoint SET failures_in_row = $4, failing_since = $5, last_delivered_at = coalesce($6, last_delivered_at),
       last_error = $7, blocked_until = $8, paused_reason = coalesce($9, paused_reason),
       paused_at = CASE WHEN $9::text IS NULL THEN paused_at ELSE $3::timestamptz END
     WHERE organization_id = $1 AND endpoint_id = $2`,
    [
      lease.organizationId,
      lease.endpointId,
      now,
      health.failuresInRow,
      health.failingSince,
      health.deliveredAt,
      health.lastError,
      health.blockedUntil,
      health.pausedReason,
    ],
  )
}

/** Days for which settled deliveries can be read and sent again. */
export const DELIVERY_DAYS = 30
const SWEEP_AT_ONCE = 5_000

/** Removes some of the oldest deliveries of an endpoint, if they are settled and old. Rides webhook_delivery_pkey. */
export function sweepDeliveries(client: Client, lease: EndpointLease, now: Date): Promise<number> {
  return change(
    client,
    `DELETE FROM webhook_delivery d USING (SELECT block_no, entry FROM webhook_delivery
       WHERE organization_id = $1 AND endpoint_id = $2 ORDER BY block_no, entry LIMIT ${SWEEP_AT_ONCE}) o
     WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.block_no = o.block_no AND d.entry = o.entry
       AND d.status <> ${DELIVERY_PENDING} AND d.created_at < $3::timestamptz - interval '${DELIVERY_DAYS} days'`,
    [lease.organizationId, lease.endpointId, now],
  )
}
