import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** Things of one kind: how many, and since when the oldest is in this state. */
export interface Counted {
  count: number
  since: Date | null
}

export interface ThingInTrouble {
  id: string
  name: string
  since: Date | null
  reason: string | null
}

/** A list of things is cut here: who has more has read enough. */
const THINGS_MAX = 20

/** Beyond the longest a call can last by its batch, so much is allowed for evidence and look-ups. */
const OVERLONG_GRACE = "interval '5 min'"
/** After the last moment at which an intent can ring somebody, so much for the look-ups. */
const OVERDUE_GRACE = "interval '1 min'"
/** Deliveries and the reading of the log are a matter of a second. */
const LATE_WEBHOOK = "interval '10 min'"
/** A running batch dials every moment unless something is in the way. */
const STALLED = "interval '10 min'"
/** Nodes turn batches within a second. */
const NOT_TURNED = "interval '1 min'"
/** Batches that ended longer ago were looked at. */
const UNKNOWN_SHOWN = "interval '7 days'"

/**
 * Waits for the organization's gate, and leaves it at once. Who waits is served in turn, so that a busy dispatcher is no
 * obstacle, and only a transaction that stands still is.
 *
 * @throws an error of the database with the code 55P03 when it cannot be had in time.
 */
export async function passGate(client: Client, organizationId: number, withinMs: number): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = ${Math.round(withinMs)}`)
  await ask(client, 'SELECT FROM gate WHERE organization_id = $1 FOR UPDATE', [organizationId])
}

/** Whether any node has a lease that holds. Rides node_alive. */
export async function isAnyNodeAlive(client: Client): Promise<boolean> {
  const rows = await ask<{ alive: boolean }>(
    client,
    'SELECT EXISTS (SELECT 1 FROM node WHERE ended_at IS NULL AND lease_until > carillon_now()) AS alive',
  )
  return rows[0]!.alive
}

/** What nodes that live cannot do. Rides dispatch_trouble_pkey and node_pkey. */
export function selectTroubles(client: Client, organizationId: number) {
  return ask<{ node: string; since: Date; failures: number; error: string }>(
    client,
    `SELECT n.name AS node, t.since, t.failures, t.error FROM dispatch_trouble t JOIN node n ON n.node_id = t.node_id
     WHERE t.organization_id = $1 AND n.ended_at IS NULL ORDER BY t.since LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/** Trunks whose breaker is open. Rides trunk_state_pkey; an organization has few. */
export function selectBlockedTrunks(client: Client, organizationId: number): Promise<ThingInTrouble[]> {
  return ask<ThingInTrouble>(
    client,
    `SELECT t.trunk_uuid AS id, t.name, NULL::timestamptz AS since, NULL AS reason FROM trunk_state s
     JOIN trunk t ON t.organization_id = s.organization_id AND t.trunk_id = s.trunk_id
     WHERE s.organization_id = $1 AND s.blocked_until > carillon_now() ORDER BY t.trunk_id LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/** Live calls that should have ended long ago, and intents that the carrier has not answered. Rides live_call_pkey. */
export async function countStuckCalls(
  client: Client,
  organizationId: number,
): Promise<{ overlong: Counted; intents: Counted }> {
  const rows = await ask<{
    overlong: number
    overlong_since: Date | null
    intents: number
    intents_since: Date | null
  }>(
    client,
    `SELECT (count(*) FILTER (WHERE x.overlong))::int AS overlong, min(x.claimed_at) FILTER (WHERE x.overlong) AS overlong_since,
       (count(*) FILTER (WHERE x.overdue))::int AS intents, min(x.claimed_at) FILTER (WHERE x.overdue) AS intents_since
     FROM (SELECT l.claimed_at,
         l.send_not_after + (b.ring_timeout_seconds + b.max_call_seconds) * interval '1 s' + ${OVERLONG_GRACE} < t.now AS overlong,
         l.state = 1 AND l.send_not_after + b.ring_timeout_seconds * interval '1 s' + ${OVERDUE_GRACE} < t.now AS overdue
       FROM (SELECT carillon_now() AS now OFFSET 0) t CROSS JOIN live_call l
       JOIN batch b ON b.organization_id = l.organization_id AND b.batch_id = l.batch_id WHERE l.organization_id = $1) x`,
    [organizationId],
  )
  const row = rows[0]!
  return {
    overlong: { count: row.overlong, since: row.overlong_since },
    intents: { count: row.intents, since: row.intents_since },
  }
}

/**
 * Running batches in which people wait and either no call lives and none was dialled for long, or somebody is due for
 * long. Whether that is as it should be (a closed calling window) is for the caller to find out.
 * Rides batch_state_open, then lane_pkey and the first entries of due_pkey.
 */
export function selectIdleBatches(
  client: Client,
  organizationId: number,
): Promise<(ThingInTrouble & { stalled: boolean; waiting: number })[]> {
  return ask(
    client,
    `SELECT b.batch_uuid AS id, b.name, x.stalled, x.waiting, CASE WHEN x.stalled THEN x.idle_since ELSE x.due_since END AS since, NULL AS reason
     FROM (SELECT carillon_now() AS now OFFSET 0) t CROSS JOIN LATERAL (
       SELECT s.batch_id, s.total - s.live - s.settled AS waiting, greatest(s.started_at, s.last_dialed_at) AS idle_since, q.due_since,
         s.live = 0 AND greatest(s.started_at, s.last_dialed_at) < t.now - ${STALLED} AS stalled
       FROM batch_state s LEFT JOIN LATERAL (SELECT min(d.due_at) AS due_since FROM lane l CROSS JOIN LATERAL (
           SELECT e.due_at FROM due e WHERE e.organization_id = $1 AND e.batch_id = s.batch_id AND e.lane = l.lane ORDER BY e.due_at LIMIT 1) d
         WHERE l.organization_id = $1 AND l.batch_id = s.batch_id) q ON true
       WHERE s.organization_id = $1 AND s.status = 2) x
     JOIN batch b ON b.organization_id = $1 AND b.batch_id = x.batch_id
     WHERE x.waiting > 0 AND (x.stalled OR x.due_since < t.now - ${STALLED}) ORDER BY since LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/** Batches that should have started or expired. Rides batch_state_by_status. */
export function selectBatchesNotTurned(client: Client, organizationId: number): Promise<ThingInTrouble[]> {
  return ask<ThingInTrouble>(
    client,
    `SELECT b.batch_uuid AS id, b.name, least(s.expires_at, CASE WHEN s.status = 1 THEN s.start_at END) AS since, NULL AS reason
     FROM (SELECT carillon_now() AS now OFFSET 0) t CROSS JOIN batch_state s
     JOIN batch b ON b.organization_id = s.organization_id AND b.batch_id = s.batch_id
     WHERE s.organization_id = $1 AND s.status IN (1, 2, 3)
       AND (s.expires_at < t.now - ${NOT_TURNED} OR s.status = 1 AND s.start_at < t.now - ${NOT_TURNED})
     ORDER BY since LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/** People of recent batches whose outcome is not known, by batch. Rides batch_state_unknown. */
export function selectUnknownOutcomes(
  client: Client,
  organizationId: number,
): Promise<(ThingInTrouble & { count: number })[]> {
  return ask(
    client,
    `SELECT b.batch_uuid AS id, b.name, s.unknown AS count, s.completed_at AS since, NULL AS reason FROM batch_state s
     JOIN batch b ON b.organization_id = s.organization_id AND b.batch_id = s.batch_id
     WHERE s.organization_id = $1 AND s.unknown > 0 AND b.deleted_at IS NULL
       AND (s.completed_at IS NULL OR s.completed_at > carillon_now() - ${UNKNOWN_SHOWN})
     ORDER BY s.batch_id DESC LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/** Endpoints that were paused because of their receiver; those that their owner switched off are left out. */
export function selectPausedWebhooks(client: Client, organizationId: number): Promise<ThingInTrouble[]> {
  return ask<ThingInTrouble>(
    client,
    `SELECT endpoint_uuid AS id, name, paused_at AS since, paused_reason AS reason FROM webhook_endpoint
     WHERE organization_id = $1 AND active AND paused_at IS NOT NULL ORDER BY paused_at LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/**
 * Endpoints with deliveries that wait long, or that have not been told of a part of the log that is that old.
 * Rides webhook_endpoint_working, webhook_delivery_pending and event_block_pkey.
 */
export function selectLateWebhooks(
  client: Client,
  organizationId: number,
): Promise<(ThingInTrouble & { count: number })[]> {
  return ask(
    client,
    `SELECT e.endpoint_uuid AS id, e.name, least(d.since, k.at) AS since, d.count, NULL AS reason
     FROM (SELECT carillon_now() - ${LATE_WEBHOOK} AS instant OFFSET 0) late CROSS JOIN webhook_endpoint e
     CROSS JOIN LATERAL (SELECT count(*)::int AS count, min(p.at) AS since FROM (SELECT p.at FROM webhook_delivery p
       WHERE p.organization_id = $1 AND p.endpoint_id = e.endpoint_id AND p.status = 1 AND p.at < late.instant LIMIT 1000) p) d
     LEFT JOIN LATERAL (SELECT b.at FROM event_block b WHERE b.organization_id = $1 AND b.block_no > e.block_no
       ORDER BY b.block_no LIMIT 1) k ON true
     WHERE e.organization_id = $1 AND e.active AND e.paused_at IS NULL AND (d.count > 0 OR k.at < late.instant)
     ORDER BY since LIMIT ${THINGS_MAX}`,
    [organizationId],
  )
}

/** What a node fails at now, by organization. */
export interface FailingCycles {
  readonly organizationId: number
  readonly failures: number
  readonly error: string
}

/** Replaces what a node had told of its troubles. Rides dispatch_trouble_pkey; rows of nodes that ended go too. */
export async function writeTroubles(client: Client, nodeId: number, failing: readonly FailingCycles[]): Promise<void> {
  const organizations = failing.map(({ organizationId }) => organizationId)
  await change(
    client,
    `DELETE FROM dispatch_trouble t WHERE t.node_id = $1 AND NOT t.organization_id = ANY ($2::int[])
       OR EXISTS (SELECT 1 FROM node n WHERE n.node_id = t.node_id AND n.ended_at IS NOT NULL)`,
    [nodeId, organizations],
  )
  await change(
    client,
    `INSERT INTO dispatch_trouble (organization_id, node_id, since, failures, error, seen_at)
     SELECT x.organization_id, $1, t.now, x.failures, x.error, t.now FROM (SELECT carillon_now() AS now OFFSET 0) t
     CROSS JOIN unnest($2::int[], $3::int[], $4::text[]) x(organization_id, failures, error)
     ON CONFLICT (organization_id, node_id) DO UPDATE SET failures = excluded.failures, error = excluded.error, seen_at = excluded.seen_at`,
    [nodeId, organizations, failing.map(({ failures }) => failures), failing.map(({ error }) => error)],
  )
}

/** Every organization, for who looks at all of them. Rides gate_pkey. */
export async function selectOrganizationIds(client: Client): Promise<number[]> {
  const rows = await ask<{ organization_id: number }>(
    client,
    'SELECT organization_id FROM gate ORDER BY organization_id',
  )
  return rows.map((row) => row.organization_id)
}
