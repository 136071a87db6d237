import { once } from 'node:events'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../clock.ts'
import { SIGNATURE_HEADER, TIMESTAMP_HEADER } from './callback.ts'
import { type JudgeEntry, readJudgeLog } from './judge-log.ts'
import { type LoopbackServer, type LoopbackServerOptions, startLoopbackServer } from './listen.ts'

const SECRET = 'a-secret-for-tests-only'
const REF = '00112233445566778899aabbccddeeff'
const cleanUps: (() => unknown)[] = []
let logFile = ''

beforeEach(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'carillon-judge-'))
  logFile = path.join(folder, 'judge.jsonl')
  cleanUps.push(() => rm(folder, { recursive: true }))
})

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(changes: Partial<LoopbackServerOptions> = {}): Promise<LoopbackServer> {
  const server = await startLoopbackServer({
    port: 0,
    secret: SECRET,
    clock: systemClock,
    speed: 100,
    logFile,
    ...changes,
  })
  let closed = false
  const close = async (): Promise<void> => {
    if (!closed) await server.close()
    closed = true
  }
  cleanUps.push(close)
  return { url: server.url, close }
}

async function create(server: LoopbackServer, changes: Record<string, unknown> = {}, secret = SECRET) {
  const call = {
    ref: REF,
    to: '+15550100042',
    from: '+15550199000',
    ringTimeoutSeconds: 30,
    maxCallSeconds: 300,
    speech: { text: 'Good morning.', waitForKeySeconds: 0 },
    callbackUrls: [],
    ...changes,
  }
  const headers = { authorization: `Bearer ${secret}` }
  const response = await fetch(`${server.url}/calls`, { method: 'POST', headers, body: JSON.stringify(call) })
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}

async function ask(server: LoopbackServer, method: string, at: string, secret = SECRET) {
  const response = await fetch(`${server.url}${at}`, { method, headers: { authorization: `Bearer ${secret}` } })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

/** A node that answers callbacks as told and keeps what it accepted. */
async function node(answer: () => number) {
  const accepted: { headers: Record<string, unknown>; body: { reports: { kind: string }[] } }[] = []
  let requests = 0
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request as AsyncIterable<Buffer>) body += part.toString()
    requests++
    const status = answer()
    if (status < 300) accepted.push({ headers: request.headers, body: JSON.parse(body) })
    response.writeHead(status).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/carriers/t1`
  return { url, accepted, requests: () => requests }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await condition()) return
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
  expect.unreachable('It did not come to hold')
}

function logged(entries: JudgeEntry[]): string[] {
  return entries
    .filter(({ what }) => what !== 'event-loop-lag')
    .map(({ what, outcome, ending }) => [what, outcome, ending].filter((word) => word !== undefined).join(' '))
}

describe('the judge', () => {
  it('has every create request on the disk before it answers it', async () => {
    const server = await start()
    for (let index = 0; index < 20; index++) {
      const ref = index.toString(16).padStart(32, '0')
      const { status, body } = await create(server, { ref })
      expect(status).toBe(201)
      const entry = (await readJudgeLog(logFile)).find((each) => each.what === 'create-request' && each.ref === ref)
      expect(entry).toMatchObject({ outcome: 'created', callId: body.callId, to: '+15550100042', from: '+15550199000' })
      expect(entry!.atMonotonicMs).toBeGreaterThan(0)
      expect(entry!.atEpochMs).toBeGreaterThan(1.7e12)
    }
  })

  it('writes the course of a call', async () => {
    const server = await start()
    await create(server)
    await until(async () => logged(await readJudgeLog(logFile)).includes('call-ended agent-finished'))
    expect(logged(await readJudgeLog(logFile))).toEqual([
      'judge-started',
      'create-request created',
      'call-started',
      'call-ringing',
      'call-answered',
      'call-ended agent-finished',
    ])
  })

  it('does not hide a second request with the same reference', async () => {
    const server = await start()
    const first = await create(server)
    const second = await create(server)
    expect(second.status).toBe(201)
    expect(second.body.callId).not.toBe(first.body.callId)
    const outcomes = (await readJudgeLog(logFile)).filter(({ what }) => what === 'create-request')
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['created', 'created-again'])
    const byRef = await ask(server, 'GET', `/calls/by-ref/${REF}`)
    expect(byRef.body.calls.map(({ callId }: { callId: string }) => callId)).toEqual([
      first.body.callId,
      second.body.callId,
    ])
  })

  it('writes requests that it refuses', async () => {
    const server = await start()
    expect((await create(server, { to: '+15550100095' })).status).toBe(422)
    expect((await create(server, { to: '5550100042' })).status).toBe(400)
    expect((await create(server, {}, 'another-secret-of-somebody')).status).toBe(401)
    expect(
      (
        await create(server, { speech: { text: 'x'.repeat(300_000), waitForKeySeconds: 0 } }).catch(() => ({
          status: 413,
        }))
      ).status,
    ).toBe(413)
    const entries = (await readJudgeLog(logFile)).filter(({ what }) => what === 'create-request')
    expect(entries.map(({ outcome }) => outcome)).toEqual(['refused', 'invalid', 'unauthorized', 'incomplete'])
    expect(entries[0]).toMatchObject({ ref: REF, to: '+15550100095' })
    expect((await ask(server, 'GET', `/calls/by-ref/${REF}`)).status).toBe(404)
  })

  it('writes the request whose answer it loses', async () => {
    const server = await start()
    await expect(create(server, { to: '+15550100097' })).rejects.toThrow('fetch failed')
    const entries = await readJudgeLog(logFile)
    expect(entries.filter(({ what }) => what === 'create-request')).toMatchObject([{ ref: REF, outcome: 'created' }])
    expect((await ask(server, 'GET', `/calls/by-ref/${REF}`)).status).toBe(200)
  })

  it('goes on with the calls of an earlier run, also after a torn line', async () => {
    const first = await start({ speed: 1 })
    const target = await node(() => 200)
    const { body } = await create(first, { to: '+15550100080', ringTimeoutSeconds: 3, callbackUrls: [target.url] })
    const hungUp = await create(first, { to: '+15550100080', ref: REF.replace('0', '1') })
    await ask(first, 'POST', `/calls/${hungUp.body.callId}/hangup`)
    await until(async () => logged(await readJudgeLog(logFile)).includes('call-ended hung-up-unanswered'))
    await first.close()
    await appendFile(logFile, '{"what":"create-requ')
    const second = await start({ speed: 1 })
    expect((await ask(second, 'GET', `/calls/${body.callId}`)).body).toMatchObject({ ref: REF })
    await until(() => target.accepted.some(({ body: { reports } }) => reports.some(({ kind }) => kind === 'ended')))
    const entries = await readJudgeLog(logFile)
    expect(logged(entries.filter(({ callId }) => callId === body.callId))).toEqual([
      'create-request created',
      'call-started',
      'call-ringing',
      'call-ended rang-out',
    ])
    expect(entries.filter(({ what }) => what === 'judge-started')).toMatchObject([
      { callsRecovered: 0 },
      { callsRecovered: 1 },
    ])
    const { reports } = (await ask(second, 'GET', `/calls/${hungUp.body.callId}`)).body
    expect(reports.at(-1)).toMatchObject({ kind: 'ended', ending: 'hung-up-unanswered' })
  })

  it('tells a pause of its own event loop', async () => {
    await start()
    await until(async () => (await readFile(logFile, 'utf8')).includes('judge-started'))
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
    const startMs = performance.now()
    while (performance.now() - startMs < 200);
    await until(async () =>
      (await readJudgeLog(logFile)).some(({ what, longestMs }) => what === 'event-loop-lag' && Number(longestMs) > 150),
    )
  })
})

describe('the network in a process of its own', () => {
  it('lets nobody in without the secret', async () => {
    const server = await start()
    const { body } = await create(server)
    for (const [method, at] of [
      ['GET', '/status'],
      ['GET', `/calls/${body.callId}`],
      ['GET', `/calls/by-ref/${REF}`],
      ['POST', `/calls/${body.callId}/hangup`],
    ] as const) {
      expect((await ask(server, method, at, 'wrong-secret-of-somebody')).status).toBe(401)
      expect((await ask(server, method, at)).status).toBeLessThan(300)
    }
    expect((await ask(server, 'GET', '/nowhere')).status).toBe(404)
    expect((await ask(server, 'DELETE', `/calls/${body.callId}`)).status).toBe(404)
  })

  it('posts signed callbacks to another address when one fails, in order', async () => {
    const answers = [503, 500]
    const broken = await node(() => 503)
    const recovering = await node(() => answers.shift() ?? 204)
    const server = await start({ callbackRetry: { firstPauseMs: 5 } })
    await create(server, { callbackUrls: [broken.url, 'http://127.0.0.1:1/carriers/t1', recovering.url] })
    const kinds = (): string[] => recovering.accepted.flatMap(({ body }) => body.reports.map(({ kind }) => kind))
    await until(() => kinds().includes('ended'))
    expect(kinds()).toEqual(['ringing', 'answered', 'ended'])
    expect(broken.accepted).toEqual([])
    expect(broken.requests()).toBeGreaterThan(0)
    for (const { headers } of recovering.accepted) {
      expect(headers[TIMESTAMP_HEADER]).toMatch(/^\d{10}$/)
      expect(headers[SIGNATURE_HEADER]).toMatch(/^v1=[0-9a-f]{64}$/)
    }
  })

  it('gives a callback up after a while, and says so in the log', async () => {
    const broken = await node(() => 403)
    const server = await start({ callbackRetry: { firstPauseMs: 2, giveUpAfterMs: 50 } })
    await create(server, { callbackUrls: [broken.url] })
    await until(async () => logged(await readJudgeLog(logFile)).includes('callback-given-up'))
  })

  it('sends no callbacks for a number that loses them', async () => {
    const target = await node(() => 200)
    const server = await start()
    const { body } = await create(server, { to: '+15550100098', callbackUrls: [target.url] })
    await until(async () => (await ask(server, 'GET', `/calls/${body.callId}`)).body.reports.at(-1).kind === 'ended')
    await create(server, { ref: REF.replace('0', '1'), callbackUrls: [target.url] })
    await until(() => target.accepted.length > 0)
    expect(target.accepted.every(({ body: { reports }, ...rest }) => reports.length > 0 && rest !== null)).toBe(true)
    expect(JSON.stringify(target.accepted)).not.toContain(body.callId)
  })

  it('does not start on a port that is taken', async () => {
    const server = await start()
    const port = Number(new URL(server.url).port)
    await expect(startLoopbackServer({ port, secret: SECRET, clock: systemClock })).rejects.toThrow('EADDRINUSE')
  })
})
