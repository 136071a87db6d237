import ipaddr from 'ipaddr.js'
import { AF_INET, AF_INET6 } from './system-calls.ts'

/** Where a datagram comes from or goes to. */
export interface Source {
  /** An IP address, never a name. */
  readonly address: string
  readonly port: number
}

const IPV4_BYTES = 16
const IPV6_BYTES = 28

/** Address and port as the kernel of Linux reads them. The address is an IP address without a zone. */
export function socketName({ address, port }: Source): Buffer {
  const parsed = ipaddr.parse(address)
  const ipv6 = parsed.kind() === 'ipv6'
  const name = Buffer.alloc(ipv6 ? IPV6_BYTES : IPV4_BYTES)
  name.writeUInt16LE(ipv6 ? AF_INET6 : AF_INET, 0)
  name.writeUInt16BE(port, 2)
  name.set(parsed.toByteArray(), ipv6 ? 8 : 4)
  return name
}

/** What the kernel wrote, with the address as Node spells it. */
export function sourceOf(name: Buffer): Source {
  const port = name.readUInt16BE(2)
  if (name.readUInt16LE(0) !== AF_INET6) return { address: `${name[4]}.${name[5]}.${name[6]}.${name[7]}`, port }
  return { address: new ipaddr.IPv6([...name.subarray(8, 24)]).toRFC5952String(), port }
}

/** Compares what `sourceOf` reads. The first may be empty: nobody. For each packet, so byte by byte and without a call. */
export function sameName(one: Buffer, other: Buffer): boolean {
  if (one.length === 0) return false
  const ipv6 = one[0] === AF_INET6
  const addressAt = ipv6 ? 8 : 4
  const end = ipv6 ? 24 : 8
  for (let at = 0; at < 4; at++) if (one[at] !== other[at]) return false
  for (let at = addressAt; at < end; at++) if (one[at] !== other[at]) return false
  return true
}
