import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { invalidInput } from '../errors.ts'

const ENTRIES_MAX = 20
const FIELD = 'allowedAddresses'
const SHAPE = 'must be an IP address or a range of them, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32'

/** An address alone is a range of all its bits. */
export interface AddressRange {
  readonly network: ipaddr.IPv4 | ipaddr.IPv6
  readonly bits: number
}

/**
 * The addresses and ranges as they are stored, each once and in its canonical form; null: from anywhere. IPv4 written as
 * IPv6 is IPv4. A key that may be used from some addresses makes none for others: `own` is what it may.
 *
 * @throws AppError `invalid-input` with the entry that is wrong.
 */
export function checkedAddresses(
  wanted: readonly string[] | null | undefined,
  own: readonly AddressRange[] | null,
): readonly string[] | null {
  if (wanted === null || wanted === undefined) return own === null ? null : own.map(textOf)
  if (wanted.length === 0 || wanted.length > ENTRIES_MAX) {
    throw invalidInput(FIELD, `must have 1 to ${ENTRIES_MAX} entries; leave it out for a key that works from anywhere`)
  }
  return [...new Set(wanted.map((text, index) => textOf(checkedRange(text, `${FIELD}[${index}]`, own))))]
}

/** What was stored, ready to be compared with. @throws Error for a text that this module never stored. */
export function rangesOf(stored: readonly string[]): readonly AddressRange[] {
  return stored.map((text) => {
    const range = rangeOf(text)
    if (range === null) throw new Error('A stored range of addresses cannot be read')
    return range
  })
}

/** False also for an address that is unknown or none. */
export function isWithin(ranges: readonly AddressRange[], address: string | null): boolean {
  // The zone is a name of this machine's and no part of the address.
  const range = address === null ? null : rangeOf(address.replace(/%.*$/, ''))
  return range !== null && ranges.some((each) => holds(each, range))
}

function checkedRange(text: string, field: string, own: readonly AddressRange[] | null): AddressRange {
  const range = rangeOf(text.trim())
  if (range === null) throw invalidInput(field, SHAPE)
  const first = firstOf(range)
  if (first !== range.network.toString()) {
    throw invalidInput(field, `must begin where its range begins: write ${first}/${range.bits}, or the address alone`)
  }
  if (own !== null && !own.some((each) => holds(each, range))) {
    throw invalidInput(field, 'must lie within the addresses of the key that asks for it')
  }
  return range
}

function rangeOf(text: string): AddressRange | null {
  const [address = '', bitsText, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || rest.length > 0) return null
  const bitsMax = version === 4 ? 32 : 128
  const bits = bitsText === undefined ? bitsMax : /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : Number.NaN
  if (!(bits <= bitsMax)) return null
  const parsed = ipaddr.parse(address)
  const isMapped = parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && bits >= 96
  return isMapped ? { network: parsed.toIPv4Address(), bits: bits - 96 } : { network: parsed, bits }
}

function firstOf({ network, bits }: AddressRange): string {
  const kind = network.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  return kind.networkAddressFromCIDR(`${network.toString()}/${bits}`).toString()
}

function holds(outer: AddressRange, inner: AddressRange): boolean {
  if (outer.network.kind() !== inner.network.kind() || outer.bits > inner.bits) return false
  return inner.network.match(outer.network, outer.bits)
}

function textOf({ network, bits }: AddressRange): string {
  const isAlone = bits === (network.kind() === 'ipv4' ? 32 : 128)
  return isAlone ? network.toString() : `${network.toString()}/${bits}`
}
