import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { freePort } from './sipp.ts'

export interface UnreliableWire {
  readonly port: number
  /** How often a rule was asked, by start line. */
  readonly seen: string[]
  close(): void
}

/** What becomes of one datagram: how many copies arrive. */
export type Fate = (startLine: string, nth: number, direction: 'there' | 'back') => number

/** A wire to a peer on this machine that loses and doubles datagrams as a test says. */
export async function unreliableWire(peerPort: number, fate: Fate): Promise<UnreliableWire> {
  const front = createSocket('udp4').bind(await freePort(), '127.0.0.1')
  const back = createSocket('udp4').bind(0, '127.0.0.1')
  await Promise.all([once(front, 'listening'), once(back, 'listening')])
  const seen: string[] = []
  const counts = new Map<string, number>()
  let client = 0
  const copies = (bytes: Buffer, direction: 'there' | 'back'): number => {
    const startLine = bytes.toString('utf8', 0, Math.max(0, bytes.indexOf('\r\n')))
    const method = /^(\w+) sip/.exec(startLine)?.[1] ?? startLine
    const nth = (counts.get(method) ?? 0) + 1
    counts.set(method, nth)
    seen.push(method)
    return fate(method, nth, direction)
  }
  front.on('message', (bytes, { port }) => {
    client = port
    for (let copy = copies(bytes, 'there'); copy > 0; copy--) back.send(bytes, peerPort, '127.0.0.1')
  })
  back.on('message', (bytes) => {
    for (let copy = copies(bytes, 'back'); copy > 0; copy--) front.send(bytes, client, '127.0.0.1')
  })
  return {
    port: front.address().port,
    seen,
    close() {
      front.close()
      back.close()
    },
  }
}
