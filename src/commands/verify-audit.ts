import { invalidInput } from '../errors.ts'
import { type Anchor, type AuditFaultKind, anchorOf, digestOfSeal, textOfAnchor } from '../model/audit-seal.ts'
import {
  canonicalEntries,
  findSeal,
  newestSeal,
  type SealRow,
  selectChain,
  selectSeals,
  uncoveredEntries,
} from '../store/audit-seals.ts'
import type { Client } from '../store/owner-transaction.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'

/** One seal of the audit log. */
export interface AuditSeal {
  /** From 1, without gaps. */
  readonly number: number
  readonly sealedAt: Date
  readonly entries: number
  readonly firstEntryId: string
  readonly lastEntryId: string
  /** Kept elsewhere, it shows later that the log up to here is still the same. */
  readonly anchor: string
}

/** The first thing that does not fit. */
export interface AuditFault {
  readonly kind: AuditFaultKind
  readonly seal: number | null
  readonly entryId: string | null
}

/** A part of the log, compared with its seals. */
export interface AuditVerification {
  readonly seals: number
  readonly entries: number
  /** Of these, covered by a later seal than an entry with a higher id: slow transactions, or somebody added them. */
  readonly lateEntries: number
  /** Not covered by a seal yet; null while there is a next part. */
  readonly unsealedEntries: number | null
  readonly fault: AuditFault | null
  /** Pass it back for the next part; null: nothing is left to compare. */
  readonly nextCursor: string | null
}

/** Newest first. */
export async function listAuditSeals(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string | undefined; limit?: number | undefined },
): Promise<Page<AuditSeal>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const before = options.cursor === undefined ? null : Number(openCursor(context, actor, LIST, options.cursor)[0])
  const rows = await inOrganization(context, actor, (client) =>
    selectSeals(client, actor.organizationId, { before, limit: limit + 1 }),
  )
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(auditSeal),
    nextCursor: last === undefined ? null : sealCursor(context, actor, LIST, [last.seal_n]),
  }
}

/**
 * Makes the digests anew from what stands in the log and compares them, some 10,000 entries at a time and up to the first
 * that does not fit. With an anchor, also whether its seal still says the same. What is found whole can have been rewritten
 * as a whole by the owner of the database, unless an anchor was kept elsewhere.
 *
 * @throws AppError `invalid-input` for an anchor that is none, `invalid-cursor`.
 */
export async function verifyAudit(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string | undefined; anchor?: string | undefined },
): Promise<AuditVerification> {
  const anchor = options.anchor === undefined ? null : checkedAnchor(options.anchor)
  const [sealN, highestId] = options.cursor === undefined ? [0, '0'] : openCursor(context, actor, PARTS, options.cursor)
  const from = { sealN: Number(sealN), highestId: BigInt(highestId ?? 0) }
  return inOrganization(context, actor, async (client) => {
    const fault = anchor === null ? null : await faultOfAnchor(client, actor.organizationId, anchor)
    if (fault !== null) return { ...NOTHING, fault }
    const chain = new ChainCheck(actor.organizationId, from)
    const found = await chain.run(client)
    const part = { ...NOTHING, ...chain.counts, fault: found }
    if (found !== null) return part
    const newest = await newestSeal(client, actor.organizationId)
    if (newest.sealN > chain.sealN) {
      return { ...part, nextCursor: sealCursor(context, actor, PARTS, [chain.sealN, String(chain.highestId)]) }
    }
    const { unsealed, uncovered } = await uncoveredEntries(client, actor.organizationId)
    const last = uncovered === null ? null : ({ kind: 'entry-uncovered', seal: null, entryId: uncovered } as const)
    return { ...part, unsealedEntries: unsealed, fault: last }
  })
}

const LIST = 'audit-seals'
const PARTS = 'audit-verification'
const NOTHING = { seals: 0, entries: 0, lateEntries: 0, unsealedEntries: null, fault: null, nextCursor: null }

function checkedAnchor(text: string): Anchor {
  const anchor = anchorOf(text.trim())
  if (anchor !== null) return anchor
  throw invalidInput('anchor', 'must be the anchor of a seal as it was given, such as 17:3f2a… with 64 digits')
}

async function faultOfAnchor(client: Client, organizationId: number, anchor: Anchor): Promise<AuditFault | null> {
  const seal = await findSeal(client, organizationId, anchor.sealN)
  const about = { seal: anchor.sealN, entryId: null }
  if (seal === undefined) return { kind: 'anchor-missing', ...about }
  return seal.digest.equals(anchor.digest) ? null : { kind: 'anchor-differs', ...about }
}

/** Goes through a part of the chain, from behind a seal that was compared before. */
class ChainCheck {
  readonly counts = { seals: 0, entries: 0, lateEntries: 0 }
  readonly #organizationId: number
  /** The last seal that was compared, and the highest id up to it. */
  sealN: number
  highestId: bigint
  #digest: Buffer | null = null

  constructor(organizationId: number, from: { sealN: number; highestId: bigint }) {
    this.#organizationId = organizationId
    this.sealN = from.sealN
    this.highestId = from.highestId
  }

  async run(client: Client): Promise<AuditFault | null> {
    if (this.sealN > 0) {
      const before = await findSeal(client, this.#organizationId, this.sealN)
      if (before === undefined) return { kind: 'seal-missing', seal: this.sealN, entryId: null }
      this.#digest = before.digest
    }
    const seals = await selectChain(client, this.#organizationId, this.sealN)
    const ids = seals.flatMap(({ entry_ids }) => entry_ids)
    const entries = await canonicalEntries(client, this.#organizationId, ids)
    for (const seal of seals) {
      const fault = this.#compare(seal, entries)
      if (fault !== null) return fault
    }
    return null
  }

  #compare(seal: SealRow, found: ReadonlyMap<string, string>): AuditFault | null {
    const sealN = this.sealN + 1
    if (seal.seal_n !== sealN) return { kind: 'seal-missing', seal: sealN, entryId: null }
    const missing = seal.entry_ids.find((id) => !found.has(id))
    if (missing !== undefined) return { kind: 'entry-missing', seal: sealN, entryId: missing }
    const digest = digestOfSeal(this.#digest, {
      organizationId: this.#organizationId,
      sealN,
      sealedAtMicroseconds: seal.sealed_at_microseconds,
      entryIds: seal.entry_ids,
      entries: seal.entry_ids.map((id) => found.get(id)!),
    })
    if (!digest.equals(seal.digest)) return { kind: 'seal-differs', seal: sealN, entryId: null }
    this.#count(seal)
    return null
  }

  #count({ seal_n, entry_ids, digest }: SealRow): void {
    const ids = entry_ids.map(BigInt)
    this.sealN = seal_n
    this.#digest = digest
    this.counts.seals++
    this.counts.entries += ids.length
    this.counts.lateEntries += ids.filter((id) => id < this.highestId).length
    for (const id of ids) if (id > this.highestId) this.highestId = id
  }
}

function auditSeal(row: SealRow): AuditSeal {
  return {
    number: row.seal_n,
    sealedAt: row.sealed_at,
    entries: row.entry_ids.length,
    firstEntryId: row.entry_ids[0]!,
    lastEntryId: row.entry_ids.at(-1)!,
    anchor: textOfAnchor({ sealN: row.seal_n, digest: row.digest }),
  }
}
