import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { BATCH_STATUS_CODE } from '../src/model/batch.ts'
import { type Program, startProgram } from './child.ts'
import { batchFigures } from './evidence.ts'
import { FaultProxy, serverOf, through } from './fault-proxy.ts'
import type { CourtRecord } from './judge.ts'
import type { Mischief } from './mischief.ts'
import { type Network, simulatedNetwork } from './network.ts'
import { PatientDatabase } from './patient-database.ts'
import { WebhookSink } from './webhooks/sink.ts'
import { isSinkMischief, type SinkMischief } from './webhooks/sink-mischief.ts'
import { TOLD_KINDS } from './webhooks/told.ts'

export interface WorldOptions {
  /** An empty database, or one that is migrated already. */
  readonly databaseUrl: string
  /** Where logs go; nothing else is in it. */
  readonly folder: string
  readonly nodes?: number
  readonly concurrency: number
  readonly callsPerSecond: number
  /** How many times faster than life the network is. */
  readonly speed: number
  readonly mischief?: Mischief | SinkMischief | undefined
  /** A receiver of webhooks is told what becomes of every call. */
  readonly webhooks?: boolean
  /** Nodes run what `npm run build` made, which starts faster. */
  readonly built?: boolean
  /** Puts a relay that can be broken into every connection. */
  readonly proxied?: boolean
  /** The network that is called, when it is not the simulated one. The world stops it. */
  readonly network?: Network
}

/** The relays of one node. */
export interface NodeProxies {
  /** Between the node and the database. */
  readonly database: FaultProxy
  /** Between the network and the node: callbacks. */
  readonly http: FaultProxy
}

/** A node and how often its process was started. */
interface Node {
  readonly name: string
  starts: number
  program: Program
  proxies: NodeProxies | null
}

interface NodeStart {
  readonly index: number
  readonly name: string
  /** `0`: any. */
  readonly port: string
  readonly databaseProxy?: FaultProxy | undefined
}

export interface Kill {
  readonly killedAtEpochMs: number
  /** Name of the incarnation in the table of nodes. */
  readonly nodeName: string
}

const STANDSTILL_MS = 180_000
/** A machine that stood still did so for the servers too: so much of the time between two looks counts at most. */
const LOOK_COUNTS_MS = 1000
const HOST = '127.0.0.1'

/**
 * Several nodes on one database, each in a process of its own, and a telephone network in another one, whose log on disk
 * is the judge. Everything is asked through the HTTP API, as a client would.
 */
export class World {
  readonly database: PatientDatabase
  readonly #options: WorldOptions
  readonly #network: Network
  readonly #apiKey: string
  readonly #operatorKey = randomBytes(20).toString('hex')
  readonly #nodes: Node[] = []
  #networkProxy: FaultProxy | null = null
  #sink: WebhookSink | null = null

  private constructor(options: WorldOptions, network: Network) {
    this.#options = options
    this.#network = network
    this.#apiKey = randomBytes(20).toString('hex')
    this.database = new PatientDatabase(options.databaseUrl)
  }

  static async start(options: WorldOptions): Promise<World> {
    const network = options.network ?? (await simulatedNetwork(options))
    const world = new World(options, network)
    try {
      if (options.proxied === true) world.#networkProxy = await FaultProxy.start(addressOf(needed(network.url)))
      // The first one makes the schema; the others would wait for it.
      world.#nodes.push(await world.#makeNode(0))
      const others = Array.from({ length: (options.nodes ?? 2) - 1 }, (_, index) => world.#makeNode(index + 1))
      world.#nodes.push(...(await Promise.all(others)))
      await world.#setUp()
      if (options.webhooks === true) await world.#openSink()
    } catch (error) {
      await world.stop()
      throw error
    }
    return world
  }

  /** How many nodes there are, dead ones included. */
  get nodeCount(): number {
    return this.#nodes.length
  }

  nodeName(nodeIndex: number): string {
    return nameOf(this.#nodes[nodeIndex]!)
  }

  program(nodeIndex: number): Program {
    return this.#nodes[nodeIndex]!.program
  }

  /** @throws Error when the world has no relays. */
  proxies(nodeIndex: number): NodeProxies {
    return needed(this.#nodes[nodeIndex]!.proxies)
  }

  /** Between all nodes and the network: create-calls and look-ups. @throws Error when the world has no relays. */
  get networkProxy(): FaultProxy {
    return needed(this.#networkProxy)
  }

  /** @throws Error when the world receives no webhooks. */
  get sink(): WebhookSink {
    return needed(this.#sink)
  }

  /** Asks a node through its API. @throws Error with the answer when it is not 2xx. */
  async ask<Answer>(nodeIndex: number, method: string, route: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#nodes[nodeIndex]!.program.url}/carillon/v1${route}`, {
      method,
      headers: {
        authorization: `Bearer ${route.startsWith('/organizations') ? this.#operatorKey : this.#apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${route} was answered ${response.status}: ${text.slice(0, 1000)}`)
    return (text === '' ? null : JSON.parse(text)) as Answer
  }

  /** Posts a list and returns the batch's id. */
  async postBatch(nodeIndex: number, batch: { numbers: readonly string[] } & Record<string, unknown>): Promise<string> {
    const { numbers, ...settings } = batch
    const recipients = numbers.map((to, index) => ({ to, variables: { name: `Person ${index + 1}` } }))
    const created = await this.ask<{ batch: { id: string } }>(nodeIndex, 'POST', '/batches', {
      agent: 'announcement',
      concurrency: this.#options.concurrency,
      ...settings,
      recipients,
    })
    return created.batch.id
  }

  /** kill -9. Resolves when the process is gone and the database has noticed that its connections are. */
  async kill(nodeIndex: number): Promise<Kill> {
    const node = this.#nodes[nodeIndex]!
    const nodeName = nameOf(node)
    const { killedAtEpochMs, gone } = node.program.kill()
    await gone
    await until(
      async () => {
        const { rows } = await this.database.query<{ count: number }>(
          'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1',
          [nodeName],
        )
        return rows[0]!.count === 0
      },
      { what: 'the database notices the death of a node', everyMs: 5, withinMs: 30_000 },
    )
    return { killedAtEpochMs, nodeName }
  }

  /** Starts a process that was killed again, at its old address. */
  async restart(nodeIndex: number): Promise<void> {
    const node = this.#nodes[nodeIndex]!
    node.starts++
    const { port } = new URL(node.program.url)
    const databaseProxy = node.proxies?.database
    node.program = await this.#startNode({ index: nodeIndex, name: nameOf(node), port, databaseProxy })
  }

  /** What the network has seen until now. */
  courtRecord(): Promise<CourtRecord> {
    return this.#network.courtRecord()
  }

  /** Calls that live in the network. */
  liveCalls(): Promise<number> {
    return this.#network.liveCalls()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.program.stop()))
    await this.#sink?.stop()
    await this.#network.stop()
    const relays = [this.#networkProxy, ...this.#nodes.flatMap(({ proxies }) => [proxies?.database, proxies?.http])]
    await Promise.all(relays.map((relay) => relay?.close()))
    await this.database.end()
  }

  async #makeNode(index: number): Promise<Node> {
    const name = `verify-${String.fromCharCode('a'.charCodeAt(0) + index)}`
    if (this.#options.proxied !== true) {
      const program = await this.#startNode({ index, name: `${name}-1`, port: '0' })
      return { name, starts: 1, program, proxies: null }
    }
    const database = await FaultProxy.start(serverOf(this.#options.databaseUrl))
    const program = await this.#startNode({ index, name: `${name}-1`, port: '0', databaseProxy: database })
    const http = await FaultProxy.start(addressOf(program.url))
    return { name, starts: 1, program, proxies: { database, http } }
  }

  #startNode(node: NodeStart): Promise<Program> {
    const { index, name, port, databaseProxy } = node
    const { folder, mischief, built } = this.#options
    const databaseUrl =
      databaseProxy === undefined ? this.#options.databaseUrl : through(databaseProxy, this.#options.databaseUrl)
    return startProgram({
      program: built === true ? 'run-built-node.mjs' : 'run-node.ts',
      argv: [...(mischief === undefined ? [] : [mischief]), ...this.#network.nodeArguments],
      environment: {
        ...this.#network.environmentOf(index),
        PORT: port,
        HOST,
        // The name tells the node's connections from others, so that their end can be seen.
        DATABASE_URL: `${databaseUrl}${databaseUrl.includes('?') ? '&' : '?'}application_name=${name}`,
        CARILLON_NODE_NAME: name,
        CARILLON_BOOTSTRAP_API_KEY: this.#apiKey,
        CARILLON_OPERATOR_API_KEY: this.#operatorKey,
        CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8',
        CARILLON_LOG_LEVEL: 'info',
      },
      outputFile: path.join(folder, `${name}.log`),
    })
  }

  async #openSink(): Promise<void> {
    const { folder, mischief } = this.#options
    this.#sink = await WebhookSink.start({ folder, mischief: isSinkMischief(mischief) ? mischief : undefined })
    const { url, secret } = this.#sink
    await this.ask(0, 'POST', '/webhooks', { url, secret, kinds: TOLD_KINDS })
  }

  async #setUp(): Promise<void> {
    const { concurrency, callsPerSecond } = this.#options
    const { items } = await this.ask<{ items: { id: string }[] }>(0, 'GET', '/organizations')
    await this.ask(0, 'PATCH', `/organizations/${items[0]!.id}`, { concurrency })
    await this.#network.setUp({
      ask: (method, route, body) => this.ask(0, method, route, body),
      url: this.#network.url === null ? null : urlThrough(this.#networkProxy, this.#network.url),
      nodeUrls: this.#nodes.map(({ program, proxies }) => urlThrough(proxies?.http, program.url)),
      limits: { concurrency, callsPerSecond },
    })
  }
}

function needed<Relay>(relay: Relay | null): Relay {
  if (relay === null) throw new Error('This world was started without it')
  return relay
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

function urlThrough(relay: FaultProxy | null | undefined, url: string): string {
  return relay ? `http://${HOST}:${relay.port}` : url
}

/** Each start of a process is a node of its own. */
function nameOf(node: Pick<Node, 'name' | 'starts'>): string {
  return `${node.name}-${node.starts}`
}

/** Resolves when `holds` does. @throws Error when that takes too long. */
export async function until(
  holds: () => Promise<boolean>,
  { what, everyMs = 100, withinMs }: { what: string; everyMs?: number; withinMs: number },
): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > giveUpAtMs) throw new Error(`It did not come within ${withinMs / 1000} s: ${what}`)
    await pause(everyMs)
  }
}

/** Not at all for a time that is over. */
export function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, forMs)))
}

/**
 * Resolves when everybody on the list is final; returns false when nobody became so for three minutes, of which the lease
 * of a dead node, the deadline of its intents and the look-ups after it take less than one on a machine that has time.
 */
export async function completed(world: World, batchId: string): Promise<boolean> {
  let latest = -1
  let lookedAtMs = performance.now()
  let standstillMs = 0
  for (;;) {
    const { status, settled } = await batchFigures(world.database, batchId)
    if (status === BATCH_STATUS_CODE.completed) return true
    const nowMs = performance.now()
    standstillMs = settled === latest ? standstillMs + Math.min(LOOK_COUNTS_MS, nowMs - lookedAtMs) : 0
    lookedAtMs = nowMs
    if (standstillMs > STANDSTILL_MS) return false
    latest = settled
    await pause(100)
  }
}
