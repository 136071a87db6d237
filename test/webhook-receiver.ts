import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
  readonly body: any
}

export interface Receiver {
  readonly url: string
  /** Everything that came, in order. */
  readonly received: Received[]
  /** Requests that are open at the moment, and the most that ever were. */
  readonly open: { now: number; most: number }
  /** What is answered from now on: a status, or whatever a function does. */
  answer: number | ((response: ServerResponse, request: Received, nth: number) => void)
}

/** A program that takes webhooks on loopback. */
export async function webhookReceiver(): Promise<Receiver> {
  const received: Received[] = []
  const open = { now: 0, most: 0 }
  const server = createServer((request, response) => {
    open.now += 1
    open.most = Math.max(open.most, open.now)
    response.once('close', () => {
      open.now -= 1
    })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const one = { headers: request.headers, text, body: text === '' ? null : JSON.parse(text) }
      received.push(one)
      if (typeof receiver.answer === 'number') response.writeHead(receiver.answer).end()
      else receiver.answer(response, one, received.length)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    open,
    answer: 200,
  }
  return receiver
}
