import { AppError, invalidInput } from '../errors.ts'
import { hmacOfSecret, importedParts, makeCredential, mayBeImported } from '../model/credential-text.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import {
  type CredentialRow,
  insertCredential,
  reviveCredential,
  revokeCredentialRow,
  type StoredTerms,
  selectCredentials,
  writeKeyLimits,
} from '../store/credentials.ts'
import { type Client, ownerTransaction } from '../store/owner-transaction.ts'
import { checkedAddresses } from './allowed-addresses.ts'
import { audit } from './audit.ts'
import { forgetCredentials } from './authenticate.ts'
import { checkedText } from './checked-input.ts'
import { checkedUsageLimits } from './checked-limits.ts'
import type { Actor, CommandContext } from './context.ts'
import type { CredentialView, KeyAccess } from './views.ts'

/** A credential whose secret is shown this once. `token` is both in one text; `id` and `secret` are the pair. */
export interface NewCredential {
  readonly credential: CredentialView
  readonly token: string
  readonly id: string
  readonly secret: string
}

/** What a key may do, until when, and from where. */
export interface KeyTerms {
  /** `full` by default. */
  readonly access?: KeyAccess | undefined
  /** By default it ends when it is revoked. */
  readonly expiresAt?: Date | null | undefined
  /** Addresses and ranges (CIDR), 20 at most. By default it may be used from anywhere. */
  readonly allowedAddresses?: readonly string[] | null | undefined
}

const FULL_FOR_GOOD: StoredTerms = { readsOnly: false, expiresAt: null, allowedAddresses: null }

/**
 * Credentials stand outside of row-level security; every statement names the actor's organization itself.
 * @throws AppError `invalid-input` for an end that is past, and for addresses that are none or not the actor's to give.
 */
export async function createCredential(
  context: CommandContext,
  actor: Actor,
  input: KeyTerms & { name: string; limits?: UsageLimits | null | undefined },
): Promise<NewCredential> {
  const name = checkedText(input.name, 'name', { max: 255 })
  const limits = inherited(actor, checkedUsageLimits(input.limits))
  const terms = checkedTerms(context, actor, input)
  return ownerTransaction(context.database, async (client) => {
    const { organizationId } = actor
    const made = await storeNewCredential(context, client, { organizationId, name, limits, terms })
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
 * @throws AppError `weak-credential`, `invalid-input` as for a new one, `credential-taken` when the key exists with another secret or elsewhere.
 */
export async function importCredential(
  context: CommandContext,
  actor: Actor,
  input: KeyTerms & { name: string; key: string; secret?: string | undefined },
): Promise<CredentialView> {
  const name = checkedText(input.name, 'name', { max: 255 })
  const terms = checkedTerms(context, actor, input)
  const stored = await ownerTransaction(context.database, async (client) => {
    const row = await storeImportedCredential(context, client, {
      ...input,
      name,
      organizationId: actor.organizationId,
      limits: inherited(actor, null),
      terms,
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

/** A key that ends makes none that lives longer, and one for some addresses none for others, for the same reason. */
function checkedTerms({ clock }: CommandContext, actor: Actor, terms: KeyTerms): StoredTerms {
  const wanted = terms.expiresAt ?? null
  if (wanted !== null && wanted.getTime() <= clock.nowEpochMs())
    throw invalidInput('expiresAt', 'must lie in the future')
  const latest = actor.expiresAt ?? null
  const isWithin = latest === null || (wanted !== null && wanted <= latest)
  return {
    readsOnly: terms.access === 'read',
    expiresAt: isWithin ? wanted : latest,
    allowedAddresses: checkedAddresses(terms.allowedAddresses, actor.allowedAddresses ?? null),
  }
}

type Secrets = Pick<CommandContext, 'secrets' | 'clock'>

/** `organizationId` null makes the operator's. */
export async function storeNewCredential(
  context: Secrets,
  client: Client,
  input: { organizationId: number | null; name: string; limits?: UsageLimits | null; terms?: StoredTerms },
): Promise<NewCredential> {
  const { organizationId, name, limits = null, terms = FULL_FOR_GOOD } = input
  const made = makeCredential()
  const createdAt = new Date(context.clock.nowEpochMs())
  const secretHmac = hmacOfSecret(context.secrets.credentialPepper, made)
  const row = { organizationId, name, limits, createdAt, ...terms }
  const inserted = await insertCredential(client, { ...row, credentialId: made.id, secretHmac })
  if (!inserted) throw new Error('A random credential id came twice')
  const credential = { id: made.id, name, createdAt, revokedAt: null, lastUsedAt: null, limits, ...termsView(terms) }
  return { credential, ...made }
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
    terms?: StoredTerms
  },
): Promise<CredentialRow> {
  if (!mayBeImported(input.key)) throw new AppError('weak-credential', { field: 'key' })
  if (input.secret !== undefined && !mayBeImported(input.secret)) {
    throw new AppError('weak-credential', { field: 'secret' })
  }
  const { organizationId, name, limits = null, terms = FULL_FOR_GOOD } = input
  const parts = importedParts(context.secrets.credentialPepper, input.key, input.secret)
  const secretHmac = hmacOfSecret(context.secrets.credentialPepper, parts)
  const created_at = new Date(context.clock.nowEpochMs())
  const key = { credentialId: parts.id, organizationId, secretHmac }
  if (!(await insertCredential(client, { ...key, name, limits, createdAt: created_at, ...terms }))) {
    const revived = await reviveCredential(client, key, terms)
    if (revived === undefined) throw new AppError('credential-taken', { field: 'key' })
    return revived
  }
  const row = { credential_id: parts.id, organization_id: organizationId, name, created_at, limits }
  return { ...row, ...termColumns(terms), revoked_at: null, last_used_at: null }
}

function termColumns(terms: StoredTerms): Pick<CredentialRow, 'reads_only' | 'expires_at' | 'allowed_addresses'> {
  const { readsOnly, expiresAt, allowedAddresses } = terms
  const allowed_addresses = allowedAddresses === null ? null : [...allowedAddresses]
  return { reads_only: readsOnly, expires_at: expiresAt, allowed_addresses }
}

function termsView(terms: StoredTerms): Pick<CredentialView, 'access' | 'expiresAt' | 'allowedAddresses'> {
  const { readsOnly, expiresAt, allowedAddresses } = terms
  return { access: readsOnly ? 'read' : 'full', expiresAt, allowedAddresses }
}

function credentialView(row: CredentialRow): CredentialView {
  return {
    id: row.credential_id,
    name: row.name,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    limits: row.limits,
    ...termsView({
      readsOnly: row.reads_only,
      expiresAt: row.expires_at,
      allowedAddresses: row.allowed_addresses,
    }),
  }
}
