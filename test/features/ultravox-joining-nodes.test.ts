import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { type RunningServer, startServer } from '../../src/main.ts'
import { openConnection } from '../../src/store/database.ts'
import { writeWav } from '../../src/voices/wav.ts'
import { type JoinClient, join, Refusal } from '../join-client.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { soundOf } from '../media/sound.ts'
import { API_KEY, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

const FIRST = 'first'
const SECOND = 'second'

let first: UltravoxServer
let second: RunningServer
let recordings: string

beforeEach(async () => {
  recordings = await mkdtemp(path.join(os.tmpdir(), 'carillon-joining-'))
  await writeFile(path.join(recordings, 'prompt.wav'), writeWav(soundOf(9, 20), 8_000))
  const env = {
    CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(','),
    CARILLON_RECORDINGS_DIR: recordings,
  }
  first = await startUltravoxServer({ env: { ...env, CARILLON_NODE_NAME: FIRST } })
  const settings = { text: 'This is Acme.', recording: 'prompt.wav' }
  await first.native('PATCH', `/agents/${first.agentId}`, { kind: 'announcement', settings })
  const config = loadConfig({ ...env, DATABASE_URL: first.databaseUrl, PORT: '0', CARILLON_NODE_NAME: SECOND })
  second = await startServer(config, createLogger({ level: 'silent' }))
})
afterEach(async () => {
  await second.stop()
  await first.close()
  await rm(recordings, { recursive: true, force: true })
})

/** A call that waits to be joined, the server that placed it, and the other one. */
async function invitedCall() {
  let told: (call: { callId: string; joinUrl: string }) => void
  const invited = new Promise<{ callId: string; joinUrl: string }>((resolve) => {
    told = resolve
  })
  const receiver = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    response.writeHead(204).end()
    told(JSON.parse(Buffer.concat(parts).toString()).call)
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const { status } = await first.ask('POST', first.batches, {
    calls: [{ medium: { serverWebSocket: { inputSampleRate: 16_000 } } }],
    webhookUrl,
  })
  expect(status).toBe(201)
  const { callId, joinUrl } = await invited
  receiver.close()
  const isFirst = new URL(joinUrl).port === new URL(first.url).port
  const [owner, other] = isFirst ? [first, second] : [second, first]
  return { callId, joinUrl, owner, other, ownerName: isFirst ? FIRST : SECOND }
}

async function endOf(server: { url: string }, callId: string) {
  const read = async () => {
    const answer = await fetch(`${server.url}/api/calls/${callId}`, { headers: { 'x-api-key': API_KEY } })
    return (await answer.json()) as { ended: string | null }
  }
  let call = await read()
  while (call.ended === null) call = await read()
  return call
}

it('a call is joined at the server that placed it; another says so, and one that stops ends its calls', async () => {
  const { callId, joinUrl, owner, other } = await invitedCall()
  const elsewhere = new URL(joinUrl)
  elsewhere.port = new URL(other.url).port
  const refusal = await join(elsewhere.href).catch((error: unknown) => error as Refusal)
  expect(refusal).toBeInstanceOf(Refusal)
  expect(refusal).toMatchObject({ status: 421, message: expect.stringContaining('CARILLON_NODE_URL') })

  const client: JoinClient = await join(joinUrl)
  while (client.arrivals.length === 0) await once(client.socket, 'message')
  await owner.stop()
  expect(await client.closed).toBe(1001)
  const call = await endOf(other, callId)
  expect(call).toMatchObject({ endReason: 'system_error', joined: expect.any(String) })
})

it('a server that was taken for dead stops playing to whoever has joined; another one has ended the call', async () => {
  const { callId, joinUrl, owner, other, ownerName } = await invitedCall()
  const client = await join(joinUrl)
  while (client.arrivals.length === 0) await once(client.socket, 'message')
  const sql = await openConnection(first.databaseUrl)
  // As a survivor does that has not heard from it for ten seconds.
  await sql.query('UPDATE node SET ended_at = now() WHERE name = $1', [ownerName])
  await sql.end()
  expect(await client.closed).toBe(1001)
  const end = { endReason: 'connection_error', joined: expect.any(String) }
  expect(await endOf(other, callId)).toMatchObject(end)
  expect(await endOf(owner, callId)).toMatchObject(end)
})
