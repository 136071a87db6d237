import { describe, expect, it } from 'vitest'
import { makeSrtpKey, SRTP_TAG_BYTES, SrtpReceiver, SrtpSender } from './srtp.ts'

function packet(sequence: number, text = 'twenty milliseconds'): Buffer {
  const header = Buffer.from('800012340000a0a0cafebabe', 'hex')
  header.writeUInt16BE(sequence, 2)
  return Buffer.concat([header, Buffer.from(text)])
}

describe('SRTP', () => {
  it('agrees with the widely published test of the suite: libsrtp’s packet under its key', () => {
    // The reference packet with which implementations check AES_CM_128_HMAC_SHA1_80 against each other.
    const key = Buffer.from('e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6', 'hex')
    const plain = Buffer.from(`800f1234decafbadcafebabe${'ab'.repeat(16)}`, 'hex')
    const sealed = '800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb'
    expect(new SrtpSender(key).protectRtp(plain).toString('hex')).toBe(sealed)
    expect(new SrtpReceiver(key).openRtp(Buffer.from(sealed, 'hex'))?.toString('hex')).toBe(plain.toString('hex'))
  })

  it('opens what it sealed, over the turn of the sequence numbers, in any near order', () => {
    const key = makeSrtpKey()
    const sender = new SrtpSender(key)
    const receiver = new SrtpReceiver(key)
    const sealed = [65_533, 65_534, 65_535, 0, 1, 2].map((sequence) => sender.protectRtp(packet(sequence)))
    for (const index of [0, 3, 1, 2, 5, 4]) {
      expect(receiver.openRtp(Buffer.from(sealed[index]!))?.subarray(12).toString()).toBe('twenty milliseconds')
    }
    expect(receiver.openRtp(Buffer.from(sealed[4]!))).toBeNull()
  })

  it('seals packets of every length, long ones between short ones', () => {
    const key = makeSrtpKey()
    const sender = new SrtpSender(key)
    const receiver = new SrtpReceiver(key)
    for (const [sequence, length] of [0, 1, 160, 1400, 16, 3000, 243, 160].entries()) {
      const plain = packet(sequence, 'x'.repeat(length))
      const sealed = sender.protectRtp(plain)
      expect(sealed).toHaveLength(plain.length + SRTP_TAG_BYTES)
      // A key that has sealed nothing yet agrees: nothing of the packets before is left.
      const fresh = new SrtpSender(key).protectRtp(plain)
      expect(sealed).toEqual(fresh)
      expect(receiver.openRtp(sealed)?.toString('hex')).toBe(plain.toString('hex'))
    }
  })

  it('refuses a changed bit anywhere, a cut packet and a foreign key', () => {
    const key = makeSrtpKey()
    const sealed = new SrtpSender(key).protectRtp(packet(7))
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= 1
      expect(new SrtpReceiver(key).openRtp(changed)).toBeNull()
      expect(new SrtpReceiver(key).openRtp(Buffer.from(sealed.subarray(0, at)))).toBeNull()
    }
    expect(new SrtpReceiver(makeSrtpKey()).openRtp(Buffer.from(sealed))).toBeNull()
  })

  it('seals reports, and opens each once', () => {
    const key = makeSrtpKey()
    const report = Buffer.from('80c90001cafebabe81ca0002cafebabe01026162', 'hex')
    const sealed = new SrtpSender(key).protectRtcp(report)
    expect(sealed).toHaveLength(report.length + 4 + SRTP_TAG_BYTES)
    expect(sealed.subarray(8, report.length)).not.toEqual(report.subarray(8))
    const receiver = new SrtpReceiver(key)
    expect(receiver.openRtcp(Buffer.from(sealed))).toEqual(report)
    expect(receiver.openRtcp(Buffer.from(sealed))).toBeNull()
  })
})
