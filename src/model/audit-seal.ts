import { createHash } from 'node:crypto'

/** What a seal says, and the entries it covers in their canonical form. */
export interface SealedEntries {
  readonly organizationId: number
  /** From 1, without gaps. */
  readonly sealN: number
  /** Since 1970, as a decimal number. */
  readonly sealedAtMicroseconds: string
  readonly entryIds: readonly string[]
  /** In the order of the ids, each a line of JSON. */
  readonly entries: readonly string[]
}

/** Stands before the first seal. */
const NO_DIGEST = Buffer.alloc(32)

/**
 * SHA-256 over lines of UTF-8 that each end with a line feed: the digest of the seal before in hexadecimal (zeros before
 * the first), then `[organization, seal, sealed at in microseconds, [ids]]`, then each entry. It must stay what it is: a
 * digest that was kept elsewhere is compared with it years later.
 */
export function digestOfSeal(previous: Buffer | null, sealed: SealedEntries): Buffer {
  const { organizationId, sealN, sealedAtMicroseconds, entryIds, entries } = sealed
  const hash = createHash('sha256')
  hash.update(`${(previous ?? NO_DIGEST).toString('hex')}\n`)
  hash.update(`${JSON.stringify([organizationId, sealN, sealedAtMicroseconds, entryIds])}\n`)
  for (const entry of entries) hash.update(`${entry}\n`)
  return hash.digest()
}

/** What is kept elsewhere of a seal: which one it is, and its digest. */
export interface Anchor {
  readonly sealN: number
  readonly digest: Buffer
}

const ANCHOR = /^([1-9]\d{0,8}):([0-9a-f]{64})$/

export function textOfAnchor({ sealN, digest }: Anchor): string {
  return `${sealN}:${digest.toString('hex')}`
}

/** Null: the text is none. */
export function anchorOf(text: string): Anchor | null {
  const [, sealN, digest] = ANCHOR.exec(text) ?? []
  return sealN === undefined || digest === undefined
    ? null
    : { sealN: Number(sealN), digest: Buffer.from(digest, 'hex') }
}

/** What can be wrong with the audit log, each with the sentence that says so. */
export const AUDIT_FAULTS = {
  'entry-missing': 'An entry that was sealed is not there any more.',
  'entry-uncovered':
    'No seal covers an entry that stands in the log and waits for none: somebody added it, or removed its seal.',
  'seal-differs': 'The seal does not fit: one of its entries, or the seal itself, was changed after it was made.',
  'seal-missing': 'A seal is not there any more.',
  'anchor-missing': 'The seal of the anchor is not there any more.',
  'anchor-differs': 'The log up to this seal is another one than that of the anchor.',
} as const
export type AuditFaultKind = keyof typeof AUDIT_FAULTS
