import path from 'node:path'
import { batchFigures, callsOfTheDead, differences, recipientsOf } from './evidence.ts'
import type { Mischief } from './mischief.ts'
import { numbersOf, RETRY_POLICY } from './people.ts'
import { Random } from './random.ts'
import { judge, type Verdict } from './verdict.ts'
import { until, World } from './world.ts'

export interface RoundOptions {
  readonly databaseUrl: string
  readonly folder: string
  readonly seed: number
  readonly recipients: number
  readonly concurrency: number
  readonly callsPerSecond: number
  readonly speed: number
  readonly mischief?: Mischief | undefined
}

export interface Round extends Verdict {
  readonly seed: number
  /** From the kill to the next dial that is not the killed node's; null when nobody was left to dial. */
  readonly recoveryMs: number | null
  /** How far the batch was at the kill, in per cent of its people. */
  readonly killedAtPercent: number
  /** Calls that the killed node left behind, and those of them without an answer of the network. */
  readonly leftBehind: number
  readonly leftUnanswered: number
  readonly seconds: number
  readonly judgeLog: string
}

/** The lease of a dead node, the deadline of its intents, the look-ups after it, and time for a slow machine. */
const SETTLE_WITHIN_MS = 180_000
const RESTART_WITHIN_MS = 3000

/**
 * One batch on two nodes, one of which is killed with kill -9 at a random moment and started again. Everything random
 * comes from the seed, but for what the machine does.
 */
export async function runRound(options: RoundOptions): Promise<Round> {
  const { seed, concurrency, callsPerSecond } = options
  const startedAtMs = performance.now()
  const random = new Random(seed)
  const world = await World.start(options)
  try {
    const numbers = numbersOf(options.recipients, random)
    const batchId = await world.postBatch(random.below(world.nodeCount), { numbers, retryPolicy: RETRY_POLICY })
    const killed = await killOne(world, {
      batchId,
      people: numbers.length,
      random,
      killAfterMs: killAfterMs(options, random),
    })
    await until(async () => (await batchFigures(world.database, batchId)).status === 4, {
      what: 'everybody is final',
      withinMs: SETTLE_WITHIN_MS,
    }).catch(() => undefined)
    await until(async () => (await world.liveCalls()) === 0, { what: 'no call lives', withinMs: SETTLE_WITHIN_MS })
    const record = await world.courtRecord()
    const recipients = await recipientsOf(world.database, batchId)
    const { dead } = killed
    const verdict = judge({ record, recipients, dead, concurrency, callsPerSecond })
    const theirs = new Set(dead.map(({ ref }) => ref))
    const next = record.requests.find((request) => request.atEpochMs >= killed.killedAtEpochMs && !theirs.has(request.ref))
    return {
      ...verdict,
      broken: [...verdict.broken, ...(await differences(world.database, options.databaseUrl))],
      seed,
      recoveryMs: next === undefined ? null : next.atEpochMs - killed.killedAtEpochMs,
      killedAtPercent: killed.atPercent,
      leftBehind: dead.length,
      leftUnanswered: dead.filter(({ unanswered }) => unanswered).length,
      seconds: Math.round((performance.now() - startedAtMs) / 1000),
      judgeLog: path.join(options.folder, 'judge.jsonl'),
    }
  } finally {
    await world.stop()
  }
}

/** Somewhere in the time that the list takes at best. */
function killAfterMs({ recipients, callsPerSecond }: RoundOptions, random: Random): number {
  return random.between(0, (recipients / callsPerSecond) * 1000)
}

interface KillPlan {
  readonly batchId: string
  readonly people: number
  readonly random: Random
  readonly killAfterMs: number
}

async function killOne(world: World, plan: KillPlan) {
  const { batchId, random } = plan
  await new Promise((resolve) => setTimeout(resolve, plan.killAfterMs))
  const victim = random.below(world.nodeCount)
  const { killedAtEpochMs, nodeName } = await world.kill(victim)
  const dead = await callsOfTheDead(world.database, nodeName)
  const { settled } = await batchFigures(world.database, batchId)
  await new Promise((resolve) => setTimeout(resolve, random.between(0, RESTART_WITHIN_MS)))
  await world.restart(victim)
  return { killedAtEpochMs, dead, atPercent: Math.round((100 * settled) / plan.people) }
}
