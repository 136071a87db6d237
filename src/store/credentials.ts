import type { UsageLimits } from '../model/usage-limits.ts'
import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

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
}

const COLUMNS = 'credential_id, organization_id, name, created_at, revoked_at, limits, reads_only, expires_at'

/** Rides credential_pkey. False: there is one with this id already, and it was left alone. */
export async function insertCredential(
  client: Client,
  row: {
    credentialId: string
    organizationId: number | null
    name: string
    secretHmac: Buffer
    createdAt: Date
    limits: UsageLimits | null
    readsOnly: boolean
    expiresAt: Date | null
  },
): Promise<boolean> {
  const inserted = await change(
    client,
    `INSERT INTO credential (credential_id, organization_id, name, secret_hmac, created_at, limits, reads_only, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [
      row.credentialId,
      row.organizationId,
      row.name,
      row.secretHmac,
      row.createdAt,
      row.limits === null ? null : JSON.stringify(row.limits),
      row.readsOnly,
      row.expiresAt,
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
  terms: { readsOnly: boolean; expiresAt: Date | null },
): Promise<CredentialRow | undefined> {
  const rows = await ask<CredentialRow>(
    client,
    `UPDATE credential SET revoked_at = NULL, reads_only = $4, expires_at = $5
     WHERE credential_id = $1 AND organization_id IS NOT DISTINCT FROM $2::int AND secret_hmac = $3 RETURNING ${COLUMNS}`,
    [key.credentialId, key.organizationId, key.secretHmac, terms.readsOnly, terms.expiresAt],
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
}

/** The one door from a key to its organization, open to the API's role. */
export async function findCredential(client: Client, credentialId: string): Promise<FoundCredential | undefined> {
  const rows = await ask<FoundCredential>(
    client,
    'SELECT organization_id, secret_hmac, revoked_at, limits, reads_only, expires_at FROM find_credential($1)',
    [credentialId],
  )
  return rows[0]
}
