import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import { type CredentialParts, hmacOfSecret, readingOfPair, readingsOfToken } from '../model/credential-text.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import { findCredential, noteCredentialUse } from '../store/credentials.ts'
import { transaction } from '../store/database.ts'
import type { Database } from '../store/owner-transaction.ts'
import { type AddressRange, isWithin, rangesOf } from './allowed-addresses.ts'
import type { Actor, CommandContext, OperatorActor } from './context.ts'

/** What a client showed: one text, or the two of a pair. */
export type PresentedCredential = { readonly token: string } | { readonly id: string; readonly secret: string }

/** Longer texts are no credentials and are not even hashed. */
const PRESENTED_CHARS_MAX = 401
/** How long a good answer is remembered: so long may a node take a key that another node has revoked. */
const REMEMBERED_MS = 5_000
const REMEMBERED_MAX = 10_000
/** Between two notes of this node that a key was used. */
const NOTED_EVERY_MS = 60_000

interface Holder {
  readonly credentialId: string
  /** Null: the operator. */
  readonly organizationId: number | null
  readonly limits: UsageLimits | null
  readonly readsOnly: boolean
  readonly expiresAt: Date | null
  /** Null: from anywhere. */
  readonly allowedAddresses: readonly AddressRange[] | null
}

const remembered = new WeakMap<Database, Map<string, { holder: Holder; untilMonotonicMs: number }>>()
/** When this node noted the use of a credential the last time, the longest ago first. */
const notedAtMs = new WeakMap<Database, Map<string, number>>()
const noHmac = Buffer.alloc(32)

/**
 * Who shows this credential, from which address: one that is for some addresses opens nothing from another, nor from an
 * unknown one (null). Good answers are remembered for 5 seconds, so that most requests ask no database.
 *
 * @throws AppError `unauthenticated`, the same whatever is wrong; also for the operator's key, which has no organization.
 */
export async function authenticate(
  context: CommandContext,
  presented: PresentedCredential,
  address: string | null = null,
): Promise<Actor> {
  const holder = await holderOf(context, presented, address)
  const { credentialId, organizationId, limits, readsOnly, expiresAt, allowedAddresses } = holder
  if (organizationId === null) throw new AppError('unauthenticated')
  return {
    organizationId,
    credentialId,
    ...(limits === null ? {} : { limits }),
    ...(readsOnly ? { readsOnly } : {}),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(allowedAddresses === null ? {} : { allowedAddresses }),
  }
}

/** @throws AppError `unauthenticated`, or `forbidden` for the key of an organization. */
export async function authenticateOperator(
  context: CommandContext,
  presented: PresentedCredential,
  address: string | null = null,
): Promise<OperatorActor> {
  const { credentialId, organizationId } = await holderOf(context, presented, address)
  if (organizationId !== null) throw new AppError('forbidden')
  return { operator: true, credentialId }
}

/** Makes this node forget what it remembers, after a credential was revoked here. */
export function forgetCredentials(context: Pick<CommandContext, 'database'>): void {
  remembered.delete(context.database)
}

async function holderOf(
  context: CommandContext,
  presented: PresentedCredential,
  address: string | null,
): Promise<Holder> {
  const text = 'token' in presented ? presented.token : `${presented.id}\0${presented.secret}`
  if (text.length > PRESENTED_CHARS_MAX) throw new AppError('unauthenticated')
  const memory = memoryIn(remembered, context.database)
  const fingerprint = createHash('sha256').update(text).digest('base64')
  const known = memory.get(fingerprint)
  const now = context.clock.monotonicMs()
  const opens = (holder: Holder): boolean => !hasEnded(holder, context) && isAllowedFrom(holder, address)
  const isRemembered = known !== undefined && known.untilMonotonicMs > now && opens(known.holder)
  // What is remembered and does not open is looked up as a wrong key is: the time shall not tell that the key is good.
  const holder = isRemembered ? known.holder : await lookUp(context, readingsOf(context, presented))
  if (holder === null || !opens(holder)) throw new AppError('unauthenticated')
  noteUse(context, holder.credentialId)
  if (isRemembered) return holder
  if (memory.size >= REMEMBERED_MAX) memory.clear()
  memory.set(fingerprint, { holder, untilMonotonicMs: now + REMEMBERED_MS })
  return holder
}

/** By the wall clock of this node, since the instant is one that a person chose. */
function hasEnded({ expiresAt }: Holder, { clock }: CommandContext): boolean {
  return expiresAt !== null && expiresAt.getTime() <= clock.nowEpochMs()
}

function isAllowedFrom({ allowedAddresses }: Holder, address: string | null): boolean {
  return allowedAddresses === null || isWithin(allowedAddresses, address)
}

/**
 * Beside the request, which waits for nothing here and does not fail with it: when the note cannot be written, the next one
 * is in a minute.
 */
function noteUse({ database, clock }: CommandContext, credentialId: string): void {
  const now = clock.monotonicMs()
  const noted = memoryIn(notedAtMs, database)
  const last = noted.get(credentialId)
  if (last !== undefined && now - last < NOTED_EVERY_MS) return
  // Deleted and set again: a Map iterates in order of insertion, so its first entry is the one noted longest ago.
  noted.delete(credentialId)
  noted.set(credentialId, now)
  if (noted.size > REMEMBERED_MAX) noted.delete(noted.keys().next().value!)
  const at = new Date(clock.nowEpochMs())
  noteCredentialUse(database, credentialId, at).catch(() => undefined)
}

function readingsOf(context: CommandContext, presented: PresentedCredential): readonly CredentialParts[] {
  const pepper = context.secrets.credentialPepper
  if ('token' in presented) return readingsOfToken(pepper, presented.token)
  const pair = readingOfPair(pepper, presented.id, presented.secret)
  return pair === null ? [] : [pair]
}

async function lookUp(context: CommandContext, readings: readonly CredentialParts[]): Promise<Holder | null> {
  if (readings.length === 0) return null
  return transaction(context.database, { role: 'carillon_api' }, async (client) => {
    let holder: Holder | null = null
    for (const parts of readings) {
      const found = await findCredential(client, parts.id)
      // Compared also when there is no such credential, so that the time tells nothing.
      const fits = timingSafeEqual(hmacOfSecret(context.secrets.credentialPepper, parts), found?.secret_hmac ?? noHmac)
      if (found !== undefined && fits && found.revoked_at === null && holder === null) {
        holder = {
          credentialId: parts.id,
          organizationId: found.organization_id,
          limits: found.limits,
          readsOnly: found.reads_only,
          expiresAt: found.expires_at,
          allowedAddresses: found.allowed_addresses === null ? null : rangesOf(found.allowed_addresses),
        }
      }
    }
    return holder
  })
}

function memoryIn<Value>(memories: WeakMap<Database, Map<string, Value>>, database: Database): Map<string, Value> {
  let memory = memories.get(database)
  if (memory === undefined) {
    memory = new Map()
    memories.set(database, memory)
  }
  return memory
}
