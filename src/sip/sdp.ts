import { isIP } from 'node:net'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
export type Codec = 'PCMU' | 'PCMA'

/** Numbers that every offer of ours uses. */
const PAYLOAD = { PCMU: 0, PCMA: 8, 'telephone-event': 101 } as const
const DESCRIPTION_BYTES_MAX = 16_384
const LINES_MAX = 300
/** Key and salt of AES_CM_128_HMAC_SHA1_80. */
const SRTP_KEY_BYTES = 30
const CIPHER = 'AES_CM_128_HMAC_SHA1_80'

export interface LocalMedia {
  /** What the other side sends to; an IP address. */
  readonly address: string
  readonly rtpPort: number
  readonly rtcpPort: number
  /** In order of preference. */
  readonly codecs: readonly Codec[]
  /** Our SRTP key and salt, or null for plain RTP. */
  readonly srtpKey: Uint8Array | null
  readonly direction: Direction
  /** Grows by one with each description of a call that differs from the one before. */
  readonly version: number
}

/** The description of the other side, as far as a telephone call needs it. */
export interface RemoteDescription {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  readonly codec: Codec
  readonly payloadType: number
  readonly telephoneEventPayloadType: number | null
  readonly srtpKey: Uint8Array | null
  readonly cryptoTag: number
  /** Seen from here: `recvonly` when the other side said `sendonly`. */
  readonly direction: Direction
}

/** Why a description cannot be used. Never repeats what was received. */
export class DescriptionFault extends Error {}

/** An offer or an answer. `sessionId` is the same for all descriptions of one call. */
export function writeDescription(media: LocalMedia, sessionId: string): Buffer {
  const { address, rtpPort, rtcpPort, codecs, srtpKey, direction, version } = media
  const family = isIP(address) === 6 ? 'IP6' : 'IP4'
  const payloads = [...codecs.map((codec) => PAYLOAD[codec]), PAYLOAD['telephone-event']]
  const lines = [
    'v=0',
    `o=carillon ${sessionId} ${version} IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
    `m=audio ${rtpPort} ${srtpKey === null ? 'RTP/AVP' : 'RTP/SAVP'} ${payloads.join(' ')}`,
    ...codecs.map((codec) => `a=rtpmap:${PAYLOAD[codec]} ${codec}/8000`),
    `a=rtpmap:${PAYLOAD['telephone-event']} telephone-event/8000`,
    `a=fmtp:${PAYLOAD['telephone-event']} 0-15`,
    'a=ptime:20',
    'a=maxptime:20',
    ...(rtcpPort === rtpPort + 1 ? [] : [`a=rtcp:${rtcpPort}`]),
    ...(srtpKey === null ? [] : [`a=crypto:1 ${CIPHER} inline:${Buffer.from(srtpKey).toString('base64')}`]),
    `a=${direction}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n`)
}

interface Section {
  readonly kind: string
  readonly port: number
  readonly protocol: string
  readonly payloads: readonly number[]
  connection: string | null
  readonly attributes: string[]
}

/**
 * Reads a description strictly: one audio stream with a codec we speak, an IP address, a port. Everything else of it is
 * left out, and what is missing or ambiguous is a fault.
 *
 * @throws DescriptionFault
 */
export function readDescription(body: Buffer): RemoteDescription {
  if (body.length > DESCRIPTION_BYTES_MAX) throw new DescriptionFault('The description is too long')
  const lines = body.toString('utf8').split(/\r?\n/)
  if (lines.length > LINES_MAX) throw new DescriptionFault('The description has too many lines')
  if (lines[0] !== 'v=0') throw new DescriptionFault('This is no description of a session')
  const { session, sections } = sectionsOf(lines)
  const audio = sections.find(({ kind, port }) => kind === 'audio' && port > 0)
  if (audio === undefined) throw new DescriptionFault('The other side offers no sound')
  const { codec, payloadType } = codecOf(audio)
  const { srtpKey, cryptoTag } = keyOf(audio)
  const address = addressOf(audio.connection ?? session.connection)
  const rtcp = attribute(audio, 'rtcp')
  return {
    address,
    port: audio.port,
    rtcpPort: rtcp === null ? audio.port + 1 : portOf(/^(\d{1,5})/.exec(rtcp)?.[1]),
    codec,
    payloadType,
    telephoneEventPayloadType: mapped(audio, /^telephone-event\/8000$/i),
    srtpKey,
    cryptoTag,
    direction: turned(directionOf(audio) ?? directionOf(session) ?? 'sendrecv'),
  }
}

function sectionsOf(lines: readonly string[]): { session: Section; sections: Section[] } {
  const session: Section = { kind: 'session', port: 0, protocol: '', payloads: [], connection: null, attributes: [] }
  const sections: Section[] = []
  let current = session
  for (const line of lines) {
    if (line.startsWith('m=')) {
      current = mediaSection(line)
      sections.push(current)
    } else if (line.startsWith('c=')) current.connection = line.slice(2)
    else if (line.startsWith('a=')) current.attributes.push(line.slice(2))
  }
  return { session, sections }
}

function mediaSection(line: string): Section {
  const match = /^m=(\w{1,20}) (\d{1,5})(?:\/\d{1,3})? ([\w/]{1,40}) ([\d ]{1,200}|\S{1,200})$/.exec(line.trimEnd())
  if (match === null) throw new DescriptionFault('The description has a stream that cannot be read')
  const [, kind, port, protocol, formats] = match
  const payloads = formats!
    .split(' ')
    .map(Number)
    .filter((number) => Number.isInteger(number) && number >= 0 && number <= 127)
  return {
    kind: kind!,
    port: Number(port) === 0 ? 0 : portOf(port),
    protocol: protocol!,
    payloads,
    connection: null,
    attributes: [],
  }
}

function portOf(text: string | undefined): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new DescriptionFault('The description has no usable port')
  return port
}

function addressOf(connection: string | null): string {
  const match = /^IN (IP4|IP6) (\S{1,45})$/.exec(connection?.trim() ?? '')
  const address = match?.[2]?.split('/')[0] ?? ''
  if (match === null || isIP(address) !== (match[1] === 'IP6' ? 6 : 4)) {
    throw new DescriptionFault('The description has no IP address')
  }
  return address
}

function attribute(section: Section, name: string): string | null {
  return (
    section.attributes
      .find((each) => each.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim() ?? null
  )
}

/** The payload type, among those of the stream, that is mapped to an encoding. */
function mapped(section: Section, encoding: RegExp): number | null {
  for (const each of section.attributes) {
    const match = /^rtpmap:(\d{1,3}) (\S{1,60})$/.exec(each.trim())
    if (match !== null && encoding.test(match[2]!) && section.payloads.includes(Number(match[1])))
      return Number(match[1])
  }
  return null
}

/** The first of the other side's codecs that we speak; 0 and 8 need no map. */
function codecOf(section: Section): { codec: Codec; payloadType: number } {
  const named = new Map<number, Codec>()
  for (const codec of ['PCMU', 'PCMA'] as const) {
    const number = mapped(section, new RegExp(`^${codec}/8000(/1)?$`, 'i'))
    if (number !== null) named.set(number, codec)
    else if (!section.attributes.some((each) => each.startsWith(`rtpmap:${PAYLOAD[codec]} `)))
      named.set(PAYLOAD[codec], codec)
  }
  const payloadType = section.payloads.find((number) => named.has(number))
  if (payloadType === undefined) throw new DescriptionFault('The other side speaks neither PCMU nor PCMA')
  return { codec: named.get(payloadType)!, payloadType }
}

function keyOf(section: Section): { srtpKey: Uint8Array | null; cryptoTag: number } {
  if (!/^RTP\/SAVPF?$/.test(section.protocol)) {
    if (!/^RTP\/AVPF?$/.test(section.protocol)) throw new DescriptionFault('The sound would not come by RTP')
    return { srtpKey: null, cryptoTag: 0 }
  }
  for (const each of section.attributes) {
    const match = /^crypto:(\d{1,9}) AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/=]{40,44})(?:\|[^ ]*)?(?: .*)?$/.exec(
      each.trim(),
    )
    const key = match === null ? null : Buffer.from(match[2]!, 'base64')
    if (key?.length === SRTP_KEY_BYTES) return { srtpKey: new Uint8Array(key), cryptoTag: Number(match![1]) }
  }
  throw new DescriptionFault('The other side offers no encryption that we speak')
}

function directionOf(section: Section): Direction | null {
  const found = section.attributes.find((each) => /^(sendrecv|sendonly|recvonly|inactive)$/.test(each.trim()))
  return (found?.trim() as Direction | undefined) ?? null
}

function turned(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly'
  return direction === 'recvonly' ? 'sendonly' : direction
}
