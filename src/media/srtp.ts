import { type Cipher, createCipheriv, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { rtpHeaderBytes } from './rtp-packet.ts'

/**
 * SRTP and SRTCP of RFC 3711 with the one suite that every telephone system knows: AES_CM_128_HMAC_SHA1_80, keys as
 * RFC 4568 (SDES) carries them. One instance for each direction; each keeps its own packet index.
 */

/** Master key and salt. */
export const SRTP_KEY_BYTES = 30
export const SRTP_TAG_BYTES = 10
const SRTCP_INDEX_BYTES = 4
const MASTER_KEY_BYTES = 16
/** Of SHA-1. */
const HASH_BLOCK_BYTES = 64
const HASH_BYTES = 20
const LABELS = { rtp: 0, rtcp: 3 } as const
const REPLAY_WINDOW = 64
const HALF_CYCLE = 32_768
const CYCLE = 65_536

export function makeSrtpKey(): Uint8Array {
  return new Uint8Array(randomBytes(SRTP_KEY_BYTES))
}

/** AES in counter mode over blocks that are numbered here: one cipher object serves all packets. */
class SessionKeys {
  readonly #cipher: Cipher
  /** The key of the HMAC, padded as its two hashes want it, with room for what is hashed. */
  #inner = Buffer.alloc(HASH_BLOCK_BYTES + 256)
  readonly #outer = Buffer.alloc(HASH_BLOCK_BYTES + HASH_BYTES)
  readonly #salt: Buffer
  /** Each block begins with the first word of the salt, which is the same in all packets. */
  #counters = Buffer.alloc(0)

  constructor(master: Uint8Array, firstLabel: number) {
    const derive = (label: number, bytes: number) => deriveKey(master, label, bytes)
    this.#cipher = createCipheriv('aes-128-ecb', derive(firstLabel, 16), null).setAutoPadding(false)
    const authentication = derive(firstLabel + 1, HASH_BYTES)
    authentication.copy(this.#inner)
    authentication.copy(this.#outer)
    for (let at = 0; at < HASH_BLOCK_BYTES; at++) {
      this.#inner[at]! ^= 0x36
      this.#outer[at]! ^= 0x5c
    }
    this.#salt = derive(firstLabel + 2, 14)
    this.#makeCounters(16)
  }

  /** Encrypts or decrypts `data` in place. `index` has 48 bits at most. */
  crypt(data: Buffer, ssrc: number, index: number): void {
    const blocks = Math.ceil(data.length / 16)
    if (this.#counters.length < blocks * 16) this.#makeCounters(blocks)
    const second = (this.#salt.readUInt32BE(4) ^ ssrc) >>> 0
    const third = (this.#salt.readUInt32BE(8) ^ Math.floor(index / CYCLE)) >>> 0
    const fourth = this.#salt.readUInt16BE(12) ^ (index % CYCLE)
    for (let block = 0; block < blocks; block++) {
      const at = block * 16
      this.#counters.writeUInt32BE(second, at + 4)
      this.#counters.writeUInt32BE(third, at + 8)
      this.#counters.writeUInt16BE(fourth, at + 12)
    }
    const stream = this.#cipher.update(this.#counters.subarray(0, blocks * 16))
    for (let at = 0; at < data.length; at++) data[at]! ^= stream[at]!
  }

  #makeCounters(blocks: number): void {
    this.#counters = Buffer.alloc(blocks * 16)
    for (let block = 0; block < blocks; block++) {
      this.#salt.copy(this.#counters, block * 16, 0, 4)
      this.#counters.writeUInt16BE(block, block * 16 + 14)
    }
  }

  /**
   * HMAC of RFC 2104, from two hashes: the object that `createHmac` makes for each packet costs more than the hashing.
   */
  tag(authenticated: Buffer, suffix: number | null): Buffer {
    const end = HASH_BLOCK_BYTES + authenticated.length
    if (this.#inner.length < end + 4) this.#inner = Buffer.concat([this.#inner, Buffer.alloc(end + 4)])
    authenticated.copy(this.#inner, HASH_BLOCK_BYTES)
    if (suffix !== null) this.#inner.writeUInt32BE(suffix, end)
    const inner = hash('sha1', this.#inner.subarray(0, suffix === null ? end : end + 4), 'buffer')
    inner.copy(this.#outer, HASH_BLOCK_BYTES)
    return hash('sha1', this.#outer, 'buffer').subarray(0, SRTP_TAG_BYTES)
  }
}

/** RFC 3711 section 4.3.1, with a key derivation rate of zero. */
function deriveKey(master: Uint8Array, label: number, bytes: number): Buffer {
  const counter = Buffer.alloc(16)
  counter.set(master.subarray(MASTER_KEY_BYTES, SRTP_KEY_BYTES))
  counter[7]! ^= label
  const cipher = createCipheriv('aes-128-ctr', master.subarray(0, MASTER_KEY_BYTES), counter)
  return cipher.update(Buffer.alloc(bytes))
}

/** Protects what we send. */
export class SrtpSender {
  readonly #rtp: SessionKeys
  readonly #rtcp: SessionKeys
  #cycles = 0
  #lastSequence = -1
  #rtcpIndex = 0

  constructor(master: Uint8Array) {
    this.#rtp = new SessionKeys(master, LABELS.rtp)
    this.#rtcp = new SessionKeys(master, LABELS.rtcp)
  }

  /** A new buffer with the protected packet. Sequence numbers must grow by one from packet to packet. */
  protectRtp(packet: Buffer): Buffer {
    const sequence = packet.readUInt16BE(2)
    if (sequence < this.#lastSequence) this.#cycles++
    this.#lastSequence = sequence
    const out = Buffer.allocUnsafe(packet.length + SRTP_TAG_BYTES)
    packet.copy(out)
    const body = out.subarray(0, packet.length)
    this.#rtp.crypt(body.subarray(rtpHeaderBytes(packet)), packet.readUInt32BE(8), this.#cycles * CYCLE + sequence)
    this.#rtp.tag(body, this.#cycles).copy(out, packet.length)
    return out
  }

  protectRtcp(packet: Buffer): Buffer {
    this.#rtcpIndex++
    const out = Buffer.allocUnsafe(packet.length + SRTCP_INDEX_BYTES + SRTP_TAG_BYTES)
    packet.copy(out)
    this.#rtcp.crypt(out.subarray(8, packet.length), packet.readUInt32BE(4), this.#rtcpIndex)
    // The highest bit says that it is encrypted.
    out.writeUInt32BE((this.#rtcpIndex | 0x80000000) >>> 0, packet.length)
    const authenticated = out.subarray(0, packet.length + SRTCP_INDEX_BYTES)
    this.#rtcp.tag(authenticated, null).copy(out, authenticated.length)
    return out
  }
}

/** Packets seen of late, so that none counts twice (RFC 3711 section 3.3.2). */
class ReplayWindow {
  #highest = -1
  /** The last index that was seen in each place. */
  readonly #seen = new Float64Array(REPLAY_WINDOW).fill(-1)

  isFresh(index: number): boolean {
    if (index > this.#highest) return true
    return this.#highest - index < REPLAY_WINDOW && this.#seen[index % REPLAY_WINDOW] !== index
  }

  add(index: number): void {
    if (index > this.#highest) this.#highest = index
    this.#seen[index % REPLAY_WINDOW] = index
  }
}

/** Opens what we receive. Anything whose tag is wrong, or that was opened before, is null. */
export class SrtpReceiver {
  readonly #rtp: SessionKeys
  readonly #rtcp: SessionKeys
  readonly #windows = new Map<number, { rtp: ReplayWindow; rtcp: ReplayWindow; highest: number }>()

  constructor(master: Uint8Array) {
    this.#rtp = new SessionKeys(master, LABELS.rtp)
    this.#rtcp = new SessionKeys(master, LABELS.rtcp)
  }

  /** The packet without its tag, decrypted in place. */
  openRtp(packet: Buffer): Buffer | null {
    const end = packet.length - SRTP_TAG_BYTES
    if (end < 12 || (packet[0]! & 0xc0) !== 0x80) return null
    const headerBytes = rtpHeaderBytes(packet)
    if (headerBytes > end) return null
    const ssrc = packet.readUInt32BE(8)
    const window = this.#windows.get(ssrc)
    const index = guessIndex(window?.highest ?? -1, packet.readUInt16BE(2))
    const body = packet.subarray(0, end)
    if (window && !window.rtp.isFresh(index)) return null
    if (!timingSafeEqual(this.#rtp.tag(body, Math.floor(index / CYCLE)), packet.subarray(end))) return null
    const known = window ?? this.#remember(ssrc)
    known.rtp.add(index)
    known.highest = Math.max(known.highest, index)
    this.#rtp.crypt(body.subarray(headerBytes), ssrc, index)
    return body
  }

  openRtcp(packet: Buffer): Buffer | null {
    const authenticatedEnd = packet.length - SRTP_TAG_BYTES
    const end = authenticatedEnd - SRTCP_INDEX_BYTES
    if (end < 8 || (packet[0]! & 0xc0) !== 0x80) return null
    const word = packet.readUInt32BE(end)
    const index = word & 0x7fffffff
    const ssrc = packet.readUInt32BE(4)
    const window = this.#windows.get(ssrc)
    if (window && !window.rtcp.isFresh(index)) return null
    const tag = this.#rtcp.tag(packet.subarray(0, authenticatedEnd), null)
    if (!timingSafeEqual(tag, packet.subarray(authenticatedEnd))) return null
    ;(window ?? this.#remember(ssrc)).rtcp.add(index)
    if (word & 0x80000000) this.#rtcp.crypt(packet.subarray(8, end), ssrc, index)
    return packet.subarray(0, end)
  }

  #remember(ssrc: number) {
    const window = { rtp: new ReplayWindow(), rtcp: new ReplayWindow(), highest: -1 }
    this.#windows.set(ssrc, window)
    return window
  }
}

/** RFC 3711 appendix A: the sequence number with the cycles that bring it nearest to the highest seen. */
function guessIndex(highest: number, sequence: number): number {
  if (highest < 0) return sequence
  const cycles = Math.floor(highest / CYCLE)
  const last = highest % CYCLE
  if (last < HALF_CYCLE) return (sequence - last > HALF_CYCLE ? Math.max(0, cycles - 1) : cycles) * CYCLE + sequence
  return (last - HALF_CYCLE > sequence ? cycles + 1 : cycles) * CYCLE + sequence
}
