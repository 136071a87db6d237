import os from 'node:os'
import path from 'node:path'
import { batchFigures, differences, recipientsOf } from './evidence.ts'
import { type HealedFault, recoveryMs, unexplained } from './fault-effects.ts'
import {
  chooseFault,
  type FaultKind,
  type FaultRecord,
  type Force,
  inflict,
  possibleBeside,
  type Vulnerable,
} from './faults.ts'
import type { Mischief } from './mischief.ts'
import { numbersOf, RETRY_POLICY } from './people.ts'
import { Random } from './random.ts'
import { judge, type Verdict } from './verdict.ts'
import type { SinkMischief } from './webhooks/sink-mischief.ts'
import { judgeWebhooks, type WebhookVerdict } from './webhooks/sink-verdict.ts'
import { endPauses, toldEvents, untold } from './webhooks/told.ts'
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
  readonly force: Force
  readonly mischief?: Mischief | SinkMischief | undefined
  /** Nodes run what `npm run build` made. */
  readonly built: boolean
}

export interface ChaosRound extends Verdict, WebhookVerdict {
  readonly seed: number
  readonly faults: readonly FaultRecord[]
  /** For each fault the longest time without a new dial that it was part of. */
  readonly recoveriesMs: readonly number[]
  /** Of the unknown ones, those that no fault explains. */
  readonly unexplained: number
  readonly seconds: number
  /** Processes that wanted a core, on average over the last minute of the round: a loaded machine is slow to recover. */
  readonly load: number
}

const SETTLE_WITHIN_MS = 300_000
/** The next fault comes even if nobody became final for so long. */
const STANDSTILL_MS = 20_000
/** So often the pauses between tries of a webhook are ended. */
const HURRY_EVERY_MS = 5000

/**
 * One list on several nodes, to which everything happens that can happen; then quiet, in which everyone must become
 * final, and the receiver of webhooks know it. Everything random comes from the seed, but for what the machine does.
 */
export async function runChaosRound(options: ChaosOptions): Promise<ChaosRound> {
  const { seed, concurrency, callsPerSecond } = options
  const startedAtMs = performance.now()
  const random = new Random(seed)
  const world = await World.start({ ...options, proxied: true, webhooks: true })
  try {
    const numbers = numbersOf(options.recipients, random)
    const batchId = await world.postBatch(random.below(world.nodeCount), { numbers, retryPolicy: RETRY_POLICY })
    const faults = await hurt(world, options, { batchId, people: numbers.length, random })
    const settled = await completed(world, batchId)
    await until(async () => (await world.liveCalls()) === 0, { what: 'no call lives', withinMs: SETTLE_WITHIN_MS })
    const untoldWhy = await allTold(world)
    const record = await world.courtRecord()
    const recipients = await recipientsOf(world.database, batchId)
    const verdict = judge({ record, recipients, dead: 'anyone', concurrency, callsPerSecond })
    const webhooks = judgeWebhooks(await toldEvents(world.database, batchId), await world.sink.entries(), recipients)
    const unclear = unexplained(recipients, faults)
    return {
      ...webhooks,
      ...verdict,
      broken: [
        ...(settled ? [] : [`nobody became final for three minutes; the logs are in ${path.dirname(options.folder)}`]),
        ...verdict.broken,
        ...unclear,
        ...untoldWhy,
        ...webhooks.broken,
        ...(await differences(world.database, options.databaseUrl)),
      ],
      unexplained: unclear.length,
      seed,
      faults,
      recoveriesMs: faults.map((fault) => recoveryMs(record, fault)),
      seconds: Math.round((performance.now() - startedAtMs) / 1000),
      load: Math.round(os.loadavg()[0]!),
    }
  } finally {
    await world.stop()
  }
}

/** Inflicts faults until there were enough or the list is nearly done; resolves when all are healed. */
async function hurt(
  world: World,
  { server, kinds, faults, force }: ChaosOptions,
  { batchId, people, random }: { batchId: string; people: number; random: Random },
): Promise<HealedFault[]> {
  const inflicted: HealedFault[] = []
  const underway = new Set<FaultRecord>()
  const healing = new Set<Promise<void>>()
  const failures: unknown[] = []
  let settled = 0
  while (inflicted.length + underway.size < faults && failures.length === 0) {
    await pause(random.between(force.apartMs.from, force.apartMs.below))
    const next = settled + random.between(force.apartPeople.from, force.apartPeople.below)
    settled = await progressed(world, batchId, next)
    if (settled > 0.9 * people) break
    const possible = possibleBeside(
      [...underway].map(({ kind }) => kind),
      kinds,
    )
    const hurtNodes = new Set([...underway].map(({ nodeIndex }) => nodeIndex))
    const free = Array.from({ length: world.nodeCount }, (_, index) => index).filter((index) => !hurtNodes.has(index))
    if (possible.length === 0 || free.length <= force.nodesSpared) continue
    const nodeIndex = free[random.below(free.length)]!
    const { record, healed } = inflict(chooseFault(possible, random, force), {
      world,
      server,
      nodeIndex,
      random,
      force,
    })
    underway.add(record)
    const done: Promise<void> = healed
      .then(
        () => void inflicted.push({ ...record, healedAtEpochMs: Date.now() }),
        (error) => void failures.push(error),
      )
      .finally(() => {
        underway.delete(record)
        healing.delete(done)
      })
    healing.add(done)
  }
  await Promise.all(healing)
  if (failures.length > 0) throw failures[0]
  return inflicted.sort((a, b) => a.atEpochMs - b.atEpochMs)
}

/** Waits until so many are final, or until nothing moves; returns how many are. */
async function progressed(world: World, batchId: string, people: number): Promise<number> {
  const giveUpAtMs = performance.now() + STANDSTILL_MS
  for (;;) {
    const { settled } = await batchFigures(world.database, batchId)
    if (settled >= people || performance.now() > giveUpAtMs) return settled
    await pause(100)
  }
}

/** Waits until the receiver was told everything; returns what is wrong when that takes too long. */
async function allTold(world: World): Promise<string[]> {
  const giveUpAtMs = performance.now() + SETTLE_WITHIN_MS
  for (;;) {
    const { pending, blocks, pausedReason } = await untold(world.database)
    if (pending + blocks === 0) return []
    if (pausedReason !== null) return [`the webhook was paused: ${pausedReason}`]
    if (performance.now() > giveUpAtMs)
      return [`${pending} webhooks and ${blocks} blocks of the log are left to be told`]
    await endPauses(world.database)
    await pause(HURRY_EVERY_MS)
  }
}
