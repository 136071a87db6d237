import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** Where a sealed text stands. It is bound to its place: moved to another row or column it does not open. */
export interface SecretPlace {
  readonly organizationId: number
  readonly table: string
  readonly column: string
  /** A number, or an id or a key that is a text. */
  readonly rowId: number | string
}

/** A sealed text that no known key opens, or that was changed or moved. Says nothing of what was in it. */
export class SecretUnreadable extends Error {
  override readonly name = 'SecretUnreadable'
}

const FORMAT = 1
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES
const KEY_BYTES = 32

/**
 * Seals texts that must be read again later, such as the secrets of webhooks and of trunks, with AES-256-GCM. A sealed
 * text is: format (1 byte), id of the key (4), nonce (12), ciphertext, tag (16). The id says which key it needs, so
 * that keys can be changed while old texts are still around.
 */
export class SecretBox {
  readonly #keys: ReadonlyMap<string, Uint8Array>
  readonly #first: Uint8Array

  /** The first key seals; all of them open. Throws RangeError without a key, or for one that has not 32 bytes. */
  constructor(keys: readonly Uint8Array[]) {
    if (keys[0] === undefined || keys.some((key) => key.length !== KEY_BYTES)) {
      throw new RangeError(`Sealing needs keys of ${KEY_BYTES} bytes`)
    }
    this.#first = keys[0]
    this.#keys = new Map(keys.map((key) => [idOf(key).toString('hex'), key]))
  }

  seal(text: string, place: SecretPlace): Buffer {
    const header = Buffer.concat([Buffer.of(FORMAT), idOf(this.#first)])
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#first, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(bound(header, place))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()])
  }

  /** @throws SecretUnreadable. */
  open(sealed: Uint8Array, place: SecretPlace): string {
    const bytes = Buffer.from(sealed)
    const header = bytes.subarray(0, HEADER_BYTES)
    const key = this.#keys.get(header.subarray(1).toString('hex'))
    if (header[0] !== FORMAT || key === undefined || bytes.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES) {
      throw new SecretUnreadable('A stored secret was sealed with a key that this installation does not have')
    }
    const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(bound(header, place))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    try {
      const text = decipher.update(bytes.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES))
      return Buffer.concat([text, decipher.final()]).toString('utf8')
    } catch (error) {
      throw new SecretUnreadable('A stored secret was changed or belongs to another row', { cause: error })
    }
  }
}

/** Names a key without telling anything of it. */
function idOf(key: Uint8Array): Buffer {
  return createHash('sha256').update('carillon/1/key-id').update(key).digest().subarray(0, KEY_ID_BYTES)
}

function bound(header: Buffer, { organizationId, table, column, rowId }: SecretPlace): Buffer {
  return Buffer.concat([header, Buffer.from(`${organizationId}|${table}|${column}|${rowId}`)])
}
