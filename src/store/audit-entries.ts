import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export interface AuditRow {
  entry_id: string
  at: Date
  credential_id: string
  action: string
  object_id: string | null
  detail: Record<string, unknown> | null
  address: string | null
  request_id: string | null
}

export interface NewAuditRow {
  readonly organizationId: number
  readonly credentialId: string
  readonly action: string
  readonly objectId: string | null
  readonly detail: object | null
  readonly address: string | null
  readonly requestId: string | null
}

/** In the transaction that does what it tells of. */
export async function insertAuditEntry(client: Client, row: NewAuditRow): Promise<void> {
  await change(
    client,
    `INSERT INTO audit_entry (organization_id, at, credential_id, action, object_id, detail, address, request_id)
     VALUES ($1, carillon_now(), $2, $3, $4, $5, $6, $7)`,
    [
      row.organizationId,
      row.credentialId,
      row.action,
      row.objectId,
      row.detail === null ? null : JSON.stringify(row.detail),
      row.address,
      row.requestId,
    ],
  )
}

/** Newest first, behind an entry. Rides audit_entry_pkey backwards. */
export function selectAuditEntries(
  client: Client,
  organizationId: number,
  page: { before: string | null; limit: number },
): Promise<AuditRow[]> {
  return ask<AuditRow>(
    client,
    `SELECT entry_id, at, credential_id, action, object_id, detail, host(address) AS address, request_id FROM audit_entry
     WHERE organization_id = $1 AND ($2::bigint IS NULL OR entry_id < $2) ORDER BY entry_id DESC LIMIT $3`,
    [organizationId, page.before, page.limit],
  )
}
