import path from 'node:path'
import { batchFigures, callsOfTheDead, differences, recipientsOf } from './evidence.ts'
import { doubleCalls } from './judge.ts'
import { numbersOf, RETRY_POLICY } from './people.ts'
import { Random } from './random.ts'
import { type Case, judge, type Verdict } from './verdict.ts'
import { completed, pause, until, World, type WorldOptions } from './world.ts'

export interface RoundOptions extends WorldOptions {
  readonly seed: number
  readonly recipients: number
  /** Of the calls, where the people are not to ring long. */
  readonly ringTimeoutSeconds?: number
  /** The people's numbers, when they are not to be those of the simulated network. */
  readonly numbers?: (count: number, random: Random) => string[]
  /** Who judges, when it is not the judge of the simulated network. */
  readonly judged?: (of: Case) => Verdict
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

const SETTLE_WITHIN_MS = 300_000
const CALLS_END_WITHIN_MS = 90_000
const RESTART_WITHIN_MS = 3000
const LOOK_EVERY_MS = 2000

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
    const numbers = (options.numbers ?? numbersOf)(options.recipients, random)
    const { ringTimeoutSeconds } = options
    const batchId = await world.postBatch(random.below(world.nodeCount), {
      numbers,
      retryPolicy: RETRY_POLICY,
      ...(ringTimeoutSeconds === undefined ? {} : { ringTimeoutSeconds }),
    })
    const killed = await killOne(world, {
      batchId,
      people: numbers.length,
      random,
    })
    const hopeless = await completedOrHopeless(world, batchId)
    const stillLives = hopeless ? [] : await callsThatDoNotEnd(world)
    const record = await world.courtRecord()
    const recipients = await recipientsOf(world.database, batchId)
    const { dead } = killed
    const verdict = (options.judged ?? judge)({ record, recipients, dead, concurrency, callsPerSecond })
    const figures = hopeless ? [] : await differences(world.database, options.databaseUrl)
    const theirs = new Set(dead.map(({ ref }) => ref))
    const next = record.requests.find(
      (request) => request.atEpochMs >= killed.killedAtEpochMs && !theirs.has(request.ref),
    )
    return {
      ...verdict,
      // Who was waited for no longer is not lost.
      ...(hopeless ? { lost: 0 } : {}),
      broken: hopeless ? doubleCalls(record) : [...stillLives, ...verdict.broken, ...figures],
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

/**
 * Waits for the end of the batch, unless the network has seen a double call: what is broken stays so, and calls that were
 * sent twice may have no end on a network that is not simulated. True: it was not waited for.
 */
async function completedOrHopeless(world: World, batchId: string): Promise<boolean> {
  let over = false
  const ended = completed(world, batchId).finally(() => {
    over = true
  })
  while (!over) {
    await Promise.race([ended, pause(LOOK_EVERY_MS)])
    if (!over && (await isHopeless(world))) {
      ended.catch(() => undefined)
      return true
    }
  }
  await ended
  return false
}

async function isHopeless(world: World): Promise<boolean> {
  return doubleCalls(await world.courtRecord()).length > 0
}

async function callsThatDoNotEnd(world: World): Promise<string[]> {
  const none = until(async () => (await world.liveCalls()) === 0, {
    what: 'no call lives in the network',
    withinMs: CALLS_END_WITHIN_MS,
  })
  return none.then(
    () => [],
    (error: Error) => [error.message],
  )
}

interface KillPlan {
  readonly batchId: string
  readonly people: number
  readonly random: Random
}

async function killOne(world: World, plan: KillPlan) {
  const { batchId, random, people } = plan
  const dials = random.next() * people
  let lookAtMs = performance.now() + LOOK_EVERY_MS
  const isTime = async () => {
    if ((await batchFigures(world.database, batchId)).attempts >= dials) return true
    if (performance.now() < lookAtMs) return false
    lookAtMs = performance.now() + LOOK_EVERY_MS
    return isHopeless(world)
  }
  await until(isTime, { what: 'the moment of the kill', everyMs: 20, withinMs: SETTLE_WITHIN_MS })
  await pause(random.between(0, 100))
  const victim = random.below(world.nodeCount)
  const { killedAtEpochMs, nodeName } = await world.kill(victim)
  const dead = await callsOfTheDead(world.database, nodeName)
  const { settled } = await batchFigures(world.database, batchId)
  await pause(random.between(0, RESTART_WITHIN_MS))
  await world.restart(victim)
  return { killedAtEpochMs, dead, atPercent: Math.round((100 * settled) / people) }
}
