import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { Authorization } from './authorization.ts'
import { newTag } from './dialog.ts'
import { SipEndpoint } from './endpoint.ts'
import { parseMessage, writeMessage } from './message.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import type { Peer } from './peer.ts'
import { responseTo } from './response.ts'

const CALLS = 2000
/** Lost datagrams are lost for good here: without it nothing would tell that some are missing. */
const PATIENCE_MS = 20_000
const OFFER = Buffer.from('v=0\r\n')

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** Answers each call and each hang-up at once, on a socket as small as systems make them. */
async function exchange(): Promise<Peer> {
  const socket = createSocket('udp4')
  open.push(socket)
  socket.on('message', (bytes, { address, port }) => {
    const parsed = parseMessage(bytes)
    if (!parsed.ok || parsed.message.kind !== 'request' || parsed.message.method === 'ACK') return
    const peer: Peer = { transport: 'udp', address, port, serverName: null }
    socket.send(writeMessage(responseTo(parsed.message, { status: 200, peer, localTag: 'theirs' })), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { transport: 'udp', address: '127.0.0.1', port: socket.address().port, serverName: null }
}

function place(endpoint: SipEndpoint, peer: Peer): Promise<string> {
  return new Promise((resolve) => {
    const { sentBy, contact } = endpoint.namesFor(peer, 'carillon')
    const requestUri = `sip:b@127.0.0.1:${peer.port}`
    const address = { from: '<sip:a@127.0.0.1>', to: `<${requestUri}>`, requestUri }
    const call: OutgoingCall | null = endpoint.call(
      {
        leg: { callId: newTag(), localTag: newTag(), ...address, peer, sentBy, contact },
        offer: OFFER,
        headers: [],
        authorization: new Authorization(null),
        ringTimeoutMs: 30_000,
        endsByEpochMs: 0,
      },
      {
        onProgress: () => undefined,
        onAnswered: () => {
          queueMicrotask(() => call?.hangUp('finished'))
          return true
        },
        onOffer: () => null,
        onKey: () => undefined,
        onRedirected: () => undefined,
        onSilence: () => resolve('silent'),
        onEnded: ({ kind }) => resolve(kind),
      },
    )
  })
}

it('far more calls at once than can be set up at once are all set up, and nothing has to be repeated', async () => {
  // It stands still, so that what is lost on the way stays lost.
  const clock = new FakeClock()
  const callsPerSecond = Number.POSITIVE_INFINITY
  const options = { clock, bindAddresses: ['127.0.0.1'], port: 0, advertisedAddress: null, callsPerSecond }
  const endpoint = new SipEndpoint(options)
  open.push(endpoint)
  const peer = await exchange()
  await endpoint.reach(peer, { withinMs: 1000 })
  const one = async () => ((await endpoint.pace.turn(1000)) ? place(endpoint, peer) : 'refused')
  const endings = new Map<string, number>()
  const count = (ending: string) => endings.set(ending, (endings.get(ending) ?? 0) + 1)
  const all = Promise.all(Array.from({ length: CALLS }, async () => count(await one())))
  await Promise.race([all, once(AbortSignal.timeout(PATIENCE_MS), 'abort')])
  expect(Object.fromEntries(endings)).toEqual({ 'hung-up': CALLS })
  expect(endpoint.figures).toMatchObject({ retransmissions: 0, strayResponses: 0 })
})
