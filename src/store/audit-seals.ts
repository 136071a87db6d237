import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** From so old an entry on, all of its organization are sealed that are older than a minute. */
const SEALED_AFTER = "interval '5 min'"
/** Long enough for nearly all transactions to commit, so that entries are sealed in the order of their ids. */
const SETTLED_AFTER = "interval '1 min'"
const ENTRIES_OF_SEAL_MAX = 1_000
/** Of a part of a chain, one seal more at most. */
const ENTRIES_OF_PART = 10_000
const SEALS_OF_PART = 1_000

/** It must stay what it is, as the digest of a seal. Of jsonb, whose text is the same for the same value. */
const CANONICAL = `jsonb_build_array(entry_id, (extract(epoch FROM at) * 1000000)::bigint, credential_id, action, object_id,
  detail, address::text, request_id)::text`
const MICROSECONDS = '(extract(epoch FROM sealed_at) * 1000000)::bigint::text'

export interface SealRow {
  seal_n: number
  sealed_at: Date
  sealed_at_microseconds: string
  entry_ids: string[]
  digest: Buffer
}

const SEAL_COLUMNS = `seal_n, sealed_at, ${MICROSECONDS} AS sealed_at_microseconds, entry_ids, digest`

/** Any organization with an entry that is to be sealed now. Rides audit_unsealed_at. */
export async function organizationToSeal(client: Client): Promise<number | undefined> {
  const rows = await ask<{ organization_id: number }>(
    client,
    `SELECT organization_id FROM audit_unsealed WHERE at <= (SELECT carillon_now() - ${SEALED_AFTER}) ORDER BY at LIMIT 1`,
  )
  return rows[0]?.organization_id
}

/**
 * Takes entries to be sealed by this transaction, the lowest ids first and 1,000 at most; returns their ids in rising
 * order. Rides audit_unsealed_pkey. A node that comes at the same time waits here and then finds them taken; none: it
 * took all of them.
 */
export async function takeUnsealedEntries(client: Client, organizationId: number): Promise<string[]> {
  const rows = await ask<{ entry_id: string }>(
    client,
    `WITH taken AS (
       DELETE FROM audit_unsealed WHERE organization_id = $1 AND entry_id = ANY (ARRAY(
         SELECT entry_id FROM audit_unsealed WHERE organization_id = $1 AND at <= (SELECT carillon_now() - ${SETTLED_AFTER})
         ORDER BY entry_id LIMIT ${ENTRIES_OF_SEAL_MAX})) RETURNING entry_id)
     SELECT entry_id FROM taken ORDER BY entry_id`,
    [organizationId],
  )
  return rows.map(({ entry_id }) => entry_id)
}

/** The entries in their canonical form by their ids; those that are not there are left out. Rides audit_entry_pkey. */
export async function canonicalEntries(
  client: Client,
  organizationId: number,
  entryIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await ask<{ entry_id: string; canonical: string }>(
    client,
    `SELECT entry_id, ${CANONICAL} AS canonical FROM audit_entry WHERE organization_id = $1 AND entry_id = ANY ($2::bigint[])`,
    [organizationId, entryIds],
  )
  return new Map(rows.map(({ entry_id, canonical }) => [entry_id, canonical]))
}

/** The newest seal, and the instant in whole milliseconds. Rides audit_seal_pkey backwards. */
export async function newestSeal(
  client: Client,
  organizationId: number,
): Promise<{ now: Date; sealN: number; digest: Buffer | null }> {
  const rows = await ask<{ now: Date; seal_n: number | null; digest: Buffer | null }>(
    client,
    `SELECT date_trunc('milliseconds', carillon_now()) AS now, newest.seal_n, newest.digest FROM (SELECT) AS one
     LEFT JOIN (SELECT seal_n, digest FROM audit_seal WHERE organization_id = $1 ORDER BY seal_n DESC LIMIT 1) newest ON true`,
    [organizationId],
  )
  const { now, seal_n, digest } = rows[0]!
  return { now, sealN: seal_n ?? 0, digest }
}

/** Fails when another node made a seal with this number: no two can follow the same one. */
export async function insertSeal(
  client: Client,
  seal: {
    organizationId: number
    sealN: number
    sealedAt: Date
    entryIds: readonly string[]
    digest: Buffer
  },
): Promise<void> {
  await change(
    client,
    'INSERT INTO audit_seal (organization_id, seal_n, sealed_at, entry_ids, digest) VALUES ($1, $2, $3, $4::bigint[], $5)',
    [seal.organizationId, seal.sealN, seal.sealedAt, seal.entryIds, seal.digest],
  )
}

/** Newest first, before a seal. Rides audit_seal_pkey backwards. */
export function selectSeals(
  client: Client,
  organizationId: number,
  page: { before: number | null; limit: number },
): Promise<SealRow[]> {
  return ask<SealRow>(
    client,
    `SELECT ${SEAL_COLUMNS} FROM audit_seal WHERE organization_id = $1 AND ($2::int IS NULL OR seal_n < $2)
     ORDER BY seal_n DESC LIMIT $3`,
    [organizationId, page.before, page.limit],
  )
}

/** One seal. Rides audit_seal_pkey. Undefined: there is none. */
export async function findSeal(client: Client, organizationId: number, sealN: number): Promise<SealRow | undefined> {
  const rows = await ask<SealRow>(
    client,
    `SELECT ${SEAL_COLUMNS} FROM audit_seal WHERE organization_id = $1 AND seal_n = $2`,
    [organizationId, sealN],
  )
  return rows[0]
}

/** The next part of the chain: seals behind one, in order, with some 10,000 entries. Rides audit_seal_pkey. */
export function selectChain(client: Client, organizationId: number, afterSealN: number): Promise<SealRow[]> {
  return ask<SealRow>(
    client,
    `SELECT ${SEAL_COLUMNS} FROM (
       SELECT *, sum(cardinality(entry_ids)) OVER (ORDER BY seal_n) - cardinality(entry_ids) AS entries_before FROM (
         SELECT * FROM audit_seal WHERE organization_id = $1 AND seal_n > $2 ORDER BY seal_n LIMIT ${SEALS_OF_PART}) part) seal
     WHERE entries_before < ${ENTRIES_OF_PART} ORDER BY seal_n`,
    [organizationId, afterSealN],
  )
}

/**
 * What no seal covers, in one look: how many entries wait to be sealed, and the first that no seal covers and that does not
 * wait. Reads all entries and seals of the organization: measured at 0.5 s for a million entries.
 */
export async function uncoveredEntries(
  client: Client,
  organizationId: number,
): Promise<{ unsealed: number; uncovered: string | null }> {
  const rows = await ask<{ unsealed: number; uncovered: string | null }>(
    client,
    `SELECT (SELECT count(*)::int FROM audit_unsealed WHERE organization_id = $1) AS unsealed,
       (SELECT min(e.entry_id) FROM audit_entry e WHERE e.organization_id = $1
          AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.organization_id = $1 AND u.entry_id = e.entry_id)
          AND NOT EXISTS (SELECT FROM audit_seal s, unnest(s.entry_ids) AS covered
            WHERE s.organization_id = $1 AND covered = e.entry_id)) AS uncovered`,
    [organizationId],
  )
  return rows[0]!
}
