import { hkdfSync } from 'node:crypto'
import { deriveIdKey, deriveNumberHashKey, IdCipher } from './id-cipher.ts'
import { SecretBox } from './secret-box.ts'

/** The keys that are made from the one secret of an installation. Every node makes the same. */
export class InstallationSecrets {
  /** Makes and reads the ids of recipients, attempts and calls. */
  readonly ids: IdCipher
  /** Key of the HMAC under which secrets of credentials are stored. */
  readonly credentialPepper: Buffer
  /** Key of the HMAC that seals the cursors of lists. */
  readonly cursorKey: Buffer
  /** Seals what is stored and must be read again: secrets of webhooks and of trunks. */
  readonly box: SecretBox
  readonly #secret: Uint8Array
  readonly #numberHashKeys = new Map<number, Buffer>()

  /**
   * `sealingKeys` are texts from outside of the database, so that a copy of the database alone opens nothing; the
   * first one seals. What was sealed before there was one still opens.
   * Throws RangeError when the secret has fewer than 16 bytes.
   */
  constructor(secret: Uint8Array, sealingKeys: readonly string[] = []) {
    this.#secret = secret
    this.ids = new IdCipher(deriveIdKey(secret))
    this.credentialPepper = derive(secret, 'carillon/1/credentials')
    this.cursorKey = derive(secret, 'carillon/1/cursors')
    this.box = new SecretBox(
      [...sealingKeys.map((text) => Buffer.from(text)), secret].map((key) => derive(key, 'carillon/1/sealing')),
    )
  }

  /** The key under which an organization's telephone numbers are hashed; see `hashNumbers`. */
  numberHashKey(organizationId: number): Buffer {
    let key = this.#numberHashKeys.get(organizationId)
    if (key === undefined) {
      key = deriveNumberHashKey(this.#secret, organizationId)
      this.#numberHashKeys.set(organizationId, key)
    }
    return key
  }
}

function derive(secret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
}
