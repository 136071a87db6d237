import type { AuditAction } from '../model/audit-action.ts'
import { type AuditRow, insertAuditEntry, selectAuditEntries } from '../store/audit-entries.ts'
import type { Client } from '../store/owner-transaction.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'

/** One thing that was done. */
export interface AuditEntry {
  readonly id: string
  readonly at: Date
  /** Id of the key, never its secret. */
  readonly keyId: string
  readonly action: string
  /** Id of what it was done to; null for lists of numbers. */
  readonly objectId: string | null
  /** Counts, and the names of changed fields; never their values. */
  readonly detail: Readonly<Record<string, unknown>> | null
  readonly address: string | null
  readonly requestId: string | null
}

/**
 * Notes who does what. In the transaction that does it: what was rolled back stands nowhere, what was done always does.
 * `detail` holds counts and names of fields, and nothing that somebody wrote.
 */
export async function audit(
  client: Client,
  actor: Actor,
  action: AuditAction,
  about: { objectId?: string | null; detail?: Readonly<Record<string, number | boolean | readonly string[]>> } = {},
): Promise<void> {
  const { organizationId, credentialId, origin } = actor
  await insertAuditEntry(client, {
    organizationId,
    credentialId,
    action,
    objectId: about.objectId ?? null,
    detail: about.detail ?? null,
    address: origin?.address ?? null,
    requestId: origin?.requestId ?? null,
  })
}

/** The names of the fields that a request changes. */
export function changedFields(changes: object): { detail: { fields: readonly string[] } } {
  return { detail: { fields: Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [name])) } }
}

/** Newest first. */
export async function listAuditEntries(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string | undefined; limit?: number | undefined },
): Promise<Page<AuditEntry>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const before = options.cursor === undefined ? null : String(openCursor(context, actor, LIST, options.cursor)[0])
  const rows = await inOrganization(context, actor, (client) =>
    selectAuditEntries(client, actor.organizationId, { before, limit: limit + 1 }),
  )
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(auditEntry),
    nextCursor: last === undefined ? null : sealCursor(context, actor, LIST, [last.entry_id]),
  }
}

const LIST = 'audit'

function auditEntry(row: AuditRow): AuditEntry {
  return {
    id: row.entry_id,
    at: row.at,
    keyId: row.credential_id,
    action: row.action,
    objectId: row.object_id,
    detail: row.detail,
    address: row.address,
    requestId: row.request_id,
  }
}
