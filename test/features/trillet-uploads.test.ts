import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AGENT_ID, startTrilletServer, type TrilletServer } from '../trillet-server.ts'

let server: TrilletServer

beforeAll(async () => {
  server = await startTrilletServer()
})
afterAll(() => server.close())

async function count(table: 'batch' | 'staged_recipient'): Promise<number> {
  return (await server.pool.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n
}

/** Sends the beginning of an upload on a bare socket and breaks off. */
function breakOff(beginning: string): Promise<void> {
  const { hostname, port } = new URL(server.baseUrl)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(beginning, () => socket.destroy())
    })
    socket.on('close', () => resolve())
    socket.on('error', reject)
  })
}

it('leaves nothing of an upload that breaks off, wherever it does', async () => {
  const head = [
    'POST /v1/api/batch-calls HTTP/1.1',
    'Host: test',
    ...Object.entries(server.headers).map(([name, value]) => `${name}: ${value}`),
    'Content-Type: multipart/form-data; boundary=b',
    'Content-Length: 1000000',
  ]
  const body = `--b\r\nContent-Disposition: form-data; name="agentId"\r\n\r\n${AGENT_ID}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\nphone_number\n+14155550123\n+14155550124\n`
  const whole = `${head.join('\r\n')}\r\n\r\n${body}`
  for (let at = whole.length - body.length; at <= whole.length; at += 7) await breakOff(whole.slice(0, at))
  // The server is asked once more, so that what came before has been looked at.
  const answer = await fetch(`${server.baseUrl}/v1/api/batch-calls/batch_1`, { headers: server.headers })
  expect(answer.status).toBe(404)
  expect(await count('batch')).toBe(0)
  expect(await count('staged_recipient')).toBe(0)
})

function upload(rows: string, options: { key: string; agentFirst?: boolean }): Promise<Response> {
  const form = new FormData()
  const file = new Blob([`phone_number\n${rows}\n`])
  if (options.agentFirst === true) form.append('agentId', AGENT_ID)
  form.append('file', file, 'people.csv')
  if (options.agentFirst !== true) form.append('agentId', AGENT_ID)
  // Every form gets a boundary of its own.
  const headers = { ...server.headers, 'idempotency-key': options.key }
  return fetch(`${server.baseUrl}/v1/api/batch-calls`, { method: 'POST', headers, body: form })
}

it('makes one batch of the same file under the same Idempotency-Key', async () => {
  const before = await count('batch')
  const first = await upload('+14155550123', { key: 'k-1' })
  const again = await upload('+14155550123', { key: 'k-1' })
  expect([first.status, again.status]).toEqual([200, 200])
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(await again.json()).toEqual(await first.json())
  expect(await count('batch')).toBe(before + 1)
  const other = await upload('+14155550124', { key: 'k-1' })
  expect(other.status).toBe(422)
  expect(await other.json()).toHaveProperty('error')
})

it('makes one batch of many equal uploads at once', async () => {
  const before = await count('batch')
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => upload('+14155550123', { key: 'k-2', agentFirst: true })),
  )
  expect(new Set(answers.map(({ status }) => status)).has(200)).toBe(true)
  expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([])
  expect(await count('batch')).toBe(before + 1)
})

it('uses the key again after a refusal, which stored nothing', async () => {
  expect((await upload('not a number', { key: 'k-3' })).status).toBe(400)
  expect((await upload('+14155550123', { key: 'k-3' })).status).toBe(200)
})

it('names the fields that it ignored', async () => {
  const form = new FormData()
  form.append('file', new Blob(['phone_number\n+14155550123\n']), 'people.csv')
  form.append('agentId', AGENT_ID)
  form.append('campaign', 'spring')
  form.append('smartCallbackConfig', '{"enabled":false,"mode":"soft"}')
  const answer = await fetch(`${server.baseUrl}/v1/api/batch-calls`, {
    method: 'POST',
    headers: server.headers,
    body: form,
  })
  expect(answer.headers.get('carillon-ignored-fields')).toBe('campaign, smartCallbackConfig.mode')
})

interface Document {
  readonly paths: Record<string, { post: { requestBody: { content: object } } }>
  readonly components: { readonly schemas: Record<string, { required: string[] }> }
}

it('is described in its own document', async () => {
  const document = (await (await fetch(`${server.baseUrl}/openapi/trillet.json`)).json()) as Document
  const path = '/v1/api/batch-calls'
  expect(Object.keys(document.paths)).toEqual([
    '/v1/api/call',
    path,
    `${path}/{batchId}`,
    `${path}/{batchId}/status`,
    `${path}/{batchId}/calls`,
    `${path}/{batchId}/rejected-rows`,
  ])
  const { content } = document.paths[path]!.post.requestBody
  expect(Object.keys(content)).toEqual(['multipart/form-data'])
  expect(document.components.schemas.StartForm!.required).toEqual(['file', 'agentId'])
})
