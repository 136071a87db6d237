/** RTP as RFC 3550 section 5.1 lays it out. */

export const RTP_HEADER_BYTES = 12
const VERSION_BITS = 0x80
/** RTCP that came to the RTP port: packet types 192-223 look like payload types 64-95 with a marker (RFC 5761). */
const RTCP_FIRST = 192
const RTCP_LAST = 223

/** What stands in a packet's header, and where its payload lies. One object is filled again and again. */
export interface RtpView {
  marker: boolean
  payloadType: number
  sequence: number
  timestamp: number
  ssrc: number
  /** Where the payload begins and ends in the packet. */
  start: number
  end: number
}

export function emptyRtpView(): RtpView {
  return { marker: false, payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0, start: 0, end: 0 }
}

/** Reads a packet of any content into `view`; false when it is no well-formed RTP. Reads no byte outside of it. */
export function readRtp(packet: Buffer, view: RtpView): boolean {
  if (packet.length < RTP_HEADER_BYTES) return false
  const first = packet[0]!
  const second = packet[1]!
  if ((first & 0xc0) !== VERSION_BITS || (second >= RTCP_FIRST && second <= RTCP_LAST)) return false
  const start = rtpHeaderBytes(packet)
  let end = packet.length
  if (first & 0x20) {
    const padding = packet[end - 1]!
    if (padding === 0) return false
    end -= padding
  }
  if (start > end) return false
  view.marker = (second & 0x80) !== 0
  view.payloadType = second & 0x7f
  view.sequence = packet.readUInt16BE(2)
  view.timestamp = packet.readUInt32BE(4)
  view.ssrc = packet.readUInt32BE(8)
  view.start = start
  view.end = end
  return true
}

/** The length of fixed header, contributing sources and extension together; may lie beyond the packet's end. */
export function rtpHeaderBytes(packet: Buffer): number {
  const first = packet[0]!
  const fixed = RTP_HEADER_BYTES + (first & 0x0f) * 4
  if ((first & 0x10) === 0) return fixed
  if (packet.length < fixed + 4) return fixed + 4
  return fixed + 4 + packet.readUInt16BE(fixed + 2) * 4
}

export interface RtpHeader {
  readonly marker: boolean
  readonly payloadType: number
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
}

/** Writes the twelve bytes of a header without contributing sources. All numbers must fit their fields. */
export function writeRtpHeader(packet: Buffer, header: RtpHeader): void {
  packet[0] = VERSION_BITS
  packet[1] = header.payloadType | (header.marker ? 0x80 : 0)
  packet.writeUInt16BE(header.sequence, 2)
  packet.writeUInt32BE(header.timestamp, 4)
  packet.writeUInt32BE(header.ssrc, 8)
}

/** How far `later` is ahead of `earlier` on the circle of 32-bit timestamps; negative when it is behind. */
export function timestampDistance(earlier: number, later: number): number {
  return (later - earlier) | 0
}
