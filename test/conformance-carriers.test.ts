import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import {
  type CarrierSubject,
  CONFORMANCE_CASES,
  describeCarrierConformance,
  type SubjectBench,
} from '../src/carriers/carrier.conformance.ts'
import type { Carrier, CarrierCallback, CarrierContext } from '../src/carriers/carrier.ts'
import { invitation } from '../src/carriers/invitation/carrier.ts'
import { loopback } from '../src/carriers/loopback/carrier.ts'
import { readJudgeLog } from '../src/carriers/loopback/judge-log.ts'
import { startLoopbackServer } from '../src/carriers/loopback/listen.ts'
import { CARRIER_KINDS, carrierKind } from '../src/carriers/registry.ts'
import { systemClock } from '../src/clock.ts'
import type { CallEvent } from '../src/model/call-event.ts'
import { FakeClock } from './fake-clock.ts'
import { loopbackTargets } from './loopback-targets.ts'
import { promptOf, soundOf } from './media/sound.ts'
import { noSound } from './no-sound.ts'
import { sipSubject } from './sip-subject.ts'

const NUMBERS = {
  answers: '+15550100042',
  ringsOut: '+15550100080',
  refused: '+15550100095',
  answerLost: '+15550100097',
}
const SECRET = 'a-secret-for-tests-only'
const SPEED = 100
const silent = { info: () => undefined, warn: () => undefined }

const inProcess: CarrierSubject = {
  name: 'loopback in the node',
  kind: 'loopback',
  skips: [
    {
      reason: 'The network is in the same process: no request is written, none can be refused by a host.',
      cases: [
        'sends one create-call request',
        'says nothing when the answer is lost, and sends no second request',
        'proves that nothing was sent when nobody listens',
      ],
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
    const events: CallEvent[] = []
    const context: CarrierContext = {
      clock,
      report: (event) => events.push(event),
      log: silent,
      targets: loopbackTargets,
      callbackUrl: 'http://127.0.0.1:1/carriers/t1',
      ...noSound,
    }
    const carrier = loopback.open(loopback.settings.parse({}), context)
    return {
      carrier,
      events,
      callbacks: [],
      numbers: NUMBERS,
      createRequests: () => Promise.reject(new Error('There is no wire to count on')),
      async until(condition) {
        for (let passedMs = 0; passedMs < 600_000 && !condition(); passedMs += 100) await clock.advanceSettling(100)
        expect(condition()).toBe(true)
      },
      moveWallClock: (byMs) => clock.setWallClock(clock.nowEpochMs() + byMs),
      passLongestCall: () => clock.advanceSettling(200_000),
      stop: () => carrier.close(),
    }
  },
}

const ownProcess: CarrierSubject = {
  name: 'loopback over HTTP',
  kind: 'loopback',
  skips: [],
  async open() {
    const folder = await mkdtemp(path.join(tmpdir(), 'carillon-judge-'))
    const logFile = path.join(folder, 'judge.jsonl')
    const network = await startLoopbackServer({ port: 0, secret: SECRET, clock: systemClock, speed: SPEED, logFile })
    const bench = await openRemote(network.url)
    return {
      ...bench,
      async createRequests(ref) {
        const entries = await readJudgeLog(logFile)
        return entries.filter((entry) => entry.what === 'create-request' && entry.ref === ref).length
      },
      async stop() {
        await bench.stop()
        await network.close()
        await rm(folder, { recursive: true })
      },
    }
  },
  async openUnreachable() {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await once(closed, 'close')
    return openRemote(`http://127.0.0.1:${port}`)
  },
}

async function openRemote(url: string): Promise<SubjectBench> {
  const events: CallEvent[] = []
  const callbacks: CarrierCallback[] = []
  let wallOffsetMs = 0
  const clock = { ...systemClock, nowEpochMs: () => systemClock.nowEpochMs() + wallOffsetMs }
  const opened: { carrier?: Carrier } = {}
  const node = await startNode((callback) => {
    callbacks.push(callback)
    const { status, events: decoded } = opened.carrier!.decodeCallback!(callback)
    events.push(...decoded)
    return status
  })
  const { port } = node.address() as AddressInfo
  const callbackUrl = `http://127.0.0.1:${port}/carriers/t1`
  const context: CarrierContext = {
    clock,
    report: (event) => events.push(event),
    log: silent,
    targets: loopbackTargets,
    callbackUrl,
    ...noSound,
  }
  const carrier = loopback.open(loopback.settings.parse({ url, secret: SECRET }), context)
  opened.carrier = carrier
  return {
    carrier,
    events,
    callbacks,
    numbers: NUMBERS,
    createRequests: () => Promise.resolve(0),
    async until(condition) {
      for (let tries = 0; tries < 2000 && !condition(); tries++) await pause(5)
      expect(condition()).toBe(true)
    },
    moveWallClock(byMs) {
      wallOffsetMs += byMs
    },
    passLongestCall: () => pause((60_000 / SPEED) * 1.2),
    async stop() {
      await carrier.close()
      node.closeAllConnections()
      node.close()
    },
  }
}

/** Stands for a node of the product: takes callbacks at one address. */
async function startNode(take: (callback: CarrierCallback) => number): Promise<Server> {
  const node = createServer(async (request, response) => {
    const body = await bytesOf(request)
    const headers = request.headers as Record<string, string | undefined>
    response.statusCode = take({ method: request.method!, path: '', headers, body })
    response.end()
  })
  node.listen(0, '127.0.0.1')
  await once(node, 'listening')
  return node
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

/** The other side runs on real time, in another part of the event loop or in another process. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

const invited: CarrierSubject = {
  name: 'invitation',
  kind: 'invitation',
  skips: [
    {
      reason: 'A call is answered when somebody joins it, which is not the business of the carrier alone.',
      cases: ['tells a call in order under our reference', 'finds a call by its id'],
    },
    {
      reason: 'An invitation without an answer is a refusal: it rings nobody, so there is no doubt to be kept.',
      cases: [
        'says nothing when the answer is lost, and finds the call',
        'says nothing when the answer is lost, and sends no second request',
        'proves that nothing was sent when nobody listens',
      ],
    },
    {
      reason: 'The answer is synchronous: there are no callbacks.',
      cases: [
        'gives a repeated callback the same keys',
        'refuses a callback with a wrong signature',
        'refuses a callback that was signed long ago',
      ],
    },
  ],
  async open() {
    const clock = new FakeClock()
    const events: CallEvent[] = []
    const invitedRefs: string[] = []
    const numberOf = new Map<string, string>()
    const opened = invitation.open(
      {},
      {
        clock,
        report: (event) => events.push(event),
        log: silent,
        targets: loopbackTargets,
        callbackUrl: 'http://127.0.0.1:1/carriers/t1',
        ...noSound,
        voices: { prepare: async () => promptOf(soundOf(1, 1)) },
        async invite(ref) {
          invitedRefs.push(ref)
          return numberOf.get(ref) === NUMBERS.refused ? 'refused' : 'joinable'
        },
      },
    )
    const place: Carrier['place'] = (request) => {
      numberOf.set(request.ref, request.to)
      opened.place(request)
    }
    const carrier = Object.assign(Object.create(opened) as Carrier, {
      place,
      hangUp: opened.hangUp.bind(opened),
      lookUp: opened.lookUp.bind(opened),
      close: opened.close.bind(opened),
    })
    return {
      carrier,
      events,
      callbacks: [],
      numbers: NUMBERS,
      createRequests: async (ref) => invitedRefs.filter((each) => each === ref).length,
      async until(condition) {
        for (let passedMs = 0; passedMs < 600_000 && !condition(); passedMs += 100) await clock.advanceSettling(100)
        expect(condition()).toBe(true)
      },
      moveWallClock: () => undefined,
      passLongestCall: () => clock.advanceSettling(200_000),
      stop: () => opened.close(),
    }
  },
}

const SUBJECTS: readonly CarrierSubject[] = [inProcess, ownProcess, invited, sipSubject]

for (const subject of SUBJECTS) describeCarrierConformance(subject)

it('every kind in the registry is a subject', () => {
  expect(new Set(SUBJECTS.map(({ kind }) => kind))).toEqual(new Set(CARRIER_KINDS.map(({ kind }) => kind)))
  expect(carrierKind('loopback')).toBe(loopback)
  expect(carrierKind('no-such-carrier')).toBeUndefined()
})

it('no case is left out without a reason', () => {
  for (const { skips } of SUBJECTS) {
    for (const { reason, cases } of skips) {
      expect(reason.length).toBeGreaterThan(20)
      for (const each of cases) expect(CONFORMANCE_CASES).toContain(each)
    }
  }
})
