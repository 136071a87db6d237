import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import { type CredentialParts, hmacOfSecret, readingOfPair, readingsOfToken } from '../model/credential-text.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import { findCredential } from '../store/credentials.ts'
import { transaction } from '../store/database.ts'
import type { Database } from '../store/owner-transaction.ts'
import type { Actor, CommandContext, OperatorActor } from './context.ts'

/** What a client showed: one text, or the two of a pair. */
export type PresentedCredential = { readonly token: string } | { readonly id: string; readonly secret: string }

/** Longer texts are no credentials and are not even hashed. */
const PRESENTED_CHARS_MAX = 401
/** How long a good answer is remembered: so long may a node take a key that another node has revoked. */
const REMEMBERED_MS = 5_000
const REMEMBERED_MAX = 10_000

interface Holder {
  readonly credentialId: string
  /** Null: the operator. */
  readonly organizationId: number | null
  readonly limits: UsageLimits | null
  readonly readsOnly: boolean
  readonly expiresAt: Date | null
}

const remembered = new WeakMap<Database, Map<string, { holder: Holder; untilMonotonicMs: number }>>()
const noHmac = Buffer.alloc(32)

/**
 * Who shows this credential. Good answers are remembered for 5 seconds, so that most requests ask no database.
 *
 * @throws AppError `unauthenticated`, the same whatever is wrong; also for the operator's key, which has no organization.
 */
export async function authenticate(context: CommandContext, presented: PresentedCredential): Promise<Actor> {
  const { credentialId, organizationId, limits, readsOnly, expiresAt } = await holderOf(context, presented)
  if (organizationId === null) throw new AppError('unauthenticated')
  return {
    organizationId,
    credentialId,
    ...(limits === null ? {} : { limits }),
    ...(readsOnly ? { readsOnly } : {}),
    ...(expiresAt === null ? {} : { expiresAt }),
  }
}

/** @throws AppError `unauthenticated`, or `forbidden` for the key of an organization. */
export async function authenticateOperator(
  context: CommandContext,
  presented: PresentedCredential,
): Promise<OperatorActor> {
  const { credentialId, organizationId } = await holderOf(context, presented)
  if (organizationId !== null) throw new AppError('forbidden')
  return { operator: true, credentialId }
}

/** Makes this node forget what it remembers, after a credential was revoked here. */
export function forgetCredentials(context: Pick<CommandContext, 'database'>): void {
  remembered.delete(context.database)
}

async function holderOf(context: CommandContext, presented: PresentedCredential): Promise<Holder> {
  const text = 'token' in presented ? presented.token : `${presented.id}\0${presented.secret}`
  if (text.length > PRESENTED_CHARS_MAX) throw new AppError('unauthenticated')
  const memory = memoryOf(context.database)
  const fingerprint = createHash('sha256').update(text).digest('base64')
  const known = memory.get(fingerprint)
  const now = context.clock.monotonicMs()
  const isRemembered = known !== undefined && known.untilMonotonicMs > now
  const holder = isRemembered ? known.holder : await lookUp(context, readingsOf(context, presented))
  if (holder === null || hasEnded(holder, context)) throw new AppError('unauthenticated')
  if (isRemembered) return holder
  if (memory.size >= REMEMBERED_MAX) memory.clear()
  memory.set(fingerprint, { holder, untilMonotonicMs: now + REMEMBERED_MS })
  return holder
}

/** By the wall clock of this node, since the instant is one that a person chose. */
function hasEnded({ expiresAt }: Holder, { clock }: CommandContext): boolean {
  return expiresAt !== null && expiresAt.getTime() <= clock.nowEpochMs()
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
        }
      }
    }
    return holder
  })
}

function memoryOf(database: Database): Map<string, { holder: Holder; untilMonotonicMs: number }> {
  let memory = remembered.get(database)
  if (memory === undefined) {
    memory = new Map()
    remembered.set(database, memory)
  }
  return memory
}
