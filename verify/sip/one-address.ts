import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/**
 * One UDP address that stands for all nodes towards one peer. sipp answers where the INVITE of a call came from and not
 * where a Via says; behind this address a survivor hears the answer to its CANCEL of a dead node's call.
 */
export interface OneAddress {
  /** Where the nodes send to. */
  readonly port: number
  close(): void
}

const CALL_ID = /^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)/im

export async function oneAddress(peerPort: number): Promise<OneAddress> {
  const front = await bound()
  const back = await bound()
  /** The node that sent last within each call. */
  const senders = new Map<string, number>()
  front.on('message', (bytes, { port }) => {
    senders.set(callIdOf(bytes), port)
    back.send(bytes, peerPort, '127.0.0.1')
  })
  back.on('message', (bytes) => {
    const port = senders.get(callIdOf(bytes))
    if (port !== undefined) front.send(bytes, port, '127.0.0.1')
  })
  // The port of a node that was killed refuses what is sent to it.
  for (const socket of [front, back]) socket.on('error', () => undefined)
  return {
    port: front.address().port,
    close() {
      front.close()
      back.close()
    },
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

function callIdOf(bytes: Buffer): string {
  return CALL_ID.exec(bytes.toString('latin1'))?.[1]?.trim() ?? ''
}
