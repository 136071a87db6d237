import net from 'node:net'
import path from 'node:path'

type Direction = 'up' | 'down' | 'both'

interface Pair {
  readonly client: net.Socket
  readonly server: net.Socket
}

/** A relay in the middle of a connection, which a verification can break and mend. What it relays it does not read. */
export class FaultProxy {
  readonly #listener: net.Server
  #target: net.NetConnectOpts
  readonly #pairs = new Set<Pair>()
  readonly #stranded = new Set<Pair>()
  #cut = false
  #stalled: Direction | null = null

  private constructor(target: net.NetConnectOpts) {
    this.#target = target
    this.#listener = net.createServer({ allowHalfOpen: true }, (client) => this.#relay(client))
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(target: net.NetConnectOpts): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#listener.once('error', reject)
      proxy.#listener.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get port(): number {
    return (this.#listener.address() as net.AddressInfo).port
  }

  /** Resets every connection, and every new one, until it is healed. */
  cut(): void {
    this.#cut = true
    this.resetAll()
  }

  /** Resets every connection; new ones are taken. */
  resetAll(): void {
    for (const pair of this.#pairs) this.#reset(pair)
  }

  /** Connections stay open and never move a byte again, as when the machine behind them vanishes; new ones are taken. */
  strandAll(): void {
    for (const pair of this.#pairs) {
      this.#pairs.delete(pair)
      this.#stranded.add(pair)
      pair.client.pause()
      pair.client.removeAllListeners()
      pair.server.removeAllListeners()
      for (const socket of [pair.client, pair.server]) socket.on('error', ignore)
      pair.server.destroy()
    }
  }

  /** New connections lead there; those that there are stay. */
  redirect(target: net.NetConnectOpts): void {
    this.#target = target
  }

  /** Keeps connections and takes new ones, but moves no byte in that direction until it is healed. */
  stall(direction: Direction): void {
    this.#stalled = direction
    for (const pair of this.#pairs) this.#applyStall(pair)
  }

  heal(): void {
    this.#cut = false
    this.#stalled = null
    for (const { client, server } of this.#pairs) {
      client.resume()
      server.resume()
    }
  }

  async close(): Promise<void> {
    this.cut()
    for (const pair of this.#stranded) this.#reset(pair)
    await new Promise((resolve) => this.#listener.close(resolve))
  }

  #relay(client: net.Socket): void {
    if (this.#cut) {
      client.on('error', ignore)
      client.resetAndDestroy()
      return
    }
    const pair = { client, server: net.connect({ ...this.#target, allowHalfOpen: true }) }
    this.#pairs.add(pair)
    pipe(client, pair.server)
    pipe(pair.server, client)
    const gone = (): void => {
      if (!this.#pairs.delete(pair)) return
      this.#reset(pair)
    }
    for (const socket of [client, pair.server]) {
      socket.on('error', gone)
      socket.on('close', () => {
        if (client.destroyed && pair.server.destroyed) this.#pairs.delete(pair)
      })
    }
    this.#applyStall(pair)
  }

  #applyStall({ client, server }: Pair): void {
    if (this.#stalled === 'up' || this.#stalled === 'both') client.pause()
    if (this.#stalled === 'down' || this.#stalled === 'both') server.pause()
  }

  #reset({ client, server }: Pair): void {
    for (const socket of [client, server]) {
      if (socket.destroyed) continue
      // Only a TCP connection can be reset.
      if (socket.remoteAddress === undefined) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
}

/** Unlike `stream.pipe`, leaves pausing to the proxy: a socket that was stalled stays so. */
function pipe(from: net.Socket, to: net.Socket): void {
  from.on('data', (bytes) => to.write(bytes))
  from.on('end', () => to.end())
}

function ignore(): void {}

/** Where the server of a connection string listens: a socket in a folder, or a port. */
export function serverOf(databaseUrl: string): net.NetConnectOpts {
  const { hostname, port, searchParams } = new URL(databaseUrl.replace('@/', '@socket/'))
  const folder = searchParams.get('host')
  if (folder === null) return { host: hostname, port: Number(port || '5432') }
  return { path: path.join(folder, `.s.PGSQL.${searchParams.get('port') ?? '5432'}`) }
}

/** The same database, asked through the relay. */
export function through(relay: FaultProxy, databaseUrl: string): string {
  const { username, password, pathname } = new URL(databaseUrl.replace('@/', '@socket/'))
  const user = password === '' ? username : `${username}:${password}`
  return `postgres://${user}@127.0.0.1:${relay.port}${pathname}`
}
