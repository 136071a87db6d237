import { IdCipher, type IdParts } from '../../src/model/id-cipher.ts'

const BATCHES = 1_000
const SEQS = 10_000
const ATTEMPTS = 1_000

/**
 * The product's ids, each made and read once in a process: all seeds have the same few hundred attempts, and a cipher of
 * OpenSSL costs more than most of what the product does with an id.
 */
export class RememberedIds extends IdCipher {
  readonly #idOf = new Map<number, string>()
  readonly #partsOf = new Map<string, IdParts>()

  override encode(parts: IdParts): string {
    const key = keyOf(parts)
    if (key === null) return super.encode(parts)
    let id = this.#idOf.get(key)
    if (id === undefined) {
      id = super.encode(parts)
      this.#idOf.set(key, id)
    }
    return id
  }

  /** What is no id is not remembered. */
  override decode(text: string): IdParts | null {
    let parts = this.#partsOf.get(text) ?? null
    if (parts === null) {
      parts = super.decode(text)
      if (parts !== null) this.#partsOf.set(text, Object.freeze(parts))
    }
    return parts
  }
}

/** Different for different attempts; null: it is something else, or the numbers are larger than a scenario's are. */
function keyOf({ kind, organizationId, batchId, seq, n }: IdParts): number | null {
  if (kind !== 'attempt' || batchId >= BATCHES || seq >= SEQS || n >= ATTEMPTS) return null
  return ((organizationId * BATCHES + batchId) * SEQS + seq) * ATTEMPTS + n
}
