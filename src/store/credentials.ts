import type { UsageLimits } from '../model/usage-limits.ts'
import { ask, change } from './ask.ts'
import { runTransaction } from './database.ts'
import type { Client, Database } from './owner-transaction.ts'

export interface CredentialRow {
  credential_id: string
  /** Null: the operator's. */
  organization_id: number | null
  name: string
  created_at: Date
  revoked_at: Date | null
  limits: UsageLimits | null
  reads_only: boolean
  /** Null: it ends when it is revoked. */
  expires_at: Date | null
  /** Null: it may be used from anywhere. */
  allowed_addresses: string[] | null
  /** Null: it was not used yet. */
  last_used_at: Date | null
}

const COLUMNS =
  'credential_id, organization_id, name, created_at, revoked_at, limits, reads_only, expires_at, allowed_addresses, last_used_at'

/** What a key may do, until when, and from where. */
export interface StoredTerms {
  readonly readsOnly: boolean
  readonly expiresAt: Date | null
  readonly allowedAddresses: readonly string[] | null
}

/** Rides credential_pkey. False: there is one with this id already, and it was left alone. */
export async function insertCredential(
  client: Client,
  row: StoredTerms & {
    credentialId: string
    organizationId: number | null
    name: string
    secretHmac: Buffer
    createdAt: Date
    limits: UsageLimits | null
  },
): Promise<boolean> {
  const inserted = await change(
    client,
    `INSERT INTO credential (credential_id, organization_id, name, secret_hmac, created_at, limits, reads_only, expires_at, allowed_addresses)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [
      row.credentialId,
      row.organizationId,
      row.name,
      row.secretHmac,
      row.createdAt,
      row.limits === null ? null : JSON.stringify(row.limits),
      row.readsOnly,
      row.expiresAt,
      row.allowedAddresses,
    ],
  )
  return inserted === 1
}

/** Oldest first; `organizationId` null asks for the operator's. Rides credential_organization. */
export function selectCredentials(client: Client, organizationId: number | null): Promise<CredentialRow[]> {
  return ask<CredentialRow>(
    client,
    `SELECT ${COLUMNS} FROM credential WHERE organization_id IS NOT DISTINCT FROM $1::int ORDER BY created_at, credential_id`,
    [organizationId],
  )
}

/** Revokes it for good; repeated, the first instant stays. Undefined: the organization has no such credential. */
export async function revokeCredentialRow(
  client: Client,
  key: { credentialId: string; organizationId: number | null },
  at: Date,
): Promise<CredentialRow | undefined> {
  const rows = await ask<CredentialRow>(
    client,
    `UPDATE credential SET revoked_at = coalesce(revoked_at, $3::timestamptz)
     WHERE credential_id = $1 AND organization_id IS NOT DISTINCT FROM $2::int RETURNING ${COLUMNS}`,
    [key.credentialId, key.organizationId, at],
  )
  return rows[0]
}

/** Gives a key other limits; null takes them away. Undefined: the organization has no such credential. */
export async function writeKeyLimits(
  client: Client,
  key: { credentialId: string; organizationId: number },
  limits: UsageLimits | null,
): Promise<CredentialRow | undefined> {
  const rows = await ask<CredentialRow>(
    client,
    `UPDATE credential SET limits = $3::jsonb WHERE credential_id = $1 AND organization_id = $2::int RETURNING ${COLUMNS}`,
    [key.credentialId, key.organizationId, limits === null ? null : JSON.stringify(limits)],
  )
  return rows[0]
}

/** Imports again what was revoked or has ended, with the same secret. Undefined: there is none with it. */
export async function reviveCredential(
  client: Client,
  key: { credentialId: string; organizationId: number | null; secretHmac: Buffer },
  terms: StoredTerms,
): Promise<CredentialRow | undefined> {
  const rows = await ask<CredentialRow>(
    client,
    `UPDATE credential SET revoked_at = NULL, reads_only = $4, expires_at = $5, allowed_addresses = $6
     WHERE credential_id = $1 AND organization_id IS NOT DISTINCT FROM $2::int AND secret_hmac = $3 RETURNING ${COLUMNS}`,
    [key.credentialId, key.organizationId, key.secretHmac, terms.readsOnly, terms.expiresAt, terms.allowedAddresses],
  )
  return rows[0]
}

/** Revokes the operator's credentials except one. */
export function revokeOtherOperators(client: Client, keepId: string, at: Date): Promise<number> {
  return change(
    client,
    'UPDATE credential SET revoked_at = $2 WHERE organization_id IS NULL AND credential_id <> $1 AND revoked_at IS NULL',
    [keepId, at],
  )
}

export interface FoundCredential {
  organization_id: number | null
  secret_hmac: Buffer
  revoked_at: Date | null
  limits: UsageLimits | null
  reads_only: boolean
  expires_at: Date | null
  allowed_addresses: string[] | null
}

/** The one door from a key to its organization, open to the API's role. */
export async function findCredential(client: Client, credentialId: string): Promise<FoundCredential | undefined> {
  const rows = await ask<FoundCredential>(
    client,
    'SELECT organization_id, secret_hmac, revoked_at, limits, reads_only, expires_at, allowed_addresses FROM find_credential($1)',
    [credentialId],
  )
  return rows[0]
}

/**
 * Notes that a credential was used at an instant, in a transaction of its own that waits for no disk: a crash may lose the
 * note. Rides credential_pkey and changes no index; measured: 15 µs of the server among 20,000 keys. False, no row: a later
 * use was noted already, so that it never moves backwards, or the credential is gone.
 */
export function noteCredentialUse(database: Database, credentialId: string, at: Date): Promise<boolean> {
  return runTransaction(database, 'SET LOCAL synchronous_commit TO off', async (client) => {
    const changed = await change(
      client,
      `UPDATE credential SET last_used_at = $2
       WHERE credential_id = $1 AND (last_used_at IS NULL OR last_used_at < $2::timestamptz)`,
      [credentialId, at],
    )
    return changed === 1
  })
}
