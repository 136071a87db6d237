import { once } from 'node:events'
import fs from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiClient, ApiError, UnreachableError } from './api-client.ts'

interface Received {
  readonly request: IncomingMessage
  readonly body: string
}

let server: Server | undefined
afterEach(() => server?.closeAllConnections())

async function serving(
  answer: (received: Received, response: ServerResponse, nth: number) => void,
): Promise<ApiClient> {
  let nth = 0
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    nth += 1
    answer({ request, body }, response, nth)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'crl_abc' })
}

describe('ApiClient', () => {
  it('sends the key and follows the pages of a list', async () => {
    const asked: string[] = []
    const client = await serving(({ request }, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
      const first = !request.url?.includes('cursor')
      response.end(JSON.stringify(first ? { items: [1, 2], nextCursor: 'a b' } : { items: [3], nextCursor: null }))
    })
    expect(await client.list('/trunks', { limit: 2 })).toEqual([1, 2, 3])
    expect(asked).toEqual([
      'GET /carillon/v1/trunks?limit=2 Bearer crl_abc',
      'GET /carillon/v1/trunks?limit=2&cursor=a+b Bearer crl_abc',
    ])
  })

  it('tells a refusal in the words of the server, with its remedy and what is wrong where', async () => {
    const client = await serving((_, response) => {
      response.statusCode = 400
      response.end(
        JSON.stringify({
          code: 'invalid-recipients',
          message: '2 of the recipients\u001b[2J cannot be used.',
          remedy: 'Correct them.',
          details: [{ field: 'recipients[3].to', message: 'must be a number' }],
        }),
      )
    })
    const error = await client.post('/batches', {}).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({
      message: '2 of the recipients [2J cannot be used.',
      remedy: 'Correct them.',
      details: ['recipients[3].to: must be a number'],
      status: 400,
      code: 'invalid-recipients',
      exitCode: 1,
    })
  })

  it('says that something else listens there', async () => {
    const client = await serving((_, response) => {
      response.statusCode = 404
      response.end('<html>')
    })
    await expect(client.get('/me')).rejects.toMatchObject({ message: 'The server answered 404 Not Found' })
  })

  it('says that nobody listens there', async () => {
    const client = await serving((_, response) => response.end())
    server?.close()
    await expect(client.get('/me')).rejects.toBeInstanceOf(UnreachableError)
    await expect(client.get('/me')).rejects.toThrow(/No Carillon answers at .* \(ECONNREFUSED\)/)
  })

  it('sends a list again, byte for byte and under the same idempotency key, when no answer comes', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-cli-'))
    const file = path.join(folder, 'people.csv')
    fs.writeFileSync(file, 'phone\n+14155550100\n')
    const seen: { key: unknown; type: unknown; body: string }[] = []
    const client = await serving(({ request, body }, response, nth) => {
      seen.push({ key: request.headers['idempotency-key'], type: request.headers['content-type'], body })
      if (nth === 1) request.socket.destroy()
      else response.end('{"batch":{"id":"b"}}')
    })
    await expect(client.upload('/batches', file, { agent: 'a', name: undefined })).resolves.toEqual({
      batch: { id: 'b' },
    })
    fs.rmSync(folder, { recursive: true })
    expect(seen).toHaveLength(2)
    expect(seen[1]).toEqual(seen[0])
    expect(seen[0]?.key).toMatch(/^[0-9a-f-]{36}$/)
    expect(seen[0]?.body).toContain('filename="people.csv"')
    expect(seen[0]?.body).toContain('+14155550100')
    expect(seen[0]?.body).not.toContain('undefined')
  })

  it('does not send a refused list again', async () => {
    let requests = 0
    const client = await serving((_, response) => {
      requests += 1
      response.statusCode = 409
      response.end('{"code":"x","message":"No."}')
    })
    await expect(client.upload('/batches', new URL(import.meta.url).pathname)).rejects.toThrow('No.')
    expect(requests).toBe(1)
  })

  it('names a file that is not there', async () => {
    const client = await serving((_, response) => response.end('{}'))
    await expect(client.upload('/batches', '/nowhere.csv')).rejects.toThrow('The file /nowhere.csv cannot be read')
  })
})
