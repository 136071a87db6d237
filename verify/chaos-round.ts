import path from 'node:path'
import { batchFigures, differences, recipientsOf } from './evidence.ts'
import { chooseFault, type FaultKind, type FaultRecord, inflict, type Vulnerable } from './faults.ts'
import type { CourtRecord } from './judge.ts'
import type { Mischief } from './mischief.ts'
import { numbersOf, RETRY_POLICY } from './people.ts'
import { Random } from './random.ts'
import { judge, type Verdict } from './verdict.ts'
import { completed, pause, until, World } from './world.ts'

export interface ChaosOptions {
  readonly databaseUrl: string
  readonly folder: string
  readonly server: Vulnerable
  readonly seed: number
  readonly nodes: number
  readonly recipients: number
  readonly concurrency: number
  readonly callsPerSecond: number
  readonly speed: number
  /** How many faults at most; fewer when the list is finished before. */
  readonly faults: number
  readonly kinds: readonly FaultKind[]
  readonly mischief?: Mischief | undefined
}

export interface ChaosRound extends Verdict {
  readonly seed: number
  readonly faults: readonly FaultRecord[]
  /** For each fault the longest time without a new dial that it was part of. */
  readonly recoveriesMs: readonly number[]
  readonly seconds: number
}

const SETTLE_WITHIN_MS = 300_000
/** Faults come this far apart, so that several are under way at once. */
const APART_MS = { from: 300, below: 4000 } as const
/** A dial that did not come this soon after a fault is another fault's affair. */
const RECOVERY_WITHIN_MS = 60_000

/**
 * One list on several nodes, to which everything happens that can happen; then quiet, in which everyone must become
 * final. Everything random comes from the seed, but for what the machine does.
 */
export async function runChaosRound(options: ChaosOptions): Promise<ChaosRound> {
  const { seed, concurrency, callsPerSecond } = options
  const startedAtMs = performance.now()
  const random = new Random(seed)
  const world = await World.start({ ...options, proxied: true })
  try {
    const numbers = numbersOf(options.recipients, random)
    const batchId = await world.postBatch(random.below(world.nodeCount), { numbers, retryPolicy: RETRY_POLICY })
    const faults = await hurt(world, options, { batchId, people: numbers.length, random })
    const settled = await completed(world, batchId)
    await until(async () => (await world.liveCalls()) === 0, { what: 'no call lives', withinMs: SETTLE_WITHIN_MS })
    const record = await world.courtRecord()
    const recipients = await recipientsOf(world.database, batchId)
    const verdict = judge({ record, recipients, dead: 'anyone', concurrency, callsPerSecond })
    return {
      ...verdict,
      broken: [
        ...(settled ? [] : [`nobody became final for a minute; the logs are in ${path.dirname(options.folder)}`]),
        ...verdict.broken,
        ...(await differences(world.database, options.databaseUrl)),
      ],
      seed,
      faults,
      recoveriesMs: faults.map((fault) => recoveryMs(record, fault)),
      seconds: Math.round((performance.now() - startedAtMs) / 1000),
    }
  } finally {
    await world.stop()
  }
}

/** Inflicts faults until there were enough or the list is nearly done; resolves when all are healed. */
async function hurt(
  world: World,
  { server, kinds, faults }: ChaosOptions,
  { batchId, people, random }: { batchId: string; people: number; random: Random },
): Promise<FaultRecord[]> {
  const inflicted: FaultRecord[] = []
  const busy = new Set<number>()
  const healing = new Set<Promise<void>>()
  while (inflicted.length < faults) {
    await pause(random.between(APART_MS.from, APART_MS.below))
    if ((await batchFigures(world.database, batchId)).settled > 0.9 * people) break
    const free = Array.from({ length: world.nodeCount }, (_, index) => index).filter((index) => !busy.has(index))
    const nodeIndex = free[random.below(free.length)]
    if (nodeIndex === undefined) continue
    const { record, healed } = inflict(chooseFault(kinds, random), { world, server, nodeIndex, random })
    inflicted.push(record)
    busy.add(nodeIndex)
    const done: Promise<void> = healed.finally(() => {
      busy.delete(nodeIndex)
      healing.delete(done)
    })
    healing.add(done)
  }
  await Promise.all(healing)
  return inflicted
}

/** How long after a fault nobody was dialled: the longest pause that begins within a second of it. */
function recoveryMs({ requests }: CourtRecord, { atEpochMs }: FaultRecord): number {
  let longest = 0
  for (const [index, request] of requests.entries()) {
    const next = requests[index + 1]
    if (next === undefined || request.atEpochMs > atEpochMs + 1000) break
    if (next.atEpochMs < atEpochMs) continue
    longest = Math.max(longest, next.atEpochMs - Math.max(atEpochMs, request.atEpochMs))
  }
  return Math.min(longest, RECOVERY_WITHIN_MS)
}
