import type { Clock } from '../../clock.ts'
import type { MediaStatistics } from '../../media/media-engine.ts'
import type { CallEvent } from '../../model/call-event.ts'
import { textOfCause } from '../../model/cause.ts'
import { hostPort } from '../../sip/addresses.ts'
import type { SipEndpoint } from '../../sip/endpoint.ts'
import type { Peer } from '../../sip/peer.ts'
import { ConnectFault } from '../../sip/stream-connection.ts'
import type { TestFinding } from '../carrier.ts'
import type { SipSettings } from './config.ts'
import type { TrunkReach } from './trunk-reach.ts'

const CONNECT_MS = 4000

export interface TrunkLook {
  readonly settings: SipSettings
  readonly endpoint: SipEndpoint
  readonly reach: TrunkReach
}

/** Looks at everything before a call: the name, each server's connection and certificate, its answer to OPTIONS. */
export async function lookAtTrunk(look: TrunkLook): Promise<TestFinding[]> {
  const { settings, reach } = look
  const peers = await reach.peers()
  if (peers.length === 0) {
    return [bad('dns', `The name ${settings.host} has no address.`, 'Compare the host with what the carrier gave you.')]
  }
  const list = peers.map(({ address, port }) => hostPort(address, port)).join(', ')
  const findings = [ok('dns', `${settings.host} is ${list}.`)]
  for (const peer of peers) findings.push(...(await lookAtServer(look, peer)))
  return findings
}

async function lookAtServer({ settings, endpoint, reach }: TrunkLook, peer: Peer): Promise<TestFinding[]> {
  const name = hostPort(peer.address, peer.port)
  if (!endpoint.mayReach(peer)) {
    const remedy = `Set CARILLON_ALLOW_PRIVATE_TARGETS=${peer.address} on the server if the trunk is meant to lie there.`
    return [bad('connection', `${name} lies in a private network.`, remedy)]
  }
  try {
    const certificateAuthority = settings.certificateAuthority ?? null
    await endpoint.reach(peer, { withinMs: CONNECT_MS, certificateAuthority })
  } catch (error) {
    return [bad('connection', `${name}: ${(error as Error).message}.`, remedyOfFault(error, settings))]
  }
  const connected = {
    udp: `${name} can be sent to by UDP.`,
    tcp: `Connected to ${name} by TCP.`,
    tls: `Connected to ${name} by TLS; its certificate is good.`,
  }[settings.transport]
  return [ok('connection', connected), await lookAtOptions({ settings, reach }, peer, name)]
}

async function lookAtOptions(
  look: Pick<TrunkLook, 'settings' | 'reach'>,
  peer: Peer,
  name: string,
): Promise<TestFinding> {
  const answer = await look.reach.ask(peer)
  if (answer === null) {
    const remedy = look.settings.probe
      ? 'Check host, port and transport, and that the carrier allows this server’s address. If it never answers OPTIONS, set "probe": false.'
      : 'This trunk is not asked before calls ("probe": false).'
    return {
      level: look.settings.probe ? 'bad' : 'note',
      step: 'options',
      text: `${name} does not answer OPTIONS.`,
      remedy,
    }
  }
  if ((answer.status === 401 || answer.status === 407) && look.settings.username !== undefined) {
    return bad(
      'authentication',
      `${name} does not accept the username or the password.`,
      'Compare them with what the carrier gave you.',
    )
  }
  return ok('options', `${name} answers (${answer.status} ${answer.reason}).`)
}

function remedyOfFault(error: unknown, { transport }: SipSettings): string {
  const stage = error instanceof ConnectFault ? error.stage : 'connect'
  if (stage === 'tls') return 'Check serverName and certificateAuthority; the certificate must name the host.'
  return `Check host, port and transport (${transport}), and that a firewall lets this server out.`
}

/** What a call has shown, in the order in which people ask. */
export function findingsOfCall(
  events: readonly CallEvent[],
  call: { startedAtEpochMs: number; challenges: number; statistics: MediaStatistics | null; clock: Clock },
): TestFinding[] {
  const findings: TestFinding[] = []
  const { startedAtEpochMs, challenges, statistics } = call
  const after = (event: CallEvent) => `after ${((event.atEpochMs - startedAtEpochMs) / 1000).toFixed(1)} s`
  const end = events.at(-1)
  if (challenges > 0 && (end?.kind !== 'ended' || end.cause !== 'carrier-credentials')) {
    findings.push(ok('authentication', 'The carrier asked for the password and took it.'))
  }
  for (const event of events) {
    if (event.kind === 'ringing') findings.push(ok('ringing', `The telephone rang ${after(event)}.`))
    if (event.kind === 'answered') findings.push(ok('answer', `It was answered ${after(event)}.`))
  }
  if (end?.kind === 'not-sent') findings.push(bad('call', `The call was not sent: ${textOfCause(end.cause)}.`))
  if (end?.kind === 'ended') findings.push(...findingsOfEnd(end))
  if (statistics !== null && events.some(({ kind }) => kind === 'answered'))
    findings.push(...findingsOfSound(statistics))
  return findings
}

function findingsOfEnd(end: Extract<CallEvent, { kind: 'ended' }>): TestFinding[] {
  const status = end.sipStatus === undefined ? '' : ` (SIP ${end.sipStatus})`
  const q850 = end.q850Cause === undefined ? '' : `, Q.850 cause ${end.q850Cause}`
  const text = `${textOfCause(end.cause)}${status}${q850}.`
  const level = end.disposition === 'answered' ? 'ok' : end.disposition === 'failed' ? 'bad' : 'note'
  const keys = end.keysPressed === undefined ? [] : [ok('keys', `Keys pressed: ${end.keysPressed}.`)]
  return [...keys, { level, step: 'end', text }]
}

function findingsOfSound({ sent, received }: MediaStatistics): TestFinding[] {
  const loss = sent.reportedLoss === null ? '' : `, ${(sent.reportedLoss * 100).toFixed(1)} % lost on the way`
  const there =
    sent.packets > 0
      ? ok('sound', `Sound to the telephone: ${sent.packets} packets${loss}.`)
      : bad('sound', 'No sound was sent to the telephone.')
  const remedy =
    'Open the ports of CARILLON_MEDIA_PORTS for UDP, and behind a router set CARILLON_SIP_PUBLIC_ADDRESS to its public address.'
  const back =
    received.packets > 0
      ? ok(
          'sound',
          `Sound from the telephone: ${received.packets} packets, ${(received.voiceMs / 1000).toFixed(1)} s of it not silent.`,
        )
      : bad('sound', 'No sound came from the telephone.', remedy)
  return [there, back]
}

function ok(step: string, text: string): TestFinding {
  return { level: 'ok', step, text }
}

function bad(step: string, text: string, remedy?: string): TestFinding {
  return { level: 'bad', step, text, ...(remedy === undefined ? {} : { remedy }) }
}
