import type { Clock } from '../../clock.ts'
import { decodeCallId, encodeCallId, planThatFits } from './call-id.ts'
import { Schedule } from './schedule.ts'
import { type CallPlan, courseHungUpAt, courseOf, type Happening } from './story.ts'
import type { NetworkReport } from './wire.ts'

/** A call that is over stays known to look-ups for this long, unless it is forgotten earlier. */
const KEEP_ENDED_CALLS_MS = 10 * 60_000

/** What is dialled: the plan without the network's speed, and the words. */
export interface Dial {
  readonly ref: string
  readonly to: string
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly speech: { readonly text: string; readonly waitForKeySeconds: number }
}

/** A call in the simulated network. */
export interface SimulatedCall {
  readonly id: string
  readonly ref: string
  readonly plan: CallPlan
  readonly placedAtEpochMs: number
  /** Null when the call was taken over by its id: the words were in the memory of the process that placed it. */
  readonly text: string | null
}

interface Entry extends SimulatedCall {
  readonly placedAtMonotonicMs: number
  course: readonly Happening[]
  /** How many happenings of the course have been told. */
  told: number
}

/** What is known of a call that is taken over. */
export interface Past {
  /** How many of its happenings have been told. */
  readonly told?: number
  readonly hungUpAtEpochMs?: number
}

export interface NetworkOptions {
  readonly clock: Clock
  readonly speed: number
  readonly keepEndedCallsMs?: number
  /** Told of every happening of every call, in order for one call, never before its instant. */
  readonly tell: (call: SimulatedCall, report: NetworkReport) => void
}

/**
 * The simulated telephone network: it rings, answers and ends calls as their stories say. It knows nothing of
 * lost answers, lost callbacks or refusals; whoever speaks for it (in-process or over HTTP) leaves those out.
 */
export class SimulatedNetwork {
  readonly #clock: Clock
  readonly #speed: number
  readonly #keepEndedCallsMs: number
  readonly #tell: (call: SimulatedCall, report: NetworkReport) => void
  readonly #schedule: Schedule<Entry>
  readonly #byId = new Map<string, Entry>()
  readonly #byRef = new Map<string, Entry[]>()
  /** Ended calls with the instant of their end, oldest first: a Map keeps the order of insertion. */
  readonly #ended = new Map<Entry, number>()
  #ties = 0

  constructor({ clock, speed, keepEndedCallsMs, tell }: NetworkOptions) {
    this.#clock = clock
    this.#speed = speed
    this.#keepEndedCallsMs = keepEndedCallsMs ?? KEEP_ENDED_CALLS_MS
    this.#tell = tell
    this.#schedule = new Schedule(clock, (entry) => this.#advance(entry))
  }

  /** Calls that are not over. */
  get liveCalls(): number {
    return this.#byId.size - this.#ended.size
  }

  /** Takes a call. Its first happening is told later, never before this returns. */
  place(dial: Dial): SimulatedCall {
    this.#forgetOldCalls()
    const plan = planThatFits({
      to: dial.to,
      ringTimeoutSeconds: dial.ringTimeoutSeconds,
      maxCallSeconds: dial.maxCallSeconds,
      textLength: dial.speech.text.length,
      waitForKeySeconds: dial.speech.waitForKeySeconds,
      speed: this.#speed,
    })
    const placedAtEpochMs = Math.floor(this.#clock.nowEpochMs())
    const id = encodeCallId({ placedAtEpochMs, plan, tie: this.#ties++ })
    const entry = this.#remember({ id, ref: dial.ref, plan, placedAtEpochMs, text: dial.speech.text }, 0)
    this.#scheduleNext(entry)
    return entry
  }

  /**
   * Takes over a call that another process placed, known by its id; null when the id is not one of ours. What has
   * happened by now is not told, unless `past` says that less was told. Returns the known call if there is one.
   */
  takeOver(id: string, ref: string, past: Past = {}): SimulatedCall | null {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const fields = decodeCallId(id)
    if (fields === null) return null
    const { plan, placedAtEpochMs } = fields
    const elapsedMs = this.#clock.nowEpochMs() - placedAtEpochMs
    const entry = this.#remember({ id, ref, plan, placedAtEpochMs, text: null }, elapsedMs)
    if (past.hungUpAtEpochMs !== undefined) {
      entry.course = courseHungUpAt(plan, entry.course, past.hungUpAtEpochMs - placedAtEpochMs)
    }
    entry.told = past.told ?? entry.course.filter((happening) => happening.afterMs <= elapsedMs).length
    if (entry.told === entry.course.length) this.#ended.set(entry, this.#clock.monotonicMs())
    this.#scheduleNext(entry)
    return entry
  }

  byId(id: string): SimulatedCall | undefined {
    return this.#byId.get(id)
  }

  /** All calls placed under a reference, the first one first. */
  byRef(ref: string): readonly SimulatedCall[] {
    return this.#byRef.get(ref) ?? []
  }

  /** Ends a call now; its end is told soon. Nothing happens when it is over or not known here. */
  hangUp(call: SimulatedCall): void {
    const entry = this.#byId.get(call.id)
    if (entry === undefined || this.#ended.has(entry)) return
    entry.course = courseHungUpAt(entry.plan, entry.course, this.#elapsedMs(entry))
    this.#scheduleNext(entry)
  }

  /** All that has happened to a call by now, oldest first. */
  reportsOf(call: SimulatedCall): NetworkReport[] {
    const entry = this.#byId.get(call.id)
    if (entry === undefined)
      return reportsUntil(call, courseOf(call.plan), this.#clock.nowEpochMs() - call.placedAtEpochMs)
    return reportsUntil(entry, entry.course, this.#elapsedMs(entry))
  }

  /** Drops a call from memory; if it is not over, nothing more is told of it. */
  forget(call: SimulatedCall): void {
    const entry = this.#byId.get(call.id)
    if (entry === undefined) return
    this.#byId.delete(entry.id)
    this.#ended.delete(entry)
    const others = this.byRef(entry.ref).filter((other) => other !== entry) as Entry[]
    if (others.length === 0) this.#byRef.delete(entry.ref)
    else this.#byRef.set(entry.ref, others)
  }

  /**
   * Nothing is told any more, but that a call was accepted, which is on its way at that moment. The calls go on: their
   * ids say how, to whoever was told them.
   */
  close(): void {
    this.#schedule.close()
    for (const entry of this.#byId.values()) {
      const [first] = entry.course
      if (entry.told > 0 || first?.kind !== 'accepted') continue
      entry.told++
      this.#tell(entry, reportOf(entry, first))
    }
  }

  #remember(call: SimulatedCall, elapsedMs: number): Entry {
    const placedAtMonotonicMs = this.#clock.monotonicMs() - elapsedMs
    const entry: Entry = { ...call, placedAtMonotonicMs, course: courseOf(call.plan), told: 0 }
    this.#byId.set(entry.id, entry)
    const others = this.#byRef.get(entry.ref)
    if (others === undefined) this.#byRef.set(entry.ref, [entry])
    else others.push(entry)
    return entry
  }

  #scheduleNext(entry: Entry): void {
    const next = entry.course[entry.told]
    if (next !== undefined) this.#schedule.add(entry.placedAtMonotonicMs + next.afterMs, entry)
  }

  /** Tells what is due. A call that was hung up or forgotten may come here with nothing to tell. */
  #advance(entry: Entry): void {
    const next = entry.course[entry.told]
    if (next === undefined || this.#byId.get(entry.id) !== entry) return
    if (entry.placedAtMonotonicMs + next.afterMs > this.#clock.monotonicMs()) return
    entry.told++
    if (next.kind === 'ended') this.#ended.set(entry, this.#clock.monotonicMs())
    this.#scheduleNext(entry)
    this.#tell(entry, reportOf(entry, next))
  }

  #elapsedMs(entry: Entry): number {
    return this.#clock.monotonicMs() - entry.placedAtMonotonicMs
  }

  #forgetOldCalls(): void {
    const before = this.#clock.monotonicMs() - this.#keepEndedCallsMs
    for (const [entry, endedAtMonotonicMs] of this.#ended) {
      if (endedAtMonotonicMs > before) return
      this.forget(entry)
    }
  }
}

function reportsUntil(call: SimulatedCall, course: readonly Happening[], elapsedMs: number): NetworkReport[] {
  return course.filter((happening) => happening.afterMs <= elapsedMs).map((happening) => reportOf(call, happening))
}

function reportOf(call: SimulatedCall, happening: Happening): NetworkReport {
  const atEpochMs = Math.round(call.placedAtEpochMs + happening.afterMs)
  switch (happening.kind) {
    case 'accepted':
    case 'ringing':
      return { kind: happening.kind, atEpochMs }
    case 'answered':
      return { kind: 'answered', atEpochMs, answeredBy: happening.answeredBy }
    case 'ended': {
      const { ending, answeredBy, keysPressed } = happening
      if (answeredBy === undefined) return { kind: 'ended', atEpochMs, ending }
      const spokenText = call.text?.slice(0, happening.spokenCharacters)
      return { kind: 'ended', atEpochMs, ending, answeredBy, spokenText, keysPressed }
    }
  }
}
