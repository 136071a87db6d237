import { once } from 'node:events'
import WebSocket from 'ws'

/** What the server said, in order, and the sound it sent. */
export interface JoinClient {
  readonly socket: WebSocket
  readonly messages: { readonly type: string; readonly [key: string]: unknown }[]
  /** All that was heard so far. */
  heard(): Int16Array
  /** When each piece of sound came, in milliseconds. */
  readonly arrivals: number[]
  /** Resolves with its code when the connection is closed. */
  readonly closed: Promise<number>
}

/** Joins a call as a client of the vendor does. Rejects with the answer when it is not let in. */
export async function join(url: string): Promise<JoinClient> {
  const socket = new WebSocket(url)
  const messages: JoinClient['messages'] = []
  const pieces: Buffer[] = []
  const arrivals: number[] = []
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) messages.push(JSON.parse(data.toString()))
    else {
      pieces.push(data)
      arrivals.push(performance.now())
    }
  })
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  const opened = once(socket, 'open')
  const refused = new Promise<never>((_resolve, reject) => {
    socket.on('unexpected-response', async (_request, response) => {
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part)
      reject(new Refusal(response.statusCode ?? 0, Buffer.concat(parts).toString()))
    })
  })
  refused.catch(() => undefined)
  opened.catch(() => undefined)
  await Promise.race([opened, refused])
  socket.on('error', () => undefined)
  return {
    socket,
    messages,
    arrivals,
    closed,
    heard() {
      const bytes = Buffer.concat(pieces)
      return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    },
  }
}

/** The HTTP answer to somebody who is not let in. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(text)
    this.status = status
  }
}
