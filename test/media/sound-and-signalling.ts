import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { systemClock } from '../../src/clock.ts'
import { createMediaEngine } from '../../src/media/engine.ts'
import type { MediaSession } from '../../src/media/media-engine.ts'
import { Authorization } from '../../src/sip/authorization.ts'
import { SipEndpoint } from '../../src/sip/endpoint.ts'
import { parseMessage, writeMessage } from '../../src/sip/message.ts'
import type { Peer } from '../../src/sip/peer.ts'
import { responseTo } from '../../src/sip/response.ts'
import { RtpPeer } from './rtp-peer.ts'

/** A program of its own with the sound of one call and one question by SIP. Prints what came of them. */
const log: object[] = []
const engine = createMediaEngine({
  clock: systemClock,
  log: { info: (fields, message) => log.push({ ...fields, message }), warn: () => undefined },
  ports: { first: 17_720, last: 17_739 },
  workers: 1,
})
const telephone = await RtpPeer.open()
const options = { bindAddress: '127.0.0.1', srtp: false, inactivitySeconds: 5 }
// A busy machine may take longer to start a thread from its sources than a call is ready to wait.
let session: MediaSession | null = null
while (session === null) session = await engine.open(options, {}).catch(() => null)
session.connect({
  address: '127.0.0.1',
  port: telephone.port,
  rtcpPort: telephone.rtcpPort,
  codec: 'PCMU',
  payloadType: 0,
  telephoneEventPayloadType: null,
  srtpKey: null,
  direction: 'sendrecv',
})
await telephone.until(() => telephone.heard.length >= 3)

const exchange = createSocket('udp4').bind(0, '127.0.0.1')
await once(exchange, 'listening')
const peer: Peer = { transport: 'udp', address: '127.0.0.1', port: exchange.address().port, serverName: null }
exchange.on('message', (bytes, { address, port }) => {
  const parsed = parseMessage(bytes)
  if (!parsed.ok || parsed.message.kind !== 'request') return
  const answer = responseTo(parsed.message, { status: 200, peer, localTag: 'theirs' })
  exchange.send(writeMessage(answer), port, address)
})
const endpoint = new SipEndpoint({
  clock: systemClock,
  bindAddresses: ['127.0.0.1'],
  port: 0,
  advertisedAddress: null,
  allowedPrivateTargets: ['127.0.0.0/8'],
})
await endpoint.reach(peer, { withinMs: 1000 })
const question = () => endpoint.options(peer, { host: '127.0.0.1', callId: 'one', tag: 'ours' })
const answer = await endpoint.ask(question, peer, new Authorization(null))
console.log(JSON.stringify({ log, packetsHeard: telephone.heard.length >= 3, optionsAnswered: answer?.status === 200 }))

endpoint.close()
exchange.close()
telephone.close()
await engine.close()
