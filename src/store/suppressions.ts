import { ask, change } from './ask.ts'
import { sameNumberSql } from './erased-numbers.ts'
import type { Gate } from './gate.ts'
import type { Client } from './owner-transaction.ts'

/** Digits of numbers with their hashes, index by index. */
export interface HashedNumbers {
  readonly digits: readonly number[]
  readonly hashes: BigInt64Array
}

/** Under the gate. What is there already stays as it is. Returns how many are new. Rides suppression_pkey. */
export function insertSuppressions(
  client: Client,
  gate: Gate,
  numbers: HashedNumbers,
  reason: string,
): Promise<number> {
  return change(
    client,
    `INSERT INTO suppression (organization_id, number_hash, number, reason, created_at)
     SELECT $1::int, h, n, $5::text, $2::timestamptz FROM unnest($3::bigint[], $4::bigint[]) x(h, n) ORDER BY h ON CONFLICT DO NOTHING`,
    [gate.organizationId, gate.now, hashTexts(numbers), numbers.digits, reason],
  )
}

/** Under the gate. Returns how many were there. Rides suppression_pkey. */
export function deleteSuppressions(client: Client, organizationId: number, numbers: HashedNumbers): Promise<number> {
  return change(
    client,
    `DELETE FROM suppression s USING unnest($2::bigint[], $3::bigint[]) x(h, n)
     WHERE s.organization_id = $1 AND s.number_hash = x.h AND ${sameNumberSql('s.number', 'x.n')}`,
    [organizationId, hashTexts(numbers), numbers.digits],
  )
}

/** Rides suppression_pkey. */
export async function isSuppressed(
  client: Client,
  organizationId: number,
  number: { digits: number; hash: string },
): Promise<boolean> {
  const rows = await ask<{ found: boolean }>(
    client,
    `SELECT EXISTS (SELECT 1 FROM suppression WHERE organization_id = $1 AND number_hash = $2::bigint
       AND ${sameNumberSql('number', '$3::bigint')}) AS found`,
    [organizationId, number.hash, number.digits],
  )
  return rows[0]!.found
}

export interface SuppressionRow {
  number: string
  reason: string
  created_at: Date
  /** In microseconds since 1970, exact, for cursors. */
  created_us: string
}

/** Newest first, behind a position. Rides suppression_newest backwards. */
export function selectSuppressions(
  client: Client,
  organizationId: number,
  page: { beforeUs: string; beforeNumber: string; limit: number },
): Promise<SuppressionRow[]> {
  return ask<SuppressionRow>(
    client,
    `SELECT number, reason, created_at, (extract(epoch FROM created_at) * 1000000)::bigint::text AS created_us
     FROM suppression WHERE organization_id = $1
       AND (created_at, number) < (timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3::bigint)
     ORDER BY created_at DESC, number DESC LIMIT $4`,
    [organizationId, page.beforeUs, page.beforeNumber, page.limit],
  )
}

function hashTexts(numbers: HashedNumbers): string[] {
  return Array.from(numbers.hashes, String)
}
