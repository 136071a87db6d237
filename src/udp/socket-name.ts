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

/** Compares what `sourceOf` reads. The first may be empty: nobody. */
export function sameName(one: Buffer, other: Buffer): boolean {
  if (one.length === 0 || one.readUInt32LE(0) !== other.readUInt32LE(0)) return false
  if (one.readUInt16LE(0) !== AF_INET6) return one.readUInt32LE(4) === other.readUInt32LE(4)
  return one.compare(other, 8, 24, 8, 24) === 0
}
