import type { FailOver } from './fail-over/postgres-pair.ts'
import type { Random } from './random.ts'
import { pause, type World } from './world.ts'

/** What happens to an installation sooner or later, and how often it is chosen here. */
export const FAULTS = {
  kill: { weight: 40, means: 'kill -9 of a node, which starts again within three seconds' },
  stop: { weight: 12, means: 'SIGSTOP of a node for up to 15 s, which is longer than its lease' },
  block: { weight: 10, means: 'the event loop of a node is blocked for up to 8 s' },
  'cut-database': { weight: 8, means: 'the connections between a node and the database are reset and refused' },
  'stall-database': { weight: 6, means: 'no byte goes one way, or either way, between a node and the database' },
  'cut-callbacks': { weight: 6, means: 'the network cannot reach a node' },
  'cut-network': { weight: 6, means: 'no node can reach the network; requests under way are reset' },
  'stall-network': { weight: 4, means: 'requests reach the network and its answers reach no node, or neither' },
  'kill-postmaster': { weight: 4, means: 'kill -9 of PostgreSQL, which recovers and starts again' },
  'restart-postgres': { weight: 4, means: 'a fast shutdown of PostgreSQL, which starts again' },
  'fail-over': { weight: 10, means: 'the primary loses its power, and its synchronous standby is promoted' },
  'split-brain': {
    weight: 10,
    means: 'the standby is promoted while the primary lives on and acknowledges commits alone',
  },
  'kill-sink': { weight: 4, means: 'kill -9 of the receiver of webhooks, which starts again within three seconds' },
  'refuse-webhooks': { weight: 4, means: 'the receiver of webhooks answers 500 or 503, or resets connections' },
} as const

export type FaultKind = keyof typeof FAULTS

const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[]
/** What needs a primary and a standby. */
const OF_PAIRS: readonly FaultKind[] = ['fail-over', 'split-brain']
/** What needs a server that is started again where it was. */
const OF_ONE: readonly FaultKind[] = ['kill-postmaster', 'restart-postgres']
export const KINDS_OF_ONE = FAULT_KINDS.filter((kind) => !OF_PAIRS.includes(kind))
export const KINDS_OF_PAIR = FAULT_KINDS.filter((kind) => !OF_ONE.includes(kind))

/**
 * What befalls everybody, by what it befalls: only one of a group at a time, since the second would change nothing, or
 * its end would end the first one as well.
 */
const SHARED: readonly (readonly FaultKind[])[] = [
  ['kill-postmaster', 'restart-postgres', 'fail-over', 'split-brain'],
  ['cut-network', 'stall-network'],
  ['kill-sink', 'refuse-webhooks'],
]

/** The kinds that can be inflicted while these are under way. */
export function possibleBeside(underway: readonly FaultKind[], kinds: readonly FaultKind[]): FaultKind[] {
  const taken = SHARED.filter((group) => underway.some((kind) => group.includes(kind))).flat()
  return kinds.filter((kind) => !taken.includes(kind))
}

export interface FaultRecord {
  readonly kind: FaultKind
  readonly atEpochMs: number
  /** The node it befell; null: all of them. */
  readonly nodeIndex: number | null
}

/** The database server of a world, as something that can be hurt. */
export interface Vulnerable {
  /** Of the PostgreSQL server that runs now; undefined while it is being started again. */
  readonly postmasterPid: () => number | undefined
  /** Only of a pair. Resolves when there is a pair again. */
  readonly failOver?: (how: FailOver) => Promise<void>
}

const STARTS_MAX = 10
const STALL_WAYS = ['up', 'down', 'both'] as const
const REFUSALS = [500, 503, 'reset'] as const

/** How hard it comes. */
export interface Force {
  /** Faults are so far apart, so that several are under way at once. */
  readonly apartMs: { readonly from: number; readonly below: number }
  /** And so many people become final between two of them, so that a slow machine is not hurt more than a fast one. */
  readonly apartPeople: { readonly from: number; readonly below: number }
  /** So many nodes are well at any time; with none, nobody may be dialled until one has started again. */
  readonly nodesSpared: number
  /** How many times as often as by its weight a node is killed. */
  readonly killFactor: number
  /** A process that was killed starts again within so long. */
  readonly restartWithinMs: number
}

/** One kind by its weight. */
export function chooseFault(kinds: readonly FaultKind[], random: Random, { killFactor }: Force): FaultKind {
  const weightOf = (kind: FaultKind): number => FAULTS[kind].weight * (kind === 'kill' ? killFactor : 1)
  let left = random.next() * kinds.reduce((sum, kind) => sum + weightOf(kind), 0)
  for (const kind of kinds) {
    left -= weightOf(kind)
    if (left < 0) return kind
  }
  return kinds.at(-1)!
}

/** A fault under way: when it began, and when all is as before. */
export interface Inflicted {
  readonly record: FaultRecord
  readonly healed: Promise<void>
}

/** Whom a fault may befall, and how. */
export interface Victims {
  readonly world: World
  readonly server: Vulnerable
  readonly nodeIndex: number
  readonly random: Random
  readonly force: Force
}

/**
 * Does it, now.
 *
 * @param nodeIndex The node it befalls, where it befalls one. Nothing else may be wrong with its process.
 */
export function inflict(kind: FaultKind, { world, server, nodeIndex, random, force }: Victims): Inflicted {
  const record = (ofOneNode: boolean): FaultRecord => ({
    kind,
    atEpochMs: Date.now(),
    nodeIndex: ofOneNode ? nodeIndex : null,
  })
  const restartMs = force.restartWithinMs
  const relayed = (relay: { heal(): void }, forMs: number): Promise<void> => pause(forMs).then(() => relay.heal())
  switch (kind) {
    case 'kill':
      return { record: record(true), healed: killAndRestart(world, nodeIndex, random.between(0, restartMs)) }
    case 'stop':
      return { record: record(true), healed: freeze(world, nodeIndex, random.between(500, 15_000)) }
    case 'block': {
      const blockMs = Math.round(random.between(300, 8000))
      world.program(nodeIndex).tell({ blockMs })
      return { record: record(true), healed: pause(blockMs) }
    }
    case 'cut-database':
      world.proxies(nodeIndex).database.cut()
      return { record: record(true), healed: relayed(world.proxies(nodeIndex).database, random.between(100, 12_000)) }
    case 'stall-database':
      world.proxies(nodeIndex).database.stall(STALL_WAYS[random.below(3)]!)
      return { record: record(true), healed: relayed(world.proxies(nodeIndex).database, random.between(100, 12_000)) }
    case 'cut-callbacks':
      world.proxies(nodeIndex).http.cut()
      return { record: record(true), healed: relayed(world.proxies(nodeIndex).http, random.between(100, 8000)) }
    case 'cut-network':
      world.networkProxy.cut()
      return { record: record(false), healed: relayed(world.networkProxy, random.between(100, 4000)) }
    case 'stall-network':
      world.networkProxy.stall(STALL_WAYS[random.below(3)]!)
      return { record: record(false), healed: relayed(world.networkProxy, random.between(100, 4000)) }
    case 'kill-postmaster':
      return { record: record(false), healed: signalPostgres(server, 'SIGKILL') }
    case 'restart-postgres':
      return { record: record(false), healed: signalPostgres(server, 'SIGINT') }
    case 'fail-over':
      return { record: record(false), healed: server.failOver!('killed') }
    case 'split-brain':
      return { record: record(false), healed: server.failOver!('split') }
    case 'kill-sink':
      return { record: record(false), healed: world.sink.killAndRestart(random.between(0, restartMs)) }
    case 'refuse-webhooks':
      return { record: record(false), healed: world.sink.refuse(REFUSALS[random.below(3)]!, random.between(300, 6000)) }
  }
}

async function killAndRestart(world: World, nodeIndex: number, afterMs: number): Promise<void> {
  await world.program(nodeIndex).kill().gone
  await pause(afterMs)
  // As a service manager would: a start into a database that just went away ends with an error.
  for (let tries = 1; ; tries++) {
    try {
      await world.restart(nodeIndex)
      return
    } catch (error) {
      if (tries === STARTS_MAX) throw error
      await pause(1000)
    }
  }
}

async function freeze(world: World, nodeIndex: number, forMs: number): Promise<void> {
  const { pid } = world.program(nodeIndex)
  process.kill(pid, 'SIGSTOP')
  await pause(forMs)
  process.kill(pid, 'SIGCONT')
}

/** Resolves when another server runs. */
async function signalPostgres(server: Vulnerable, signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
  const pid = server.postmasterPid()
  if (pid === undefined) return
  process.kill(pid, signal)
  while (server.postmasterPid() === pid || server.postmasterPid() === undefined) await pause(20)
}
