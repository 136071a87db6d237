import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/fake-clock.ts'
import { loopbackTargets } from '../../../test/loopback-targets.ts'
import { noSound } from '../../../test/no-sound.ts'
import { type Clock, systemClock } from '../../clock.ts'
import type { CallEvent } from '../../model/call-event.ts'
import { TargetGuard } from '../../targets/target-guard.ts'
import type { CallRequest, Carrier } from '../carrier.ts'
import { loopback } from './carrier.ts'

const SECRET = 'a-secret-for-tests-only'
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

interface Provider {
  readonly url: string
  readonly requests: { method: string; path: string; authorization?: string; body: string }[]
}

/** A provider that counts requests and answers as told. */
async function providerThat(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<Provider> {
  const requests: Provider['requests'] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request as AsyncIterable<Buffer>) body += part.toString()
    const { authorization } = request.headers
    requests.push({ method: request.method!, path: request.url!, authorization, body })
    answer(response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

function openAt(
  url: string,
  clock: Clock = systemClock,
  more: Record<string, unknown> = {},
  targets = loopbackTargets,
) {
  const events: CallEvent[] = []
  const warnings: unknown[] = []
  const carrier: Carrier = loopback.open(loopback.settings.parse({ url, secret: SECRET, ...more }), {
    clock,
    report: (event) => events.push(event),
    log: { info: () => undefined, warn: (fields, message) => warnings.push({ ...fields, message }) },
    targets,
    callbackUrl: 'http://public.example/base/carriers/t1',
    ...noSound,
  })
  cleanUps.push(() => carrier.close())
  return { carrier, events, warnings }
}

function callTo(ref: number): CallRequest {
  return {
    ref: ref.toString(16).padStart(32, '0'),
    to: '+15550100042',
    from: '+15550199000',
    ringTimeoutSeconds: 30,
    maxCallSeconds: 300,
    sendWithinMs: 5000,
    speech: { text: 'Good morning.', waitForKeySeconds: 0 },
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !condition(); tries++) await pause(5)
  expect(condition()).toBe(true)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

it.each(['127.0.0.1', 'localhost'])('%s is not connected to when it is not allowed', async (host) => {
  const provider = await providerThat((response) => response.end())
  const { port } = new URL(provider.url)
  const closed = new TargetGuard({ allowedNetworks: [] })
  const { carrier, events } = openAt(`http://${host}:${port}`, systemClock, {}, closed)
  carrier.place(callTo(1))
  await until(() => events.length > 0)
  expect(events).toMatchObject([{ kind: 'not-sent' }])
  expect(await carrier.probe()).toBe(false)
  expect(provider.requests).toEqual([])
})

describe('an answer to create-call', () => {
  it.each([
    [201, '{"callId":"LB1"}', { kind: 'accepted', carrierCallId: 'LB1' }],
    [400, '{}', { kind: 'ended', disposition: 'failed', cause: 'carrier-refused' }],
    [401, '', { kind: 'ended', disposition: 'failed', cause: 'carrier-credentials' }],
    [404, '{}', { kind: 'ended', disposition: 'failed', cause: 'carrier-refused' }],
    [422, 'no JSON', { kind: 'ended', disposition: 'failed', cause: 'carrier-refused' }],
    [429, '{}', { kind: 'ended', disposition: 'failed', cause: 'carrier-rate-limited' }],
  ])('with status %i is definite', async (status, body, event) => {
    const provider = await providerThat((response) => response.writeHead(status).end(body))
    const { carrier, events } = openAt(provider.url)
    carrier.place(callTo(1))
    await until(() => events.length > 0)
    await carrier.close()
    expect(events).toMatchObject([{ ...event, ref: callTo(1).ref }])
    expect(provider.requests.length).toBe(1)
  })

  it.each([
    ['408', (response: ServerResponse) => response.writeHead(408).end()],
    ['409', (response: ServerResponse) => response.writeHead(409).end()],
    ['425', (response: ServerResponse) => response.writeHead(425).end()],
    ['500', (response: ServerResponse) => response.writeHead(500).end('{"callId":"LB1"}')],
    ['503', (response: ServerResponse) => response.writeHead(503, { 'retry-after': '0' }).end()],
    ['a redirect', (response: ServerResponse) => response.writeHead(307, { location: '/calls' }).end()],
    ['200 instead of 201', (response: ServerResponse) => response.writeHead(200).end('{"callId":"LB1"}')],
    ['201 in HTML', (response: ServerResponse) => response.writeHead(201).end('<html>')],
    ['201 without an id', (response: ServerResponse) => response.writeHead(201).end('{}')],
    ['201 without a body', (response: ServerResponse) => response.writeHead(201).end()],
    [
      '201 cut off',
      (response: ServerResponse) =>
        response.socket!.end('HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{"callId":'),
    ],
    [
      '201 without end',
      (response: ServerResponse) => response.writeHead(201).end(`{"callId":"LB1","more":"${'x'.repeat(9e6)}"}`),
    ],
    ['a reset', (response: ServerResponse) => response.socket!.resetAndDestroy()],
    ['an orderly close', (response: ServerResponse) => response.socket!.end()],
  ])('leaves doubt when it is %s: nothing is told and nothing sent again', async (_name, answer) => {
    const provider = await providerThat(answer)
    const { carrier, events, warnings } = openAt(provider.url)
    carrier.place(callTo(1))
    await until(() => warnings.length > 0)
    await pause(50)
    await carrier.close()
    expect(events).toEqual([])
    expect(provider.requests.length).toBe(1)
    expect(JSON.stringify(warnings)).not.toContain('5550100042')
  })
})

describe('a create-call request', () => {
  it('carries the whole intent, the secret and every address for callbacks', async () => {
    const provider = await providerThat((response) => response.writeHead(201).end('{"callId":"LB1"}'))
    const nodeUrls = ['http://127.0.0.1:8081', 'http://127.0.0.1:8082/']
    const { carrier, events } = openAt(provider.url, systemClock, { nodeUrls })
    carrier.place(callTo(1))
    await until(() => events.length > 0)
    const callbackUrls = ['http://127.0.0.1:8081/base/carriers/t1', 'http://127.0.0.1:8082/base/carriers/t1']
    const [request] = provider.requests
    expect(request).toMatchObject({ method: 'POST', path: '/calls', authorization: `Bearer ${SECRET}` })
    const { sendWithinMs: _ours, ...intent } = callTo(1)
    expect(JSON.parse(request!.body)).toEqual({ ...intent, callbackUrls })
  })

  it('is given up after fifteen seconds, with a reset of the connection', async () => {
    const clock = new FakeClock()
    let bytes = 0
    let ending: string | undefined
    const server = createTcpServer((socket) => {
      socket.on('data', (part) => {
        bytes += part.length
      })
      socket.on('error', (error: NodeJS.ErrnoException) => {
        ending = error.code
      })
      socket.on('end', () => {
        ending = 'orderly'
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => server.close())
    const { carrier, events, warnings } = openAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, clock)
    carrier.place(callTo(1))
    await until(() => bytes > 0)
    clock.advance(14_999)
    await pause(20)
    expect(ending).toBeUndefined()
    clock.advance(1)
    await until(() => ending !== undefined && warnings.length > 0)
    expect(ending).toBe('ECONNRESET')
    expect(events).toEqual([])
  })

  it('that finds no free connection until its deadline is never written', async () => {
    const clock = new FakeClock()
    const held: ServerResponse[] = []
    const provider = await providerThat((response) => held.push(response))
    const { carrier, events } = openAt(provider.url, clock)
    for (let index = 0; index < 64; index++) carrier.place(callTo(index))
    await until(() => held.length === 64)
    carrier.place(callTo(64))
    clock.advance(callTo(64).sendWithinMs + 1)
    carrier.place(callTo(65))
    for (const response of held.splice(0)) response.writeHead(201).end('{"callId":"LB1"}')
    await until(() => held.length === 1)
    held[0]!.writeHead(201).end('{"callId":"LB1"}')
    await until(() => events.length === 66)
    expect(provider.requests.length).toBe(65)
    expect(provider.requests.map(({ body }) => JSON.parse(body).ref)).not.toContain(callTo(64).ref)
    expect(events.filter(({ kind }) => kind === 'not-sent')).toMatchObject([
      { ref: callTo(64).ref, cause: 'deadline-missed' },
    ])
    expect(events.filter(({ kind }) => kind === 'accepted').length).toBe(65)
  })

  it('that is under way when the carrier closes is waited for', async () => {
    const held: ServerResponse[] = []
    const provider = await providerThat((response) => held.push(response))
    const { carrier, events } = openAt(provider.url)
    carrier.place(callTo(1))
    await until(() => held.length === 1)
    const closed = carrier.close()
    carrier.place(callTo(2))
    held[0]!.writeHead(201).end('{"callId":"LB1"}')
    await closed
    expect(events).toMatchObject([{ kind: 'accepted' }])
    expect(provider.requests.length).toBe(1)
  })
})

describe('a look-up', () => {
  it.each([
    [404, '{}', 'absent'],
    [500, '{}', 'cannot-tell'],
    [200, '{}', 'cannot-tell'],
    [200, '<html>', 'cannot-tell'],
  ])('that is answered %i %s', async (status, body, reason) => {
    const provider = await providerThat((response) => response.writeHead(status).end(body))
    const { carrier } = openAt(provider.url)
    const call = { ref: callTo(1).ref, placedAtEpochMs: 0 }
    expect(await carrier.lookUp({ ...call, carrierCallId: null })).toEqual({ found: false, reason })
    expect(await carrier.lookUp({ ...call, carrierCallId: 'LB1' })).toEqual({ found: false, reason })
    expect(provider.requests.map(({ path }) => path)).toEqual([`/calls/by-ref/${call.ref}`, '/calls/LB1'])
  })

  it('cannot tell when nobody listens', async () => {
    const provider = await providerThat((response) => response.destroy())
    const { carrier } = openAt(provider.url)
    const answer = await carrier.lookUp({ ref: callTo(1).ref, carrierCallId: 'LB1', placedAtEpochMs: 0 })
    expect(answer).toEqual({ found: false, reason: 'cannot-tell' })
    expect(await carrier.probe()).toBe(false)
  })
})

describe('the settings', () => {
  it('need the secret where there is an address, and take nothing unknown', () => {
    expect(loopback.settings.parse({})).toEqual({ speed: 1 })
    for (const bad of [
      { url: 'http://127.0.0.1:7300' },
      { url: 'ftp://127.0.0.1', secret: SECRET },
      { speed: 0 },
      { speed: -1 },
      { speed: 1e9 },
      { sped: 2 },
      { url: 'http://127.0.0.1:7300', secret: 'short' },
    ]) {
      expect(loopback.settings.safeParse(bad).success).toBe(false)
    }
  })
})
