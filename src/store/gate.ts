import { type Queryable, run } from './statement.ts'

/** What the gate says of an organization the moment it is ours. */
export interface Gate {
  readonly organizationId: number
  /** The database's time, read under the gate, as the text that later statements of this transaction take. */
  readonly now: string
  readonly nowEpochMs: number
  readonly liveMax: number
  readonly live: number
  /** Version of the organization's definitions; a copy made at this version is still true. */
  readonly version: number
}

// The time stands outside the locking select: a volatile function beside FOR UPDATE would be read before the wait.
// To the millisecond: what is kept as milliseconds from one such time to another is then exact, whoever adds it up.
const gateSql = (wait: string) => `WITH g AS MATERIALIZED (
  SELECT live_max, live, version FROM gate WHERE organization_id = $1::int FOR UPDATE ${wait})
SELECT t.now::text, extract(epoch FROM t.now)::float8 * 1000, g.live_max, g.live, g.version::float8
FROM g CROSS JOIN LATERAL (SELECT date_trunc('milliseconds', carillon_now()) AS now OFFSET 0) t`

const GATE = gateSql('')
const GATE_UNLESS_TAKEN = gateSql('SKIP LOCKED')

/**
 * Locks the organization's gate until the end of the transaction.
 * Rides gate_pkey; its own round trip, since everything after it needs the time and the limits.
 * Zero rows: the gate is taken by another transaction (with `skipIfTaken`), or the organization does not exist.
 */
export async function openGate(
  client: Queryable,
  organizationId: number,
  options: { skipIfTaken?: boolean } = {},
): Promise<Gate | null> {
  const skip = options.skipIfTaken === true
  const rows = await run(client, {
    name: skip ? 'gate_unless_taken' : 'gate',
    text: skip ? GATE_UNLESS_TAKEN : GATE,
    values: [organizationId],
  })
  const row = rows[0]
  if (!row) return null
  const [now, nowEpochMs, liveMax, live, version] = row as [string, number, number, number, number]
  return { organizationId, now, nowEpochMs, liveMax, live, version }
}

/** The version of an organization's definitions as this transaction sees it, without the gate. Rides gate_pkey. */
export async function readVersion(client: Queryable, organizationId: number): Promise<number | null> {
  const rows = await run(client, {
    name: 'read_version',
    text: 'SELECT version::float8 FROM gate WHERE organization_id = $1::int',
    values: [organizationId],
  })
  return (rows[0]?.[0] as number | undefined) ?? null
}

/** Makes every node's copy of the organization's definitions stale, and returns the new version. */
export async function bumpVersion(client: Queryable, organizationId: number): Promise<number> {
  const rows = await run(client, {
    name: 'bump_version',
    text: 'UPDATE gate SET version = version + 1 WHERE organization_id = $1::int RETURNING version::float8',
    values: [organizationId],
  })
  return rows[0]![0] as number
}
