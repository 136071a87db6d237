import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { AppError } from '../errors.ts'

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

export interface TargetGuardOptions {
  /** Networks that may be reached although they are private: `127.0.0.0/8`, `::1/128`, or single addresses. */
  readonly allowedNetworks: readonly string[]
  /** All addresses of a name; the system's resolver by default. */
  readonly resolve?: (hostname: string) => Promise<readonly ResolvedAddress[]>
}

/** What decides for each connection whether it may be made. */
export interface AddressGuard {
  /** For sockets: resolves a name and gives only addresses that may be reached; an error when one of them may not. */
  readonly lookup: LookupFunction
  /** Of an IP address, for which a socket asks no resolver. */
  mayReach(address: string): boolean
}

const PORTS = new Set(['', '443', '8443'])
/** What is assigned to be routed between networks today (https://www.iana.org/assignments/ipv6-address-space). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Keeps requests to addresses that users give away from what is not meant for users: this machine, its neighbours, the
 * metadata service of a cloud. An address is judged when it is stored, by `requireTarget`, and every connection is
 * made to an address that was judged in the moment it is made, by `lookup`: a name that answers something else the
 * second time gains nothing.
 *
 * Without exceptions: https on port 443 or 8443, no user or password in the address, and every address of the name is
 * global unicast. In an allowed network http and every port are taken too.
 */
export class TargetGuard implements AddressGuard {
  readonly #allowed: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][]
  readonly #resolve: (hostname: string) => Promise<readonly ResolvedAddress[]>

  constructor(options: TargetGuardOptions) {
    this.#allowed = options.allowedNetworks.map(networkOf)
    this.#resolve = options.resolve ?? ((hostname) => systemLookup(hostname, { all: true, verbatim: true }))
  }

  /** @throws AppError `target-refused`: an address that cannot be used, with what is wrong about it. */
  async requireTarget(url: string, field: string): Promise<void> {
    const problem = await this.problemOf(url)
    if (problem !== null) throw new AppError('target-refused', { args: [problem], field })
  }

  /** The same without asking for https and its ports: for trunks. @throws AppError `target-refused`. */
  async requireReachable(url: string, field: string): Promise<void> {
    const addresses = URL.canParse(url) ? await this.#addressesOf(new URL(url).hostname) : null
    const problem = addresses === null ? 'its name does not resolve' : this.#problemOfAddresses(addresses)
    if (problem !== null) throw new AppError('target-refused', { args: [problem], field })
  }

  /** What is wrong with an address as it is and as its name resolves now, as the end of a sentence; null: nothing. */
  async problemOf(url: string): Promise<string | null> {
    if (!URL.canParse(url)) return 'it is no URL'
    const { protocol, username, password, hostname, port } = new URL(url)
    if (protocol !== 'https:' && protocol !== 'http:') return 'it does not begin with https://'
    if (username !== '' || password !== '') return 'it holds a user or a password'
    const addresses = await this.#addressesOf(hostname)
    if (addresses === null) return 'its name does not resolve'
    if (addresses.length > 0 && addresses.every((address) => this.#isAllowed(address))) return null
    const problem = this.#problemOfAddresses(addresses)
    if (problem !== null) return problem
    if (protocol !== 'https:') return 'it does not begin with https://'
    return PORTS.has(port) ? null : 'its port is neither 443 nor 8443'
  }

  readonly lookup: LookupFunction = (hostname, options, done) => {
    this.#vetted(hostname).then(
      (addresses) => {
        if (options.all === true) done(null, [...addresses])
        else done(null, addresses[0]!.address, addresses[0]!.family)
      },
      (error: NodeJS.ErrnoException) => done(error, '', 0),
    )
  }

  async #vetted(hostname: string): Promise<readonly ResolvedAddress[]> {
    const addresses = await this.#resolve(hostname)
    const refused = addresses.length === 0 || addresses.some(({ address }) => !this.mayReach(address))
    if (refused) throw new TargetRefused('The name leads to an address that is not public')
    return addresses
  }

  #problemOfAddresses(addresses: readonly string[]): string | null {
    const areAll = addresses.every((address) => this.mayReach(address))
    return areAll ? null : 'it leads to an address that is not public'
  }

  mayReach(address: string): boolean {
    return this.#isAllowed(address) || isGlobal(address)
  }

  async #addressesOf(hostname: string): Promise<string[] | null> {
    const literal = hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0) return [literal]
    try {
      const found = await this.#resolve(hostname)
      return found.length === 0 ? null : found.map(({ address }) => address)
    } catch {
      return null
    }
  }

  #isAllowed(text: string): boolean {
    const address = parse(text)
    if (address === null) return false
    return this.#allowed.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits))
  }
}

/** A connection that the guard did not let happen. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused'
}

/** Addresses with a zone are of one link, and are not parsed: they are refused. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  return isIP(text) !== 0 && !text.includes('%') ? ipaddr.process(text) : null
}

function isGlobal(text: string): boolean {
  const address = parse(text)
  if (address === null || address.range() !== 'unicast') return false
  return address.kind() === 'ipv4' || (address as ipaddr.IPv6).match(GLOBAL_UNICAST)
}

function networkOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (text.includes('/')) return ipaddr.parseCIDR(text)
  const address = ipaddr.parse(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
