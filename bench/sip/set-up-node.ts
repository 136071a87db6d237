import { spawnSync } from 'node:child_process'
import { systemClock } from '../../src/clock.ts'
import { Authorization } from '../../src/sip/authorization.ts'
import { newTag } from '../../src/sip/dialog.ts'
import { SipEndpoint } from '../../src/sip/endpoint.ts'
import type { OutgoingCall, OutgoingCallOptions } from '../../src/sip/outgoing-call.ts'
import type { Peer } from '../../src/sip/peer.ts'
import { UnansweredCalls } from '../../src/sip/unanswered-calls.ts'
import { secondsWaitedForCore } from '../support/cpu-time.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'

/** The SIP side of a node, which sets calls up and hangs up at the answer. The first argument is the core it stays on. */
const [core = ''] = process.argv.slice(2)
if (core !== '') spawnSync('taskset', ['-a', '-c', '-p', core, String(process.pid)])

const STEP_MS = 2
/** How long a call may wait for its turn; its person could be called later. */
const TURN_MS = 500
/** As a trunk has it. */
const UNANSWERED_MAX = 100
const OFFER = Buffer.from(
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8\r\n',
)

const endpoint = new SipEndpoint({
  clock: systemClock,
  bindAddresses: ['127.0.0.1'],
  port: 0,
  advertisedAddress: null,
  allowedPrivateTargets: ['127.0.0.0/8'],
  callsPerSecond: Number.POSITIVE_INFINITY,
})

interface Run {
  readonly completed: number
  readonly failed: number
  /** Refused before anything was written, since more calls were offered than could be set up. */
  readonly notSent: number
  readonly notOffered: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly waitedForCoreSeconds: number
  readonly retransmissions: number
  readonly setUpMs: number[]
}

/** Offers `calls` calls at an even rate and resolves when all are over, or `patienceMs` after the last was offered. */
async function run(options: { port: number; rate: number; calls: number; patienceMs: number }): Promise<Run> {
  const { port, rate, calls, patienceMs } = options
  const peer: Peer = { transport: 'udp', address: '127.0.0.1', port, serverName: null }
  await endpoint.reach(peer, { withinMs: 1000 })
  const setUpMs: number[] = []
  const startedAtMs = performance.now()
  const cpuBefore = cpuSecondsOfSelf()
  const waitedBefore = secondsWaitedForCore(process.pid)
  const repeatedBefore = endpoint.figures.retransmissions
  let completed = 0
  let failed = 0
  let notSent = 0
  let offered = 0
  const over = (): boolean => completed + failed + notSent >= calls
  const unanswered = new UnansweredCalls(systemClock, UNANSWERED_MAX)
  const offer = async (): Promise<void> => {
    const offeredAtMs = performance.now()
    const leftMs = () => offeredAtMs + TURN_MS - performance.now()
    if (!(await unanswered.take(leftMs()))) {
      notSent++
      return
    }
    if (!(await endpoint.pace.turn(leftMs()))) {
      unanswered.leave()
      notSent++
    } else if (await place(peer, { setUpMs, onHeard: () => unanswered.leave() })) completed++
    else failed++
  }
  const lastAtMs = startedAtMs + (calls * 1000) / rate + patienceMs
  while (!over() && performance.now() < lastAtMs) {
    const due = Math.min(calls, Math.ceil(((performance.now() - startedAtMs) * rate) / 1000))
    for (; offered < due; offered++) void offer()
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
  return {
    completed,
    failed: offered - completed - notSent,
    notSent,
    notOffered: calls - offered,
    seconds: (performance.now() - startedAtMs) / 1000,
    cpuSeconds: cpuSecondsOfSelf() - cpuBefore,
    waitedForCoreSeconds: secondsWaitedForCore(process.pid) - waitedBefore,
    retransmissions: endpoint.figures.retransmissions - repeatedBefore,
    setUpMs,
  }
}

/** Resolves when the call is over: true when it was answered and we hung up. */
function place(peer: Peer, { setUpMs, onHeard }: { setUpMs: number[]; onHeard: () => void }): Promise<boolean> {
  return new Promise((resolve) => {
    const startedAtMs = performance.now()
    const call: OutgoingCall | null = endpoint.call(callTo(peer), {
      onProgress: () => undefined,
      onAnswered: () => {
        setUpMs.push(performance.now() - startedAtMs)
        queueMicrotask(() => call?.hangUp('finished'))
        return true
      },
      onOffer: () => null,
      onKey: () => undefined,
      onRedirected: () => undefined,
      onSilence: () => resolve(false),
      onEnded: ({ kind }) => resolve(kind === 'hung-up'),
    })
    void call?.heard.then(onHeard)
  })
}

function callTo(peer: Peer): OutgoingCallOptions {
  const { sentBy, contact } = endpoint.namesFor(peer, 'carillon')
  const requestUri = `sip:+14155550142@127.0.0.1:${peer.port}`
  const addresses = { from: '<sip:+14155550100@127.0.0.1>', to: `<${requestUri}>`, requestUri }
  return {
    leg: { callId: newTag(), localTag: newTag(), ...addresses, peer, sentBy, contact },
    offer: OFFER,
    headers: [],
    authorization: new Authorization(null),
    ringTimeoutMs: 30_000,
    endsByEpochMs: systemClock.nowEpochMs() + 60_000,
  }
}

serveBench({ run: (details) => run(details as unknown as Parameters<typeof run>[0]) }, async () => endpoint.close())
