import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { type Clock, systemClock } from '../clock.ts'
import { GuardedClient, type GuardedRequest } from './guarded-request.ts'
import { type ResolvedAddress, TargetGuard } from './target-guard.ts'

const KIB = 1_024

async function serve(listener: RequestListener): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    listener(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked }
}

function clientWith(
  options: { clock?: Clock; allowed?: string[]; resolve?: () => Promise<readonly ResolvedAddress[]> } = {},
) {
  const { resolve } = options
  const allowedNetworks = options.allowed ?? ['127.0.0.0/8']
  const guard = new TargetGuard({ allowedNetworks, ...(resolve === undefined ? {} : { resolve }) })
  const client = new GuardedClient({ guard, clock: options.clock ?? systemClock })
  onTestFinished(() => client.close())
  return client
}

function request(url: string): GuardedRequest {
  return { url, method: 'POST', headers: {}, body: '{}', timeoutMs: 15_000, answerBytesMax: 16 * KIB }
}

test('sends a request and reads the answer', async () => {
  const { port } = await serve((_, response) => response.writeHead(201, { 'x-by': 'me' }).end('fine'))
  const answer = await clientWith().send(request(`http://127.0.0.1:${port}/a?b=c`))
  expect(answer).toMatchObject({ ok: true, status: 201, headers: { 'x-by': 'me' } })
  expect(answer.ok && answer.body.toString()).toBe('fine')
})

test('what the guard refuses is not asked, and nothing connects to it', async () => {
  const { port, asked } = await serve((_, response) => response.end())
  const closed = clientWith({ allowed: [] })
  expect(await closed.send(request(`https://127.0.0.1:${port}/`))).toMatchObject({ ok: false, refused: true })
  expect(asked).toEqual([])
})

test('a name that was public when it was judged and leads here when it is connected to is refused', async () => {
  const { port, asked } = await serve((_, response) => response.end())
  let resolved = 0
  const rebinding = clientWith({
    allowed: [],
    resolve: async () => [{ address: resolved++ === 0 ? '93.184.215.14' : '127.0.0.1', family: 4 }],
  })
  expect(port).toBeGreaterThan(0)
  expect(await rebinding.send(request('https://rebinding.example.com:8443/'))).toEqual({
    ok: false,
    refused: true,
    error: 'The name leads to an address that is not public',
  })
  expect(resolved).toBe(2)
  expect(asked).toEqual([])
})

test('a redirect is an answer, and is not followed', async () => {
  const inner = await serve((_, response) => response.end('secret'))
  const { port } = await serve((_, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end(),
  )
  expect(await clientWith().send(request(`http://127.0.0.1:${port}/`))).toMatchObject({ ok: true, status: 302 })
  expect(inner.asked).toEqual([])
})

test('an answer without end is cut after what may be read of it', async () => {
  let written = 0
  const { port } = await serve((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(KIB))) written += 1
    }
    response.on('drain', more)
    more()
  })
  const answer = await clientWith().send(request(`http://127.0.0.1:${port}/`))
  expect(answer.ok && answer.body.length).toBe(16 * KIB)
  await expect.poll(() => written).toBeGreaterThan(0)
  expect(written).toBeLessThan(16 * KIB)
})

test('headers without end are refused', async () => {
  const { port } = await serve((_, response) => {
    for (let index = 0; index < 100; index++) response.setHeader(`x-${index}`, 'y'.repeat(KIB))
    response.end()
  })
  expect(await clientWith().send(request(`http://127.0.0.1:${port}/`))).toEqual({
    ok: false,
    refused: false,
    error: 'The headers of the answer are too large',
  })
})

test.each([
  ['no answer', () => undefined],
  ['an answer that does not go on', (response: { write(text: string): void }) => response.write('x')],
] as const)('%s ends after the time that is given', async (_, behave) => {
  const clock = new FakeClock()
  const { port, asked } = await serve((__, response) => behave(response))
  const sent = clientWith({ clock }).send(request(`http://127.0.0.1:${port}/`))
  await expect.poll(() => asked.length).toBe(1)
  clock.advance(14_999)
  expect(await Promise.race([sent, Promise.resolve('open')])).toBe('open')
  clock.advance(1)
  expect(await sent).toEqual({ ok: false, refused: false, error: 'No complete answer came within 15 s' })
})

test('a closed port and a cut connection are told in words', async () => {
  const { port } = await serve((_, response) => response.socket?.destroy())
  const client = clientWith()
  expect(await client.send(request(`http://127.0.0.1:${port}/`))).toMatchObject({ error: 'The connection was cut' })
  expect(await client.send(request('http://127.0.0.1:1/'))).toMatchObject({ error: 'The connection was refused' })
})
