import { batchFigures, differences, type RecipientRow, recipientsOf } from './evidence.ts'
import { type CourtRecord, requestsAfter } from './judge.ts'
import type { Mischief } from './mischief.ts'
import { numbersOf, RETRY_POLICY } from './people.ts'
import { Random } from './random.ts'
import { judge } from './verdict.ts'
import { completed, pause, until, World } from './world.ts'

export interface StopsOptions {
  readonly databaseUrl: string
  readonly folder: string
  readonly seed: number
  readonly recipients: number
  readonly concurrency: number
  readonly callsPerSecond: number
  readonly speed: number
  readonly mischief?: Mischief | undefined
}

export interface StopResult {
  readonly name: string
  /** How often calls were stopped. */
  readonly stops: number
  /** How long the answers took that say that no call starts any more. */
  readonly answerMs: readonly number[]
  readonly broken: readonly string[]
}

/** From when until when no call may start, and to whom. */
interface Silence {
  readonly afterEpochMs: number
  readonly untilEpochMs: number
}

interface Trial {
  readonly world: World
  readonly random: Random
  readonly numbers: readonly string[]
  readonly options: StopsOptions
}

interface Stopped {
  readonly batchId: string
  readonly silences: readonly Silence[]
  readonly answerMs: readonly number[]
  /** Whom the silences concern; by default everyone on the list. */
  readonly stoppedNumbers?: ReadonlySet<string>
  /** What else has to hold for the people of the list. */
  readonly check?: (recipients: readonly RecipientRow[], record: CourtRecord) => string[]
}

/** Longer than any intent can be sent after its claim. */
const LONGEST_SEND_MS = 6000
const STOPS = 20
const CLOSED_HOURS_FROM_NOW = 6
const RING_TIMEOUT_SECONDS = 5
const WINDOW_LEAD_MS = 14_000

/** Pause, cancel, a window that closes and a suppression in the middle of a running batch, on several nodes. */
export async function runStops(options: StopsOptions, told: (result: StopResult) => void): Promise<StopResult[]> {
  const random = new Random(options.seed)
  const world = await World.start(options)
  const results: StopResult[] = []
  try {
    for (const [index, [name, run]] of Object.entries(TRIALS).entries()) {
      const numbers = numbersOf(options.recipients, random, index + 1)
      const result = await judged(name, { world, random, numbers, options }, run)
      results.push(result)
      told(result)
    }
    const broken = await differences(world.database, options.databaseUrl)
    if (broken.length > 0) results.push({ name: 'recount', stops: 0, answerMs: [], broken })
  } finally {
    await world.stop()
  }
  return results
}

const TRIALS: Readonly<Record<string, (trial: Trial) => Promise<Stopped>>> = {
  pause: pauseAndResume,
  suppression: suppressTheRest,
  'window edited': closeTheWindow,
  'window closes': letTheWindowClose,
  cancel: cancelInTheMiddle,
}

async function judged(name: string, trial: Trial, run: (trial: Trial) => Promise<Stopped>): Promise<StopResult> {
  const { world, numbers } = trial
  const stopped = await run(trial)
  await until(async () => (await world.liveCalls()) === 0, { what: 'no call lives', withinMs: 120_000 })
  await until(async () => (await batchFigures(world.database, stopped.batchId)).live === 0, {
    what: 'no call lives in the database',
    withinMs: 120_000,
  })
  const whole = await world.courtRecord()
  const all = new Set(numbers)
  const record = {
    ...whole,
    requests: whole.requests.filter(({ to }) => all.has(to)),
    calls: whole.calls.filter(({ to }) => all.has(to)),
  }
  const those = stopped.stoppedNumbers ?? all
  const broken = stopped.silences.flatMap(({ afterEpochMs, untilEpochMs }) =>
    requestsAfter(record, afterEpochMs, { numbers: those, untilEpochMs }).map(
      ({ ref, atEpochMs }) => `the call ${ref} was sent ${Math.round(atEpochMs - afterEpochMs)} ms after the stop`,
    ),
  )
  if (stopped.check) broken.push(...stopped.check(await recipientsOf(world.database, stopped.batchId), record))
  return { name, stops: stopped.silences.length, answerMs: stopped.answerMs, broken }
}

async function pauseAndResume(trial: Trial): Promise<Stopped> {
  const { world, random, numbers } = trial
  const batchId = await world.postBatch(0, { numbers, retryPolicy: RETRY_POLICY })
  const say = (verb: string) => ask(world, random, 'POST', `/batches/${batchId}/${verb}`, {})
  return stopAgainAndAgain(trial, { batchId, stop: () => say('pause'), goOn: () => say('resume') })
}

/** Stops and goes on at many places of the list; in the end everybody must have been called as if nothing had been. */
async function stopAgainAndAgain(
  { world, random, numbers, options }: Trial,
  { batchId, stop, goOn }: { batchId: string; stop: () => Promise<unknown>; goOn: () => Promise<unknown> },
): Promise<Stopped> {
  const silences: Silence[] = []
  const answerMs: number[] = []
  for (let index = 1; index <= STOPS; index++) {
    await untilDialled(world, batchId, (index * numbers.length) / (STOPS + 1))
    const stopped = await answered(stop)
    answerMs.push(stopped.tookMs)
    await pause(index === STOPS ? LONGEST_SEND_MS : random.between(200, 1000))
    silences.push({ afterEpochMs: stopped.atEpochMs, untilEpochMs: Date.now() })
    await goOn()
  }
  await completed(world, batchId)
  const { concurrency, callsPerSecond } = options
  return {
    batchId,
    silences,
    answerMs,
    check: (recipients, record) => [...judge({ record, recipients, dead: [], concurrency, callsPerSecond }).broken],
  }
}

/** Half of the list is put on the suppression list when a third of it is dialled. */
async function suppressTheRest({ world, random, numbers }: Trial): Promise<Stopped> {
  const batchId = await world.postBatch(1, { numbers, retryPolicy: RETRY_POLICY })
  const chosen = random.shuffled(numbers).slice(0, numbers.length / 2)
  await untilDialled(world, batchId, numbers.length / 3)
  const stop = await answered(() => ask(world, random, 'POST', '/suppressions', { numbers: chosen }))
  await completed(world, batchId)
  const stoppedNumbers = new Set(chosen)
  return {
    batchId,
    silences: [{ afterEpochMs: stop.atEpochMs, untilEpochMs: Date.now() }],
    answerMs: [stop.tookMs],
    stoppedNumbers,
    check: (recipients, record) => {
      const dialled = new Set(record.requests.map(({ to }) => to))
      return recipients.flatMap(({ seq, number, outcome }) => {
        const barred = outcome === 'suppressed'
        if (barred && !stoppedNumbers.has(number)) return [`recipient ${seq} ended suppressed and is not on the list`]
        return barred || dialled.has(number) ? [] : [`recipient ${seq} ended ${outcome} and was never dialled`]
      })
    },
  }
}

async function closeTheWindow(trial: Trial): Promise<Stopped> {
  const open = windowAround(Date.now())
  const closed = windowAround(Date.now() + CLOSED_HOURS_FROM_NOW * 3_600_000)
  const { world, random, numbers } = trial
  const batchId = await world.postBatch(1, { numbers, callingWindow: open, retryPolicy: RETRY_POLICY })
  const change = (callingWindow: object) => ask(world, random, 'PATCH', `/batches/${batchId}`, { callingWindow })
  return stopAgainAndAgain(trial, { batchId, stop: () => change(closed), goOn: () => change(open) })
}

/** The list is longer than the time that is left, so calls are under way when nobody may be rung any more. */
async function letTheWindowClose({ world, random, numbers }: Trial): Promise<Stopped> {
  const closesAtEpochMs = Math.ceil((Date.now() + WINDOW_LEAD_MS) / 60_000) * 60_000
  const lastSendEpochMs = closesAtEpochMs - RING_TIMEOUT_SECONDS * 1000
  await pause(lastSendEpochMs - Date.now() - WINDOW_LEAD_MS / 3)
  const batchId = await world.postBatch(1, {
    numbers,
    callingWindow: { zone: 'UTC', ranges: [everyDay('00:00', timeOf(closesAtEpochMs))] },
    ringTimeoutSeconds: RING_TIMEOUT_SECONDS,
  })
  await pause(closesAtEpochMs + LONGEST_SEND_MS - Date.now())
  const { attempts } = await batchFigures(world.database, batchId)
  await ask(world, random, 'POST', `/batches/${batchId}/cancel`, {})
  return {
    batchId,
    silences: [{ afterEpochMs: lastSendEpochMs, untilEpochMs: Date.now() }],
    answerMs: [],
    check: () => (attempts > 0 ? [] : ['nobody was dialled before the window closed: nothing was tried']),
  }
}

async function cancelInTheMiddle({ world, random, numbers }: Trial): Promise<Stopped> {
  const batchId = await world.postBatch(0, { numbers, retryPolicy: RETRY_POLICY })
  await untilDialled(world, batchId, numbers.length / 3)
  const stop = await answered(() => ask(world, random, 'POST', `/batches/${batchId}/cancel`, {}))
  await pause(LONGEST_SEND_MS)
  return {
    batchId,
    silences: [{ afterEpochMs: stop.atEpochMs, untilEpochMs: Date.now() }],
    answerMs: [stop.tookMs],
    check: (recipients) => {
      const open = recipients.filter(({ outcome }) => outcome === null)
      const cancelled = recipients.some(({ outcome }) => outcome === 'cancelled')
      return [
        ...open.map(({ seq }) => `recipient ${seq} of the cancelled batch has no outcome`),
        ...(cancelled ? [] : ['nobody ended cancelled: nothing was tried']),
      ]
    },
  }
}

function ask(
  world: World,
  random: Random,
  ...request: [method: string, route: string, body: unknown]
): Promise<unknown> {
  return world.ask(random.below(world.nodeCount), ...request)
}

async function answered(request: () => Promise<unknown>): Promise<{ atEpochMs: number; tookMs: number }> {
  const askedAtMs = performance.now()
  await request()
  return { atEpochMs: Date.now(), tookMs: Math.round(performance.now() - askedAtMs) }
}

function untilDialled(world: World, batchId: string, attempts: number): Promise<void> {
  return until(async () => (await batchFigures(world.database, batchId)).attempts >= attempts, {
    what: `${Math.ceil(attempts)} dials`,
    everyMs: 20,
    withinMs: 120_000,
  })
}

/** Open from an hour before the instant until an hour after it, in UTC; over midnight when it must be. */
function windowAround(epochMs: number): object {
  return { zone: 'UTC', ranges: [everyDay(timeOf(epochMs - 3_600_000), timeOf(epochMs + 3_600_000))] }
}

function everyDay(from: string, to: string): object {
  return { weekdays: [1, 2, 3, 4, 5, 6, 7], from, to: to === '00:00' ? '24:00' : to }
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(11, 16)
}
