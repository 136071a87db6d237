import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resample } from '../../src/media/resample.ts'
import { writeWav } from '../../src/voices/wav.ts'
import { type JoinClient, join, Refusal } from '../join-client.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { bestCorrelation, soundOf } from '../media/sound.ts'
import { API_KEY, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

const PROMPT_SECONDS = 1.2
const TEXT = 'This is Acme with a reminder.'
const prompt = soundOf(7, PROMPT_SECONDS)

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Call = any

let product: UltravoxServer
let recordings: string
let receiver: Server
let webhookUrl: string
/** What is done with each call that the webhook brings, before it is answered. */
let onCall: (call: Call) => unknown

beforeAll(async () => {
  recordings = await mkdtemp(path.join(os.tmpdir(), 'carillon-joining-'))
  await writeFile(path.join(recordings, 'prompt.wav'), writeWav(prompt, 8_000))
  product = await startUltravoxServer({
    env: {
      CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(','),
      CARILLON_RECORDINGS_DIR: recordings,
    },
  })
  receiver = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    await onCall(JSON.parse(Buffer.concat(parts).toString()).call)
    response.writeHead(204).end()
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/calls`
})
afterAll(async () => {
  await product.close()
  receiver.close()
  await rm(recordings, { recursive: true, force: true })
})
beforeEach(async () => {
  onCall = () => undefined
  await speak({})
  await product.ask('PATCH', `/api/agents/${product.agentId}`, { callTemplate: {} })
})

const ended = (batch: { endedAt: string | null }) => batch.endedAt !== null

async function speak(settings: object) {
  const { status, body } = await product.native('PATCH', `/agents/${product.agentId}`, {
    kind: 'announcement',
    settings: { text: TEXT, recording: 'prompt.wav', ...settings },
  })
  expect(status, JSON.stringify(body)).toBe(200)
}

async function make(media: readonly object[]) {
  const calls = media.map((medium) => ({ medium }))
  const { status, body } = await product.ask('POST', product.batches, { calls, webhookUrl })
  expect(status, JSON.stringify(body)).toBe(201)
  return body.batchId as string
}

const socketOf = (settings: object = {}) => ({ serverWebSocket: { inputSampleRate: 8_000, ...settings } })

/** A batch of one call, which `use` joins; resolves with the call as it is when the batch is done. */
async function oneCall(use: (call: Call) => unknown, medium: object = socketOf()): Promise<Call> {
  let called: Call
  let using: Promise<unknown> | undefined
  onCall = (call) => {
    called = call
    using = Promise.resolve(use(call))
    using.catch(() => undefined)
  }
  const batchId = await make([medium])
  await product.until(batchId, ended)
  await using
  return (await product.ask('GET', `/api/calls/${called.callId}`)).body
}

const refusalOf = (joining: Promise<unknown>) =>
  joining.then(
    () => null,
    (error: unknown) => (error instanceof Refusal ? error.status : error),
  )
const typesOf = ({ messages }: JoinClient) => messages.map(({ type, state, role }) => state ?? role ?? type)

describe('a batch of calls that are joined over a WebSocket', () => {
  it('is really done, and everybody hears the agent at the rate they asked for', async () => {
    const rates = [8_000, 16_000, 24_000, 44_100, 11_025]
    const clients = new Map<number, Promise<JoinClient>>()
    // Each comes before the webhook is answered, as a server may that dials first and answers then.
    onCall = (call) => {
      expect(call.joinUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/api\/calls\/[\w-]+\/join\?token=[\w-]{24}$/)
      const rate = call.medium.serverWebSocket.outputSampleRate
      clients.set(rate, join(call.joinUrl))
    }
    const batchId = await make(rates.map((rate) => socketOf({ outputSampleRate: rate })))
    const batch = await product.until(batchId, ended)
    expect(batch).toMatchObject({ totalCount: rates.length, completedCount: rates.length })
    expect(clients.size).toBe(rates.length)
    for (const [rate, joining] of clients) {
      const client = await joining
      expect(await client.closed).toBe(1000)
      const heard = client.heard()
      const asSent = rate === 8_000 ? heard : resample(Float32Array.from(heard), rate, 8_000)
      expect(bestCorrelation(prompt, asSent, 160), `at ${rate}`).toBeGreaterThan(0.98)
      // As much as was said, to the frame in which it ended.
      expect(heard.length / rate).toBeGreaterThanOrEqual(PROMPT_SECONDS - 0.001)
      expect(heard.length / rate).toBeLessThan(PROMPT_SECONDS + 0.3)
      expect(typesOf(client)).toEqual(['call_started', 'speaking', 'agent', 'listening'])
      expect(client.messages[2]).toEqual({
        type: 'transcript',
        role: 'agent',
        medium: 'voice',
        text: TEXT,
        final: true,
        ordinal: 0,
      })
    }
    const { body } = await product.ask('GET', `${product.batches}/${batchId}/created_calls`)
    expect(body.results).toHaveLength(rates.length)
    for (const call of body.results) {
      expect(call).toMatchObject({ endReason: 'agent_hangup', joinUrl: null })
      expect(Date.parse(call.ended) - Date.parse(call.joined)).toBeGreaterThan(PROMPT_SECONDS * 1_000 - 300)
    }
    const { body: scheduled } = await product.ask('GET', `${product.batches}/${batchId}/scheduled_calls`)
    expect(scheduled.results.map((call: Call) => call.status)).toEqual(rates.map(() => 'SUCCESS'))
  })

  it('is sent at the pace of speech, with the buffer that the client has filled first', async () => {
    let client: JoinClient
    await oneCall(
      async (call) => {
        client = await join(call.joinUrl)
        await client.closed
      },
      socketOf({ clientBufferSizeMs: 100 }),
    )
    const { arrivals } = client!
    const tookMs = arrivals.at(-1)! - arrivals[0]!
    expect(arrivals.length).toBeGreaterThanOrEqual(PROMPT_SECONDS * 50)
    // 100 ms came at once; the rest as it is spoken.
    expect(tookMs).toBeGreaterThan(PROMPT_SECONDS * 1_000 - 100 - 60)
    expect(tookMs).toBeLessThan(PROMPT_SECONDS * 1_000 + 1_000)
    expect(arrivals[4]! - arrivals[0]!).toBeLessThan(60)
  })

  it('can be joined after the webhook was answered too, and by a call that was asked for by itself', async () => {
    const { status, body: made } = await product.ask('POST', `/api/agents/${product.agentId}/calls`, {
      medium: socketOf(),
    })
    expect(status, JSON.stringify(made)).toBe(201)
    const client = await join(made.joinUrl)
    expect(await client.closed).toBe(1000)
    expect(bestCorrelation(prompt, client.heard(), 160)).toBeGreaterThan(0.98)
    await untilEnded(made.callId, 'agent_hangup')
  })
})

async function untilEnded(callId: string, endReason: string): Promise<Call> {
  const giveUpAt = performance.now() + 20_000
  for (;;) {
    const { body } = await product.ask('GET', `/api/calls/${callId}`)
    if (body.ended !== null) {
      expect(body.endReason).toBe(endReason)
      return body
    }
    if (performance.now() > giveUpAt) throw new Error(`never ended: ${JSON.stringify(body)}`)
  }
}

describe('a call ends', () => {
  it('as hangup when the client takes leave, by a message or by closing', async () => {
    const goodbyes: ((client: JoinClient) => void)[] = [
      ({ socket }) => socket.send(JSON.stringify({ type: 'hang_up' })),
      ({ socket }) => socket.close(1000),
    ]
    for (const leave of goodbyes) {
      const call = await oneCall(async ({ joinUrl }) => {
        const client = await join(joinUrl)
        await once(client.socket, 'message')
        leave(client)
        expect(await client.closed).toBe(1000)
      })
      expect(call).toMatchObject({ endReason: 'hangup' })
      expect(call.joined).not.toBeNull()
    }
  })

  it('as connection_error when the connection breaks', async () => {
    const call = await oneCall(async ({ joinUrl }) => {
      const client = await join(joinUrl)
      while (client.arrivals.length === 0) await once(client.socket, 'message')
      client.socket.terminate()
    })
    expect(call).toMatchObject({ endReason: 'connection_error' })
  })

  it('as unjoined when nobody comes in time, and then nobody can', async () => {
    await product.ask('PATCH', `/api/agents/${product.agentId}`, { callTemplate: { joinTimeout: '5s' } })
    let joinUrl = ''
    const call = await oneCall((invited) => {
      joinUrl = invited.joinUrl
    })
    expect(call).toMatchObject({ endReason: 'unjoined', joined: null })
    expect(await refusalOf(join(joinUrl))).toBe(409)
  })

  it('as timeout when it lasts as long as it may', async () => {
    await product.ask('PATCH', `/api/agents/${product.agentId}`, { callTemplate: { maxDuration: '1s' } })
    const call = await oneCall(async ({ joinUrl }) => {
      expect(await (await join(joinUrl)).closed).toBe(1000)
    })
    expect(call).toMatchObject({ endReason: 'timeout' })
  })

  it('as timeout when no sound comes for too long', async () => {
    await speak({ waitForKeySeconds: 30 })
    const call = await oneCall(
      async ({ joinUrl }) => {
        expect(await (await join(joinUrl)).closed).toBe(1000)
      },
      socketOf({ mediaIdleTimeout: '1s' }),
    )
    expect(call).toMatchObject({ endReason: 'timeout' })
  })
})

describe('keys', () => {
  it('are texts of keys alone; they repeat, stop, and are kept', async () => {
    await speak({ waitForKeySeconds: 20, repeatKey: '1', stopKey: '9' })
    let client: JoinClient
    const call = await oneCall(async ({ joinUrl }) => {
      client = await join(joinUrl)
      const say = (text: string) => client.socket.send(JSON.stringify({ type: 'user_text_message', text }))
      while (client.arrivals.length < 10) await once(client.socket, 'message')
      say('hello')
      say('1')
      while (typesOf(client).filter((type) => type === 'speaking').length < 2) await once(client.socket, 'message')
      say('9')
      await client.closed
    })
    expect(typesOf(client!)).toEqual([
      'call_started',
      'speaking',
      'agent',
      'user',
      'user',
      'playback_clear_buffer',
      'speaking',
      'agent',
      'user',
      'playback_clear_buffer',
    ])
    expect(call).toMatchObject({ endReason: 'agent_hangup' })
    const { body } = await product.native('GET', `/calls/${call.callId}`)
    expect(body).toMatchObject({ keysPressed: '19', spokenText: TEXT })
  })
})

describe('data messages', () => {
  it('that are switched off are not sent', async () => {
    const off = { state: false, transcript: false, callStarted: false, pong: false, playbackClearBuffer: false }
    let client: JoinClient
    await oneCall(
      async ({ joinUrl }) => {
        client = await join(joinUrl)
        client.socket.send(JSON.stringify({ type: 'ping', timestamp: 1 }))
        await client.closed
      },
      socketOf({ dataMessages: off }),
    )
    expect(client!.messages).toEqual([])
  })

  it('ping is answered, and what is not known changes nothing', async () => {
    let client: JoinClient
    const call = await oneCall(async ({ joinUrl }) => {
      client = await join(joinUrl)
      client.socket.send(JSON.stringify({ type: 'of_tomorrow', value: 1 }))
      client.socket.send(JSON.stringify({ type: 'ping', timestamp: 12.5 }))
      await client.closed
    })
    expect(client!.messages).toContainEqual({ type: 'pong', timestamp: 12.5 })
    expect(call).toMatchObject({ endReason: 'agent_hangup' })
  })

  it.each([
    ['no JSON', 1007, (socket: JoinClient['socket']) => socket.send('{')],
    ['no object', 1007, (socket: JoinClient['socket']) => socket.send('[1]')],
    ['a wrong type', 1007, (socket: JoinClient['socket']) => socket.send('{"type":"ping","timestamp":"x"}')],
    ['half a sample', 1007, (socket: JoinClient['socket']) => socket.send(Buffer.alloc(321))],
    ['too much at once', 1009, (socket: JoinClient['socket']) => socket.send(Buffer.alloc(262_146))],
    [
      'too many messages',
      1008,
      (socket: JoinClient['socket']) => {
        for (let at = 0; at < 2_000; at++) socket.send(Buffer.alloc(2))
      },
    ],
  ])('that are %s end the call with %i and nothing else', async (_name, code, send) => {
    const call = await oneCall(async ({ joinUrl }) => {
      const client = await join(joinUrl)
      send(client.socket)
      expect(await client.closed).toBe(code)
    })
    expect(call).toMatchObject({ endReason: 'connection_error' })
    expect((await product.ask('GET', '/healthz')).status).toBe(200)
  })
})

describe('an address', () => {
  it('takes one caller, of whom the second is refused', async () => {
    const call = await oneCall(async ({ joinUrl }) => {
      const first = await join(joinUrl)
      expect(await refusalOf(join(joinUrl))).toBe(409)
      await first.closed
      expect(first.heard().length).toBeGreaterThan(0)
    })
    expect(call).toMatchObject({ endReason: 'agent_hangup' })
    expect(await refusalOf(join(`${product.url.replace('http', 'ws')}/api/calls/${call.callId}/join?token=x`))).toBe(
      404,
    )
  })

  it('asks for a WebSocket when it is opened without one', async () => {
    const call = await oneCall(async ({ joinUrl }) => {
      const answer = await fetch(joinUrl.replace('ws', 'http'))
      expect(answer.status).toBe(426)
      const client = await join(joinUrl)
      await client.closed
    })
    expect(call).toMatchObject({ endReason: 'agent_hangup' })
  })

  it('can be left and taken again while the agent has said nothing', async () => {
    let client: JoinClient
    // As long as the webhook is not answered, nothing begins.
    onCall = async ({ joinUrl }) => {
      const first = await join(joinUrl)
      expect(await refusalOf(join(joinUrl))).toBe(409)
      first.socket.close()
      await first.closed
      client = await join(joinUrl)
      expect(typesOf(client)).not.toContain('speaking')
    }
    await product.until(await make([socketOf()]), ended)
    expect(await client!.closed).toBe(1000)
    expect(bestCorrelation(prompt, client!.heard(), 160)).toBeGreaterThan(0.98)
  })

  it('of a rate that is no rate answers 501', async () => {
    const call = await oneCall(
      async ({ joinUrl }) => {
        expect(await refusalOf(join(joinUrl))).toBe(501)
      },
      socketOf({ outputSampleRate: 12_345 }),
    )
    expect(call).toMatchObject({ endReason: 'connection_error', joined: null })
  })
})

it('a user ends a call that somebody has joined', async () => {
  await speak({ waitForKeySeconds: 30 })
  const call = await oneCall(async ({ joinUrl, callId }) => {
    const client = await join(joinUrl)
    while (client.arrivals.length === 0) await once(client.socket, 'message')
    const { status } = await product.native('POST', `/calls/${callId}/hang-up`)
    expect(status).toBeLessThan(300)
    expect(await client.closed).toBe(1000)
  })
  expect(call).toMatchObject({ endReason: 'agent_hangup' })
})

it('a call that waits while its trunk is edited is joined, and ended by a user, all the same', async () => {
  await speak({ waitForKeySeconds: 30 })
  const call = await oneCall(async ({ joinUrl, callId }) => {
    const { body } = await product.native('GET', '/trunks')
    const trunk = body.items.find(({ carrier }: { carrier: string }) => carrier === 'invitation')
    const edited = await product.native('PATCH', `/trunks/${trunk.id}`, { concurrency: 77 })
    expect(edited.status, JSON.stringify(edited.body)).toBe(200)
    // Another call shows that the trunk was opened anew.
    expect(
      (
        await product.ask('POST', product.batches, {
          calls: [{ medium: { exotel: {} } }],
          webhookUrl: 'http://127.0.0.1:1/',
        })
      ).status,
    ).toBe(201)
    const client = await join(joinUrl)
    while (client.arrivals.length === 0) await once(client.socket, 'message')
    await product.native('POST', `/calls/${callId}/hang-up`)
    expect(await client.closed).toBe(1000)
  })
  expect(call).toMatchObject({ endReason: 'agent_hangup' })
})

it('a request to upgrade is answered like any other where there is nothing to join', async () => {
  const address = product.url.replace('http', 'ws')
  for (const [path, status] of [
    ['/api/nothing', 404],
    ['/api/agents', 401],
  ] as const) {
    expect(await refusalOf(join(`${address}${path}`)), path).toBe(status)
  }
})

it('a request that offers another protocol is answered as if it did not, with its body', async () => {
  const { hostname, port } = new URL(product.url)
  const body = JSON.stringify({ name: 'of Java' })
  const socket = connect(Number(port), hostname)
  const head = [
    'POST /api/agents HTTP/1.1',
    `Host: ${hostname}:${port}`,
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    `X-API-Key: ${API_KEY}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  // The body comes in two parts, of which one is with the head.
  socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 5)}`)
  setImmediate(() => socket.write(body.slice(5)))
  let answer = ''
  while (!answer.includes('of Java')) answer += String((await once(socket, 'data'))[0])
  expect(answer).toMatch(/^HTTP\/1\.1 201 /)
  // The connection goes on.
  socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`)
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
  socket.destroy()
})
