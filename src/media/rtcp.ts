/** RTCP as RFC 3550 section 6 lays it out: what one session tells of itself, and what it needs to know of the other. */

const SENDER_REPORT = 200
const RECEIVER_REPORT = 201
const SOURCE_DESCRIPTION = 202
const BYE = 203
const CNAME_ITEM = 1
/** From 1900, where NTP begins, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800
const BLOCK_BYTES = 24

export interface RtcpReport {
  readonly ssrc: number
  /** A name that stays the same for the session; printable ASCII, at most 255 characters. */
  readonly cname: string
  /** Null when nothing was sent lately. */
  readonly sender: { nowEpochMs: number; timestamp: number; packets: number; octets: number } | null
  /** Null when nothing was received. */
  readonly block: ReportBlock | null
  readonly bye: boolean
}

export interface ReportBlock {
  readonly ssrc: number
  /** In 256ths. */
  readonly fractionLost: number
  readonly lost: number
  readonly highest: number
  readonly jitterSamples: number
  /** The middle 32 bits of the NTP time of their last sender report, and how long ago it came in 65536ths; both 0 without one. */
  readonly lastReport: number
  readonly sinceLastReport: number
}

/** A compound packet: SR or RR, the CNAME, and BYE at the end. */
export function writeRtcp(report: RtcpReport): Buffer {
  const parts = [reportPart(report), descriptionPart(report)]
  if (report.bye) {
    const bye = Buffer.alloc(8)
    writeHead(bye, BYE, 1)
    bye.writeUInt32BE(report.ssrc, 4)
    parts.push(bye)
  }
  return Buffer.concat(parts)
}

function reportPart({ ssrc, sender, block }: RtcpReport): Buffer {
  const head = sender ? 28 : 8
  const part = Buffer.alloc(head + (block ? BLOCK_BYTES : 0))
  writeHead(part, sender ? SENDER_REPORT : RECEIVER_REPORT, block ? 1 : 0)
  part.writeUInt32BE(ssrc, 4)
  if (sender) {
    const seconds = Math.floor(sender.nowEpochMs / 1000)
    part.writeUInt32BE((seconds + NTP_EPOCH_SECONDS) >>> 0, 8)
    part.writeUInt32BE(Math.floor(((sender.nowEpochMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0, 12)
    part.writeUInt32BE(sender.timestamp, 16)
    part.writeUInt32BE(sender.packets >>> 0, 20)
    part.writeUInt32BE(sender.octets >>> 0, 24)
  }
  if (block) {
    part.writeUInt32BE(block.ssrc, head)
    part.writeUInt32BE(((block.fractionLost << 24) | Math.min(block.lost, 0x7fffff)) >>> 0, head + 4)
    part.writeUInt32BE(block.highest, head + 8)
    part.writeUInt32BE(block.jitterSamples >>> 0, head + 12)
    part.writeUInt32BE(block.lastReport, head + 16)
    part.writeUInt32BE(block.sinceLastReport, head + 20)
  }
  return part
}

function descriptionPart({ ssrc, cname }: RtcpReport): Buffer {
  // The item list ends with a zero byte and is filled up to whole words.
  const part = Buffer.alloc(4 + Math.ceil((4 + 2 + cname.length + 1) / 4) * 4)
  writeHead(part, SOURCE_DESCRIPTION, 1)
  part.writeUInt32BE(ssrc, 4)
  part[8] = CNAME_ITEM
  part[9] = cname.length
  part.write(cname, 10, 'latin1')
  return part
}

function writeHead(part: Buffer, type: number, count: number): void {
  part[0] = 0x80 | count
  part[1] = type
  part.writeUInt16BE(part.length / 4 - 1, 2)
}

/** What the other side's packet says to us. */
export interface RtcpNews {
  /** Their sender report: the middle of its NTP time. */
  readonly senderReport: number | null
  /** Their report on what we send. */
  readonly block: ReportBlock | null
  readonly bye: boolean
}

/** Reads a compound packet of any content; null when it is none. Reads no byte outside of it. */
export function readRtcp(packet: Buffer, ourSsrc: number): RtcpNews | null {
  let senderReport: number | null = null
  let block: ReportBlock | null = null
  let bye = false
  let at = 0
  while (at < packet.length) {
    if (packet.length - at < 8 || (packet[at]! & 0xc0) !== 0x80) return null
    const type = packet[at + 1]!
    const end = at + (packet.readUInt16BE(at + 2) + 1) * 4
    if (end > packet.length || (at === 0 && type !== SENDER_REPORT && type !== RECEIVER_REPORT)) return null
    if (type === SENDER_REPORT && end - at >= 28) senderReport = packet.readUInt32BE(at + 10)
    if (type === SENDER_REPORT || type === RECEIVER_REPORT)
      block = blockAbout(packet.subarray(at, end), ourSsrc) ?? block
    if (type === BYE) bye = true
    at = end
  }
  return at === 0 ? null : { senderReport, block, bye }
}

function blockAbout(part: Buffer, ssrc: number): ReportBlock | null {
  const count = part[0]! & 0x1f
  const first = part[1] === SENDER_REPORT ? 28 : 8
  for (let at = first; at < first + count * BLOCK_BYTES && at + BLOCK_BYTES <= part.length; at += BLOCK_BYTES) {
    if (part.readUInt32BE(at) !== ssrc) continue
    return {
      ssrc,
      fractionLost: part[at + 4]!,
      // Signed 24 bits: doubled packets make it negative.
      lost: part.readIntBE(at + 5, 3),
      highest: part.readUInt32BE(at + 8),
      jitterSamples: part.readUInt32BE(at + 12),
      lastReport: part.readUInt32BE(at + 16),
      sinceLastReport: part.readUInt32BE(at + 20),
    }
  }
  return null
}

/** The middle 32 bits of an NTP time, as report blocks echo it. */
export function middleOfNtp(epochMs: number): number {
  const seconds = Math.floor(epochMs / 1000)
  const fraction = Math.floor(((epochMs - seconds * 1000) / 1000) * 65_536)
  return ((((seconds + NTP_EPOCH_SECONDS) & 0xffff) << 16) | fraction) >>> 0
}

/** RFC 3550 section 6.4.1; null when it was not echoed or makes no sense. */
export function roundTripMs(block: ReportBlock, nowEpochMs: number): number | null {
  if (block.lastReport === 0) return null
  const units = (middleOfNtp(nowEpochMs) - block.lastReport - block.sinceLastReport) | 0
  return units < 0 ? null : (units * 1000) / 65_536
}
