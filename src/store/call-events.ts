import type { AttemptKey } from '../model/attempt-key.ts'
import { codeOfStatus } from '../model/attempt-transitions.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { int2Array, int4Array, itself } from './binary-array.ts'

const ACCEPTED = codeOfStatus('accepted')
const RINGING = codeOfStatus('ringing')
const ANSWERED = codeOfStatus('answered')

/** How far a live call had come by its row, and what is known of its steps; -1: not known. */
export interface CallSteps extends AttemptKey {
  readonly claimedAtEpochMs: number
  /** The state its row has. */
  readonly savedState: number
  readonly acceptedMs: number
  readonly ringingMs: number
  readonly answeredMs: number
}

/**
 * The events of calls that a statement is about to write, column by column. They are as true as the statement is
 * all-or-nothing: it is sent with them, and leaves nothing when one of its calls is not as the caller believes.
 */
export class CallEvents {
  readonly #calls: CallSteps[] = []
  readonly #kinds: number[] = []
  readonly #codes: number[] = []
  /** Since the claim of the call. */
  readonly #ms: number[] = []

  /** One event, `ms` milliseconds after the claim of its call. */
  add(call: CallSteps, { kind, code, ms }: { kind: number; code: number; ms: number }): void {
    this.#calls.push(call)
    this.#kinds.push(kind)
    this.#codes.push(code)
    this.#ms.push(ms)
  }

  append(events: CallEvents): void {
    events.#calls.forEach((call, index) => {
      this.add(call, { kind: events.#kinds[index]!, code: events.#codes[index]!, ms: events.#ms[index]! })
    })
  }

  /** One event for each step above the row's state, up to `reached`. */
  addSteps(call: CallSteps, reached: number): void {
    if (call.savedState < ACCEPTED && reached >= ACCEPTED)
      this.#addStep(call, EVENT_KINDS['attempt-accepted'], call.acceptedMs)
    if (call.savedState < RINGING && reached >= RINGING)
      this.#addStep(call, EVENT_KINDS['attempt-ringing'], call.ringingMs)
    if (call.savedState < ANSWERED && reached >= ANSWERED)
      this.#addStep(call, EVENT_KINDS['attempt-answered'], call.answeredMs)
  }

  /** The columns of an event block but for the last, as parameters. */
  columns(): Buffer[] {
    return [
      int4Array(this.#calls, (call) => call.batchId),
      int4Array(this.#calls, (call) => call.seq),
      int2Array(this.#calls, (call) => call.n),
      int2Array(this.#kinds, itself),
      int2Array(this.#codes, itself),
    ]
  }

  /** The last column: milliseconds since the block's instant, which only the gate tells. */
  times(nowEpochMs: number): Buffer {
    const now = Math.round(nowEpochMs)
    let index = 0
    return int4Array(this.#calls, (call) => Math.round(call.claimedAtEpochMs) + this.#ms[index++]! - now)
  }

  #addStep(call: CallSteps, kind: number, ms: number): void {
    if (ms >= 0) this.add(call, { kind, code: 0, ms })
  }
}
