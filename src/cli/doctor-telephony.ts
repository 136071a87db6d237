import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fs from 'node:fs'
import { isIP } from 'node:net'
import os from 'node:os'
import { type Config, ConfigError, loadConfig } from '../config.ts'
import { isPrivateAddress } from '../sip/private-address.ts'
import { PacketRings } from '../udp/packet-rings.ts'
import { SystemCalls } from '../udp/system-calls.ts'
import type { Environment, Finding } from './doctor-finding.ts'

const check = 'telephony'
/** No packet is received here. */
const PACKET_BYTES = 16

/** What real telephone calls need of this machine: ports for sound, addresses, and a way through a router. */
export async function checkTelephony(environment: Environment): Promise<Finding[]> {
  let config: Config
  try {
    config = loadConfig(environment)
  } catch (error) {
    // The settings have a finding of their own.
    if (error instanceof ConfigError) return []
    throw error
  }
  const machine = Object.values(os.networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
  return [
    mediaPortsFinding(config.mediaPorts, systemPorts()),
    ...(await sipPortFindings(config)),
    addressFinding(config, machine),
    ...soundFindings(config, await whatThreadsMay(config)),
  ]
}

/** How sound reaches the network here, and whether its threads may go before other work. */
async function whatThreadsMay({ udpSockets }: Pick<Config, 'udpSockets'>) {
  const calls = udpSockets === 'node' ? null : await SystemCalls.load(PACKET_BYTES)
  const realTime = calls?.enterRealTime() ?? false
  if (realTime) calls?.leaveRealTime()
  const rings = calls === null ? null : PacketRings.open(calls.libc, PACKET_BYTES)
  rings?.end()
  return { systemCalls: calls !== null, rings: rings !== null, realTime }
}

/** What the sound of many calls at once would suffer from. Nothing is said of what was set so. */
export function soundFindings(
  { udpSockets, mediaPriority }: Pick<Config, 'udpSockets' | 'mediaPriority'>,
  { systemCalls, rings, realTime }: { systemCalls: boolean; rings: boolean; realTime: boolean },
): Finding[] {
  const findings: Finding[] = []
  if (udpSockets !== 'node' && !systemCalls) {
    const text = 'Sound and SIP go over the sockets of Node.js, at twice the cost for each packet.'
    const remedy = 'On Linux (x64, arm64) install the optional package koffi: npm install without --omit=optional.'
    findings.push({ level: 'note', check, text, remedy })
  }
  if (udpSockets === 'rings' && systemCalls && !rings) {
    const text = 'Sound takes a system call for each packet, at up to twice the cost.'
    const remedy =
      'Let the server use io_uring, from Linux 6.0 on: most containers forbid it by their seccomp profile, some systems by kernel.io_uring_disabled. CARILLON_UDP_SOCKETS=system if that is wanted.'
    findings.push({ level: 'note', check, text, remedy })
  }
  if (mediaPriority === 'high' && !realTime) {
    const text = 'The threads of sound wait for a core like everything else; on a busy machine frames come late.'
    const remedy =
      'Let the server have real-time priority: LimitRTPRIO=1 in its systemd unit, or --cap-add SYS_NICE --ulimit rtprio=1 for a container.'
    findings.push({ level: 'note', check, text, remedy })
  }
  if (findings.length > 0) return findings
  return [{ level: 'ok', check, text: 'The sound of calls is carried as this machine can do it best.' }]
}

/** Ports that the system gives to others for a while are busy now and then. */
export function mediaPortsFinding(
  ports: { readonly first: number; readonly last: number },
  system: { readonly first: number; readonly last: number } | null,
): Finding {
  const calls = Math.floor((ports.last - ports.first + 1) / 2)
  const text = `Sound uses UDP ports ${ports.first} to ${ports.last}: ${calls} calls at once at most.`
  if (system === null || ports.last < system.first || ports.first > system.last) return { level: 'ok', check, text }
  const remedy = `Set CARILLON_MEDIA_PORTS to a range outside of ${system.first} to ${system.last}, which the system gives to others.`
  return { level: 'warning', check, text, remedy }
}

/** Behind a router the carrier must be told another address than the machine knows of itself. */
export function addressFinding(
  config: Pick<Config, 'sipAddresses' | 'sipPublicAddress'>,
  machine: readonly string[],
): Finding {
  const missing = config.sipAddresses.find((address) => !isWildcard(address) && !machine.includes(address))
  if (missing !== undefined) {
    const remedy = 'Set CARILLON_SIP_ADDRESSES to addresses of this machine, or to 0.0.0.0.'
    return { level: 'bad', check, text: `${missing} is no address of this machine.`, remedy }
  }
  if (config.sipPublicAddress !== undefined) {
    return { level: 'ok', check, text: `SIP trunks are told the address ${config.sipPublicAddress}.` }
  }
  if (machine.some((address) => isIP(address) !== 0 && !isPrivateAddress(address))) {
    return { level: 'ok', check, text: 'This machine has a public address.' }
  }
  const remedy =
    'For a carrier on the internet set CARILLON_SIP_PUBLIC_ADDRESS to the router’s public address; for an exchange in this network nothing is needed.'
  return { level: 'note', check, text: 'This machine has private addresses only.', remedy }
}

async function sipPortFindings({ sipAddresses, sipPort }: Config): Promise<Finding[]> {
  if (sipPort === 0) return []
  const findings: Finding[] = []
  for (const address of sipAddresses) {
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
    socket.bind(sipPort, address)
    const taken = await Promise.race([
      once(socket, 'listening').then(() => null),
      once(socket, 'error').then(([error]) => error as NodeJS.ErrnoException),
    ])
    socket.close()
    if (taken === null) continue
    const text = `The SIP port ${sipPort} on ${address} cannot be had (${taken.code}); a server that runs already may hold it.`
    findings.push({ level: 'note', check, text })
  }
  return findings
}

function systemPorts(): { first: number; last: number } | null {
  try {
    const [first, last] = fs
      .readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number)
    return first !== undefined && last !== undefined ? { first, last } : null
  } catch {
    // Another system than Linux.
    return null
  }
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
