import { AppError } from '../errors.ts'
import { hmacOfSecret, importedParts, makeCredential, mayBeImported } from '../model/credential-text.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import {
  type CredentialRow,
  insertCredential,
  reviveCredential,
  revokeCredentialRow,
  selectCredentials,
  writeKeyLimits,
} from '../store/credentials.ts'
import { type Client, ownerTransaction } from '../store/owner-transaction.ts'
import { audit } from './audit.ts'
import { forgetCredentials } from './authenticate.ts'
import { checkedText } from './checked-input.ts'
import { checkedUsageLimits } from './checked-limits.ts'
import type { Actor, CommandContext } from './context.ts'
import type { CredentialView } from './views.ts'

/** A credential whose secret is shown this once. `token` is both in one text; `id` and `secret` are the pair. */
export interface NewCredential {
  readonly credential: CredentialView
  readonly token: string
  readonly id: string
  readonly secret: string
}

/** Credentials stand outside of row-level security; every statement names the actor's organization itself. */
export async function createCredential(
  context: CommandContext,
  actor: Actor,
  input: { name: string; limits?: UsageLimits | null | undefined },
): Promise<NewCredential> {
  const name = checkedText(input.name, 'name', { max: 255 })
  const limits = inherited(actor, checkedUsageLimits(input.limits))
  return ownerTransaction(context.database, async (client) => {
    const { organizationId } = actor
    const made = await storeNewCredential(context, client, { organizationId, name, limits })
    await audit(client, actor, 'key.created', { objectId: made.id })
    return made
  })
}

/** Oldest first, those that were revoked included. */
export async function listCredentials(context: CommandContext, actor: Actor): Promise<readonly CredentialView[]> {
  const rows = await ownerTransaction(context.database, (client) => selectCredentials(client, actor.organizationId))
  return rows.map(credentialView)
}

/**
 * From now on this node refuses the key, the others after 5 seconds at most. Repeating it is harmless.
 * @throws AppError `credential-not-found`.
 */
export async function revokeCredential(
  context: CommandContext,
  actor: Actor,
  credentialId: string,
): Promise<CredentialView> {
  const at = new Date(context.clock.nowEpochMs())
  const key = { credentialId, organizationId: actor.organizationId }
  const row = await ownerTransaction(context.database, async (client) => {
    const revoked = requireRow(await revokeCredentialRow(client, key, at))
    await audit(client, actor, 'key.revoked', { objectId: credentialId })
    return revoked
  })
  forgetCredentials(context)
  return credentialView(row)
}

/**
 * Takes over a key that clients use elsewhere: `key` alone, or a pair with `secret`. Importing the same again is
 * harmless and makes it valid again if it was revoked.
 *
 * @throws AppError `weak-credential`, `credential-taken` when the key exists with another secret or elsewhere.
 */
export async function importCredential(
  context: CommandContext,
  actor: Actor,
  input: { name: string; key: string; secret?: string },
): Promise<CredentialView> {
  const name = checkedText(input.name, 'name', { max: 255 })
  const stored = await ownerTransaction(context.database, async (client) => {
    const row = await storeImportedCredential(context, client, {
      ...input,
      name,
      organizationId: actor.organizationId,
      limits: inherited(actor, null),
    })
    await audit(client, actor, 'key.imported', { objectId: row.credential_id })
    return row
  })
  return credentialView(stored)
}

/**
 * For the operator: what a key may do at most. It holds on this node from now on, on the others after 5 seconds at most.
 * @throws AppError `credential-not-found`, `invalid-input`.
 */
export async function limitCredential(
  context: CommandContext,
  actor: Actor,
  credentialId: string,
  limits: UsageLimits | null,
): Promise<CredentialView> {
  const checked = checkedUsageLimits(limits)
  const key = { credentialId, organizationId: actor.organizationId }
  const row = await ownerTransaction(context.database, async (client) => {
    const limited = requireRow(await writeKeyLimits(client, key, checked))
    await audit(client, actor, 'key.limited', {
      objectId: credentialId,
      detail: { limits: Object.keys(checked ?? {}) },
    })
    return limited
  })
  forgetCredentials(context)
  return credentialView(row)
}

function requireRow(row: CredentialRow | undefined): CredentialRow {
  if (row === undefined) throw new AppError('credential-not-found')
  return row
}

/** A key that has limits makes none that has others: whoever found it must not get around them. */
function inherited(actor: Actor, wanted: UsageLimits | null): UsageLimits | null {
  return actor.limits ?? wanted
}

type Secrets = Pick<CommandContext, 'secrets' | 'clock'>

/** `organizationId` null makes the operator's. */
export async function storeNewCredential(
  context: Secrets,
  client: Client,
  input: { organizationId: number | null; name: string; limits?: UsageLimits | null },
): Promise<NewCredential> {
  const { limits = null } = input
  const made = makeCredential()
  const createdAt = new Date(context.clock.nowEpochMs())
  const secretHmac = hmacOfSecret(context.secrets.credentialPepper, made)
  const inserted = await insertCredential(client, { ...input, limits, credentialId: made.id, secretHmac, createdAt })
  if (!inserted) throw new Error('A random credential id came twice')
  return { credential: { id: made.id, name: input.name, createdAt, revokedAt: null, limits }, ...made }
}

export async function storeImportedCredential(
  context: Secrets,
  client: Client,
  input: {
    organizationId: number | null
    name: string
    key: string
    secret?: string | undefined
    limits?: UsageLimits | null
  },
): Promise<CredentialRow> {
  if (!mayBeImported(input.key)) throw new AppError('weak-credential', { field: 'key' })
  if (input.secret !== undefined && !mayBeImported(input.secret)) {
    throw new AppError('weak-credential', { field: 'secret' })
  }
  const { organizationId, name, limits = null } = input
  const parts = importedParts(context.secrets.credentialPepper, input.key, input.secret)
  const secretHmac = hmacOfSecret(context.secrets.credentialPepper, parts)
  const created_at = new Date(context.clock.nowEpochMs())
  const key = { credentialId: parts.id, organizationId, secretHmac }
  const stored =
    (await insertCredential(client, { ...key, name, limits, createdAt: created_at })) ||
    (await reviveCredential(client, key))
  if (!stored) throw new AppError('credential-taken', { field: 'key' })
  return { credential_id: parts.id, organization_id: organizationId, name, created_at, revoked_at: null, limits }
}

function credentialView(row: CredentialRow): CredentialView {
  return {
    id: row.credential_id,
    name: row.name,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
    limits: row.limits,
  }
}
