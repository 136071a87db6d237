import { lookup, resolve4, resolve6, resolveSrv } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Peer, TransportName } from './peer.ts'

/** What is asked of the DNS; tests put answers of their own here. */
export interface NameService {
  srv(name: string): Promise<{ name: string; port: number; priority: number; weight: number }[]>
  /** IP addresses of a name, in order of preference. */
  addresses(name: string): Promise<string[]>
}

export interface TrunkAddress {
  readonly host: string
  /** Null: the port and the servers are looked up (SRV), else the usual port. */
  readonly port: number | null
  readonly transport: TransportName
  /** A name other than `host` that the certificate carries. */
  readonly serverName: string | null
}

export const systemNames: NameService = {
  srv: (name) => resolveSrv(name),
  async addresses(name) {
    const [four, six] = await Promise.allSettled([resolve4(name), resolve6(name)])
    const found = [four, six].flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    if (found.length > 0) return found
    // Names of /etc/hosts and the like.
    return (await lookup(name, { all: true, order: 'ipv4first' })).map(({ address }) => address)
  },
}

const SRV_PREFIX = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' } as const
const USUAL_PORT = { udp: 5060, tcp: 5060, tls: 5061 } as const
const PEERS_MAX = 16

/**
 * The servers of a trunk, in the order in which they should be tried (RFC 3263 without NAPTR: the transport is a
 * setting). `random` yields numbers from 0 to 1 and decides by weight among servers of the same priority.
 *
 * Empty: the name does not exist. Never rejects.
 */
export async function resolvePeers(
  trunk: TrunkAddress,
  { names = systemNames, random }: { names?: NameService; random: () => number },
): Promise<Peer[]> {
  const { host, port, transport } = trunk
  const usual = port ?? USUAL_PORT[transport]
  const serverName = trunk.serverName ?? (isIP(host) ? null : host)
  if (isIP(host)) return [{ transport, address: host, port: usual, serverName }]
  const servers = port === null ? await serversOf(`${SRV_PREFIX[transport]}.${host}`, names, random) : []
  const targets = servers.length > 0 ? servers : [{ name: host, port: usual }]
  const peers: Peer[] = []
  for (const target of targets) {
    const addresses = isIP(target.name) ? [target.name] : await names.addresses(target.name).catch(() => [])
    for (const address of addresses) peers.push({ transport, address, port: target.port, serverName })
  }
  return peers.slice(0, PEERS_MAX)
}

/** The record at a point between 0 and 1 of the sum of weights. */
function byWeight<Record extends { weight: number }>(group: readonly Record[], point: number): Record {
  let mark = point * group.reduce((sum, record) => sum + record.weight, 0)
  for (const record of group) {
    mark -= record.weight
    if (mark < 0) return record
  }
  return group[0]!
}

async function serversOf(name: string, names: NameService, random: () => number) {
  const records = await names.srv(name).catch(() => [])
  const waiting = records.filter((record) => record.name !== '' && record.name !== '.')
  const ordered: typeof waiting = []
  while (waiting.length > 0) {
    const priority = Math.min(...waiting.map((record) => record.priority))
    const group = waiting.filter((record) => record.priority === priority)
    const chosen = byWeight(group, random())
    ordered.push(chosen)
    waiting.splice(waiting.indexOf(chosen), 1)
  }
  return ordered
}
