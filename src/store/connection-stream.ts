import type { Duplex } from 'node:stream'
import type pg from 'pg'

/** The driver has both and tells neither by its types. */
interface Inside {
  readonly processID: number
  readonly connection: { readonly stream: Duplex & { readonly bytesRead?: number } }
}

const inside = (client: pg.ClientBase): Inside => client as unknown as Inside

/** The server's process that works for a connection. */
export function processIdOf(client: pg.ClientBase): number {
  return inside(client).processID
}

/** Bytes that a connection has brought so far. */
export function bytesReadOf(client: pg.ClientBase): number {
  return inside(client).connection.stream.bytesRead ?? 0
}

/**
 * Cuts a connection on our side. What is under way on it rejects now, where `end` would wait for the answer of a machine
 * that may have vanished; whether the server did it is not known.
 */
export function cutConnection(client: pg.ClientBase, reason: Error): void {
  inside(client).connection.stream.destroy(reason)
}

/**
 * What is written to a connection until the end of this turn of the event loop leaves in one piece. A server that gets
 * statement by statement is woken by each, and takes a core from who writes the next.
 */
export function gatherWrites(client: pg.ClientBase): void {
  const { stream } = inside(client).connection
  if (stream.writableCorked > 0) return
  stream.cork()
  process.nextTick(() => stream.uncork())
}

/** What a statement rejects with whose connection was given up. Whether it was done is not known. */
export class DatabaseSilent extends Error {
  readonly code = 'ETIMEDOUT'

  constructor() {
    super('The database does not answer')
    this.name = 'DatabaseSilent'
  }
}
