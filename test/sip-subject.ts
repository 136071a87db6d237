import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { expect } from 'vitest'
import type { CarrierSubject, SubjectBench } from '../src/carriers/carrier.conformance.ts'
import type { CarrierContext } from '../src/carriers/carrier.ts'
import { sip } from '../src/carriers/sip/carrier.ts'
import type { MediaEngine, MediaListener, MediaSession } from '../src/media/media-engine.ts'
import type { Prompt } from '../src/media/prompt.ts'
import { NO_SOUND_YET } from '../src/media/sound-totals.ts'
import type { CallEvent } from '../src/model/call-event.ts'
import { SipEndpoint } from '../src/sip/endpoint.ts'
import { parseMessage, type SipRequest, writeMessage } from '../src/sip/message.ts'
import type { Peer } from '../src/sip/peer.ts'
import { responseTo } from '../src/sip/response.ts'
import { FakeClock } from './fake-clock.ts'
import { loopbackTargets } from './loopback-targets.ts'
import { promptOf, soundOf } from './media/sound.ts'

const NUMBERS = {
  answers: '+14155550142',
  ringsOut: '+14155550180',
  refused: '+14155550195',
  answerLost: '+14155550197',
}
const RINGS_MS = 1000
const STEP_MS = 200

/** A SIP exchange that decides by the last two digits of a number, on a clock that stands still until it is moved. */
class Exchange {
  readonly #clock: FakeClock
  readonly #socket: Socket
  readonly #invites = new Map<string, SipRequest>()
  /** The branches of the INVITEs that came under each Call-ID: a repetition has the same one. */
  readonly branches = new Map<string, Set<string>>()

  constructor(clock: FakeClock) {
    this.#clock = clock
    this.#socket = createSocket('udp4')
    this.#socket.on('message', (bytes, { address, port }) => {
      const parsed = parseMessage(bytes)
      const peer: Peer = { transport: 'udp', address, port, serverName: null }
      if (parsed.ok && parsed.message.kind === 'request') this.#take(parsed.message, peer)
    })
  }

  async listen(): Promise<number> {
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
    return this.#socket.address().port
  }

  close(): void {
    this.#socket.close()
  }

  #take(request: SipRequest, peer: Peer): void {
    const callId = request.headers.get('call-id')!
    if (request.method === 'INVITE') this.#invited(request, peer, callId)
    else if (request.method === 'CANCEL') {
      this.#answer(request, peer, 200)
      const invite = this.#invites.get(callId)
      if (invite) this.#answer(invite, peer, 487)
    } else if (request.method !== 'ACK') this.#answer(request, peer, 200)
  }

  #invited(request: SipRequest, peer: Peer, callId: string): void {
    const branches = this.branches.get(callId) ?? new Set()
    this.branches.set(callId, branches.add(request.headers.get('via')!))
    const known = this.#invites.has(callId)
    this.#invites.set(callId, request)
    const ending = /(\d\d)@/.exec(request.uri)![1]
    if (known || ending === '97') return
    if (ending === '95') {
      this.#answer(request, peer, 404)
      return
    }
    this.#answer(request, peer, 100)
    this.#answer(request, peer, 180)
    if (ending === '42') this.#clock.setTimer(RINGS_MS, () => this.#answer(request, peer, 200))
  }

  #answer(request: SipRequest, peer: Peer, status: number): void {
    const answers = request.method === 'INVITE' && status === 200
    const body = Buffer.from(
      'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n',
    )
    const response = responseTo(request, {
      status,
      peer,
      ...(status === 100 ? {} : { localTag: 'exchange' }),
      headers: [['contact', `<sip:exchange@127.0.0.1:${this.#socket.address().port}>`]],
      ...(answers ? { body } : {}),
    })
    this.#socket.send(writeMessage(response), peer.port, peer.address)
  }
}

/** Plays on the clock of the test and sends nothing. */
function silentMedia(clock: FakeClock): MediaEngine {
  let playing = 0
  const open = async (_options: unknown, listener: MediaListener): Promise<MediaSession> => {
    let closed = false
    const statistics = async () => ({}) as never
    return {
      local: { address: '127.0.0.1', rtpPort: 4002, rtcpPort: 4003 },
      srtpKey: null,
      connect: () => undefined,
      play(prompt: Prompt) {
        const mine = ++playing
        clock.setTimer(prompt.durationMs, () => closed || listener.onPlayingEnded?.(mine, 'finished'))
        return mine
      },
      stopPlaying: () => undefined,
      sendKeys: () => false,
      statistics,
      close() {
        closed = true
        return statistics()
      },
    }
  }
  return {
    open,
    figures: () => ({
      sessions: 0,
      portPairsFree: 1,
      portPairsBusy: 0,
      portPairsSetAside: 0,
      workers: 1,
      totals: NO_SOUND_YET,
    }),
    close: async () => undefined,
  }
}

async function benchOn(settings: Record<string, unknown>, exchange: Exchange, clock: FakeClock): Promise<SubjectBench> {
  const events: CallEvent[] = []
  const endpoint = new SipEndpoint({
    clock,
    bindAddresses: ['127.0.0.1'],
    port: 0,
    advertisedAddress: null,
    allowedPrivateTargets: ['127.0.0.0/8'],
  })
  const context: CarrierContext = {
    clock,
    report: (event) => void events.push(event),
    log: { info: () => undefined, warn: () => undefined },
    targets: loopbackTargets,
    callbackUrl: '',
    media: silentMedia(clock),
    voices: { prepare: async () => promptOf(soundOf(1, 1)) },
    sip: endpoint,
    invite: () => Promise.reject(new Error('A telephone call invites nobody')),
  } as CarrierContext
  const carrier = sip.open(sip.settings.parse({ host: '127.0.0.1', ...settings }), context)
  // Datagrams travel in real time, everything else on the clock of the test.
  const pass = async (ms: number, until: () => boolean = () => false): Promise<void> => {
    for (let passedMs = 0; passedMs < ms && !until(); passedMs += STEP_MS) {
      clock.advance(STEP_MS)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  return {
    carrier: { ...bound(carrier), probe: () => whilePassing(carrier.probe(), pass) },
    events,
    callbacks: [],
    numbers: NUMBERS,
    createRequests: async (ref) => exchange.branches.get(ref)?.size ?? 0,
    async until(condition) {
      await pass(300_000, condition)
      expect(condition()).toBe(true)
    },
    moveWallClock: (byMs) => clock.setWallClock(clock.nowEpochMs() + byMs),
    passLongestCall: () => pass(60_000),
    async stop() {
      await carrier.close()
      endpoint.close()
      exchange.close()
    },
  }
}

function bound(carrier: SubjectBench['carrier']): SubjectBench['carrier'] {
  return {
    traits: carrier.traits,
    place: (request) => carrier.place(request),
    hangUp: (call) => carrier.hangUp(call),
    lookUp: (call) => carrier.lookUp(call),
    probe: () => carrier.probe(),
    close: () => carrier.close(),
  }
}

async function whilePassing<T>(
  promise: Promise<T>,
  pass: (ms: number, until: () => boolean) => Promise<void>,
): Promise<T> {
  let settled = false
  const done = promise.finally(() => {
    settled = true
  })
  await pass(60_000, () => settled)
  return done
}

export const sipSubject: CarrierSubject = {
  name: 'SIP over UDP',
  kind: 'sip',
  skips: [
    {
      reason: 'Nobody can be asked what became of an INVITE that was never answered: the attempt ends unknown.',
      cases: ['says nothing when the answer is lost, and finds the call'],
    },
    {
      reason: 'Events come in-process: there are no callbacks.',
      cases: [
        'gives a repeated callback the same keys',
        'refuses a callback with a wrong signature',
        'refuses a callback that was signed long ago',
      ],
    },
  ],
  async open() {
    const clock = new FakeClock()
    const exchange = new Exchange(clock)
    return benchOn({ port: await exchange.listen() }, exchange, clock)
  },
  async openUnreachable() {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await once(closed, 'close')
    const clock = new FakeClock()
    return benchOn({ port, transport: 'tcp' }, new Exchange(clock), clock)
  },
}
