import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import type { CallingWindow, Weekday } from '../../src/model/calling-window.ts'
import { DUE_REASONS } from '../../src/model/due-reason.ts'
import { deriveNumberHashKey, hashNumbers } from '../../src/model/id-cipher.ts'
import { defaultRetryPolicy, NO_RETRIES, type RetryPolicy } from '../../src/model/retry-policy.ts'
import { FINAL_OUTCOMES } from '../../src/store/outcome-columns.ts'
import { type DueRow, emptyTables, type Figures, type LaneRow, laneKey, personKey, type Tables } from './memory-rows.ts'
import { Random } from './random.ts'

export const SECRET = Buffer.alloc(32, 7)
const EVERY_DAY: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7]

/** When a run begins: an ordinary morning, or shortly before the clocks change, or before a full minute. */
const STARTS = [
  { at: '2025-01-06T08:59:40Z', zone: 'Europe/Berlin', changes: false },
  { at: '2025-07-14T15:59:30Z', zone: 'America/New_York', changes: false },
  // 02:00 becomes 03:00.
  { at: '2025-03-30T00:59:40Z', zone: 'Europe/Berlin', changes: true },
  { at: '2025-03-09T06:59:45Z', zone: 'America/New_York', changes: true },
  // 03:00 becomes 02:00, 02:00 becomes 01:00.
  { at: '2025-10-26T00:59:40Z', zone: 'Europe/Berlin', changes: true },
  { at: '2025-11-02T05:59:45Z', zone: 'America/New_York', changes: true },
] as const

export interface Scenario {
  readonly startEpochMs: number
  readonly clockChanges: boolean
  readonly organizations: readonly Tables[]
}

/** A batch of one person, whom a carrier is slow to ring. */
export const LONE_BATCH_ID = 9
const LONE_BATCH_CHANCE = 0.2
const LONE_BATCH_SEED = 7_000_005
const SLOW_NUMBER = 990

/** One to two organizations with what they want to dial; small, so that many can be run. */
export function makeScenario(seed: number, random: Random): Scenario {
  const start = random.pick(STARTS)
  const startEpochMs = Date.parse(start.at) + random.between(0, 9_999)
  const count = random.chance(0.25) ? 2 : 1
  const organizations = Array.from({ length: count }, (_, index) =>
    organization(random, index + 1, { ...start, startEpochMs }),
  )
  const own = new Random(seed + LONE_BATCH_SEED)
  if (own.chance(LONE_BATCH_CHANCE)) addLoneBatch(own, own.pick(organizations), { ...start, startEpochMs })
  return { startEpochMs, clockChanges: start.changes, organizations }
}

interface Start {
  readonly zone: string
  readonly startEpochMs: number
}

function organization(random: Random, organizationId: number, start: Start): Tables {
  const tables = emptyTables(organizationId, random.between(1, 6))
  const trunks = random.chance(0.4) ? 2 : 1
  for (let trunkId = 1; trunkId <= trunks; trunkId++) addTrunk(random, tables, trunkId, start.startEpochMs)
  if (random.chance(0.3)) addThrottle(random, tables)
  const numbers = Array.from({ length: random.between(3, 8) }, (_, index) => firstNumberOf(organizationId) + index)
  const batches = random.chance(0.5) ? 2 : 1
  for (let batchId = 1; batchId <= batches; batchId++) addBatch(random, tables, { batchId, trunks, numbers, start })
  return tables
}

function addTrunk(random: Random, tables: Tables, trunkId: number, startEpochMs: number): void {
  const uuid = `00000000-0000-4000-8000-${String(tables.organizationId * 100 + trunkId).padStart(12, '0')}`
  tables.trunks.set(trunkId, {
    definition: { trunkId, trunkUuid: uuid, carrier: 'loopback', settings: {}, version: 1 },
    liveMax: random.between(1, 5),
    live: 0,
    callsPerSecond: random.pick([0.5, 1, 2, 5, 20, 200]),
    tokens: 1,
    refilledAt: startEpochMs,
    failuresInRow: 0,
    blockedUntil: null,
  })
}

/** One that is full again and again while its batches run. */
function addThrottle(random: Random, tables: Tables): void {
  const rules = Array.from({ length: random.between(1, 2) }, () => ({
    maxCalls: random.between(1, 3),
    windowSeconds: random.between(1, 9),
  }))
  tables.throttles.set(1, { rules, starts: [] })
}

function addBatch(
  random: Random,
  tables: Tables,
  options: { batchId: number; trunks: number; numbers: readonly number[]; start: Start },
): void {
  const { batchId, trunks, start } = options
  const chained = random.chance(0.3)
  const numbers = options.numbers.filter(() => random.chance(0.8))
  if (numbers.length === 0) numbers.push(options.numbers[0]!)
  const laneCount = trunks === 2 && random.chance(0.6) && numbers.length > 1 ? 2 : 1
  const callingWindow = random.chance(0.3) ? windowNear(random, start) : null
  let seq = 1
  const perLane = Math.ceil(numbers.length / laneCount)
  for (let lane = 0; lane < laneCount; lane++) {
    const mine = numbers.slice(lane * perLane, (lane + 1) * perLane)
    const later = random.chance(0.15) ? mine.splice(0, random.between(0, mine.length - 1)) : []
    const repeated = chained ? mine.filter(() => random.chance(0.4)) : []
    const trunkId = laneCount === 2 ? lane + 1 : random.between(1, trunks)
    addLane(tables, {
      batchId,
      lane,
      trunkId,
      firstSeq: seq,
      numbers: mine,
      repeated,
      later,
      zone: start.zone,
      terms: laneTerms(random),
    })
    seq += mine.length + repeated.length
    for (const _number of later)
      addNotBefore(tables, { batchId, lane, seq: seq++, dueAt: start.startEpochMs + random.between(500, 30_000) })
  }
  const scheduled = random.chance(0.2)
  const expires = random.chance(0.15)
  const status = scheduled ? BATCH_STATUS_CODE.scheduled : BATCH_STATUS_CODE.running
  tables.batches.set(batchId, {
    terms: {
      batchId,
      trunkId: 1,
      throttleId: tables.throttles.size > 0 && random.chance(0.8) ? 1 : null,
      caller: '+14155550100',
      ringTimeoutSeconds: random.between(5, 8),
      maxCallSeconds: 20,
      callingWindow,
      retryPolicy: retryPolicy(random),
      variableNames: null,
      agent: { kind: 'announcement', settings: { text: 'Hello', waitForKeySeconds: 2, stopKey: '9' } },
    },
    version: 1,
    status,
    liveMax: random.between(1, 5),
    live: 0,
    total: seq - 1,
    due: [...tables.due.values()].filter((row) => row.batchId === batchId).length,
    settled: 0,
    paused: false,
    dialing: 0,
    accepted: 0,
    ringing: 0,
    talking: 0,
    attempts: 0,
    talkMs: 0,
    figures: Object.fromEntries(FINAL_OUTCOMES.map(({ column }) => [column, 0])) as Figures,
    startAt: scheduled ? start.startEpochMs + random.between(500, 20_000) : null,
    expiresAt: expires ? start.startEpochMs + random.between(10_000, 50_000) : null,
    startedAt: scheduled ? null : start.startEpochMs,
    completedAt: null,
  })
}

/**
 * Its only call often goes on after it was given up: what is rare in a batch of many. Its chances are its own, so that a seed
 * without such a batch runs as it did before there were any.
 */
function addLoneBatch(random: Random, tables: Tables, start: Start): void {
  const number = firstNumberOf(tables.organizationId) + SLOW_NUMBER
  addBatch(random, tables, { batchId: LONE_BATCH_ID, trunks: tables.trunks.size, numbers: [number], start })
  const row = tables.batches.get(LONE_BATCH_ID)!
  const retryPolicy = defaultRetryPolicy(random.between(2, 3), [random.between(1, 8)])
  tables.batches.set(LONE_BATCH_ID, { ...row, terms: { ...row.terms, retryPolicy } })
}

/** Whether a create-call for this number, as E.164, often travels long. */
export function isSlow(number: string): boolean {
  return Number(number) % 1000 === SLOW_NUMBER
}

function firstNumberOf(organizationId: number): number {
  return 14_150_000_000 + organizationId * 1000
}

/** What some people of a list have of their own. */
function laneTerms(random: Random): Pick<LaneRow, 'caller' | 'attemptsMax'> {
  return {
    caller: random.chance(0.2) ? '+14155550199' : null,
    attemptsMax: random.chance(0.2) ? random.between(1, 2) : null,
  }
}

/** Somebody who may not be called sooner: not in line, but due from the beginning. */
function addNotBefore(tables: Tables, row: Pick<DueRow, 'batchId' | 'lane' | 'seq' | 'dueAt'>): void {
  const { batchId, seq } = row
  tables.due.set(personKey(batchId, seq), { ...row, n: 1, counted: 0, reason: DUE_REASONS['not-before'] })
}

function addLane(
  tables: Tables,
  lane: {
    batchId: number
    lane: number
    trunkId: number
    firstSeq: number
    numbers: readonly number[]
    repeated: readonly number[]
    later: readonly number[]
    zone: string
    terms: Pick<LaneRow, 'caller' | 'attemptsMax'>
  },
): void {
  const { batchId, firstSeq, numbers, repeated } = lane
  const all = [...numbers, ...repeated, ...lane.later]
  all.forEach((number, index) => {
    const again = index < numbers.length ? repeated.indexOf(number) : -1
    tables.recipients.set(personKey(batchId, firstSeq + index), {
      batchId,
      seq: firstSeq + index,
      number,
      numberHash: hashOf(tables.organizationId, number),
      successorSeq: again < 0 ? null : firstSeq + numbers.length + again,
    })
  })
  tables.lanes.set(laneKey(batchId, lane.lane), {
    batchId,
    lane: lane.lane,
    trunkId: lane.trunkId,
    ...lane.terms,
    zones: [lane.zone],
    firstSeq,
    nextSeq: firstSeq,
    endSeq: firstSeq + numbers.length,
    lastSeq: firstSeq + all.length,
    closedAs: null,
    closedAt: null,
  })
}

const hashes = new Map<number, string>()

/** Of each number once a process; all organizations have numbers of their own. */
function hashOf(organizationId: number, number: number): string {
  let hash = hashes.get(number)
  if (hash === undefined) {
    const key = deriveNumberHashKey(SECRET, organizationId)
    hash = String(hashNumbers(key, Float64Array.of(number))[0])
    hashes.set(number, hash)
  }
  return hash
}

function retryPolicy(random: Random): RetryPolicy {
  if (random.chance(0.5)) return NO_RETRIES
  return defaultRetryPolicy(random.between(2, 3), [random.between(1, 8)])
}

/** A window whose edge lies within the first minutes of the run, or across the change of the clocks. */
function windowNear(random: Random, { zone, startEpochMs }: Start): CallingWindow {
  const edge = Math.ceil((startEpochMs + random.between(5_000, 40_000)) / 60_000) * 60_000
  const at = (offsetMinutes: number) => wallTime(edge + offsetMinutes * 60_000, zone)
  const ranges = random.pick([
    [
      [at(-30), at(0)],
      [at(1), at(90)],
    ],
    [[at(0), at(120)]],
    [
      [at(-200), at(0)],
      [at(2), at(200)],
    ],
  ])
  return {
    zone: random.chance(0.5) ? zone : 'recipient',
    ranges: ranges.map(([from, to]) => ({ weekdays: EVERY_DAY, from: from!, to: to! })),
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** The time on a wall of that zone, `HH:MM`; not by the product's own arithmetic. */
export function wallTime(epochMs: number, zone: string): string {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    formats.set(zone, format)
  }
  return format.format(epochMs)
}
