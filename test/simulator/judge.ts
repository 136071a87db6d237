import type { CallRequest } from '../../src/carriers/carrier.ts'
import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import type { CallingWindow } from '../../src/model/calling-window.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import type { IdCipher, IdParts } from '../../src/model/id-cipher.ts'
import { attemptKey, type LiveRow, personKey, type Tables } from './memory-rows.ts'
import type { GoesOn, ProviderCall } from './provider.ts'
import { differences } from './recount.ts'
import { wallTime } from './scenario.ts'
import type { VirtualWorld } from './virtual-world.ts'

export type Invariant = `I${number}`

export interface Violation {
  readonly invariant: Invariant
  /** Whom or what it is about; see {@link VirtualWorld.history}. */
  readonly about: string
  readonly what: string
}

/** Everything about one attempt that the outside saw. */
export interface Attempt {
  readonly ref: string
  readonly parts: IdParts
  readonly number: string
  readonly writtenAtMs: number[]
  readonly calls: ProviderCall[]
  stalled: boolean
  writtenBy: string | null
  /** An end of it was delivered, and we said that it is durable. */
  endAcknowledged: boolean
}

const UNKNOWN = codeOfOutcome('unknown')
const RECOUNT_EVERY = 12

/** What a number of a batch was answered about it: no call may start after these. */
interface Promised {
  readonly stoppedBatches: Map<string, number>
  readonly suppressedNumbers: Map<string, number>
}

/** Watches the outside and each commit. What it says depends on nothing that the product believes. */
export class Judge {
  readonly violations: Violation[] = []
  readonly attempts = new Map<string, Attempt>()
  readonly #world: VirtualWorld
  readonly #ids: IdCipher
  readonly #peek: (organizationId: number) => Tables | null
  readonly #promised: Promised = { stoppedBatches: new Map(), suppressedNumbers: new Map() }
  readonly #windows = new Map<string, { window: CallingWindow; zone: string; ringMs: number }>()
  readonly #terms = new Map<string, { caller: string; notBefore: number }>()
  readonly #rows = new Map<number, Map<string, LiveRow>>()
  readonly #ended = new Map<number, Map<string, number>>()
  readonly #tokens = new Map<string, { tokens: number; atMs: number }>()
  readonly #lifts = new Map<string, number>()
  #commits = 0

  constructor(world: VirtualWorld, ids: IdCipher, peek: (organizationId: number) => Tables | null) {
    this.#world = world
    this.#ids = ids
    this.#peek = peek
  }

  accuse(invariant: Invariant, about: string, what: string): void {
    this.violations.push({ invariant, about, what })
    this.#world.note(about, `VIOLATION of ${invariant}: ${what}`)
  }

  /** The batch's window, as it is known to whoever watches the clock on the wall. */
  expectWindow(key: string, expected: { window: CallingWindow; zone: string; ringMs: number } | null): void {
    if (expected) this.#windows.set(key, expected)
    else this.#windows.delete(key)
  }

  expectTerms(key: string, expected: { caller: string; notBefore: number }): void {
    this.#terms.set(key, expected)
  }

  /** A stop was committed. What comes back tells whether it still holds by the time it is answered. */
  stopCommitted(batchKey: string): () => boolean {
    const lifts = this.#lifts.get(batchKey)
    return () => this.#lifts.get(batchKey) === lifts
  }

  stopAnswered(batchKey: string): void {
    this.#promised.stoppedBatches.set(batchKey, this.#world.nowMs)
  }

  stopLifted(batchKey: string): void {
    this.#lifts.set(batchKey, (this.#lifts.get(batchKey) ?? 0) + 1)
    this.#promised.stoppedBatches.delete(batchKey)
  }

  suppressionAnswered(organizationId: number, number: number): void {
    this.#promised.suppressedNumbers.set(`${organizationId}/+${number}`, this.#world.nowMs)
  }

  /** A create-call request left a node. */
  written(request: CallRequest, by: { organizationId: number; node: string; stalled: boolean }): void {
    const { ref } = request
    const attempt = this.attempt(ref, request.to)
    attempt.writtenAtMs.push(this.#world.nowMs)
    attempt.stalled ||= by.stalled
    attempt.writtenBy ??= by.node
    this.#world.note(ref, `create-call for ${request.to} written by ${by.node}${by.stalled ? ', late' : ''}`)
    const { organizationId, batchId } = attempt.parts
    if (attempt.writtenAtMs.length > 1) this.accuse('I1', ref, 'a second create-call request for one attempt')
    if (organizationId !== by.organizationId) this.accuse('I13', ref, 'dialled by a trunk of another organization')
    // The one gap that is left: a process stopped between its last look at the clock and the write.
    if (by.stalled) return
    this.#judgeIntent(attempt)
    const batchKey = `${organizationId}/${batchId}`
    if (this.#promised.stoppedBatches.has(batchKey)) this.accuse('I8', ref, 'sent after a stop was answered')
    if (this.#promised.suppressedNumbers.has(`${organizationId}/${request.to}`)) {
      this.accuse('I8', ref, 'sent after the suppression of its number was answered')
    }
    this.#judgeWindow(attempt, batchKey)
    this.#judgeTerms(attempt, request)
  }

  callBegan(call: ProviderCall): void {
    const attempt = this.attempt(call.ref, call.to)
    attempt.calls.push(call)
    this.#world.note(call.ref, `call ${call.callId} exists`)
    if (attempt.calls.length > 1) this.accuse('I1', call.ref, 'a second call for one attempt')
    for (const other of this.attempts.values()) {
      if (other === attempt || !other.calls.some(({ live }) => live)) continue
      if (other.parts.organizationId !== attempt.parts.organizationId || other.number !== attempt.number) continue
      if (this.#isUnknown(other) || this.#isUnknown(attempt)) continue
      this.accuse('I2', call.ref, `overlaps call ${other.calls[0]!.callId} to the same number`)
    }
  }

  /** A call that somebody asked to end, or of which its row says how it is ended, still lives after every node had its time. */
  neverEnded({ ref }: ProviderCall, why: GoesOn): void {
    const row = this.#rowOf(this.attempt(ref))
    if (why === 'hang-up-asked' && row) this.accuse('I8', ref, 'goes on although somebody asked to end it')
    if (why === 'node-gone' && row?.carrierState) this.accuse('I12', ref, 'goes on although its node is gone')
  }

  #rowOf({ parts }: Attempt): LiveRow | undefined {
    const { batchId, seq, n } = parts
    const live = this.#peek(parts.organizationId)?.live.values() ?? []
    return [...live].find((one) => one.batchId === batchId && one.seq === seq && one.n === n)
  }

  callEnded(call: ProviderCall): void {
    this.#world.note(call.ref, `call ${call.callId} ended ${call.endedAs}`)
  }

  attempt(ref: string, number = ''): Attempt {
    let attempt = this.attempts.get(ref)
    if (!attempt) {
      const parts = this.#ids.decode(ref)
      if (!parts) throw new Error(`${ref} is no reference`)
      attempt = {
        ref,
        parts,
        number,
        writtenAtMs: [],
        calls: [],
        stalled: false,
        writtenBy: null,
        endAcknowledged: false,
      }
      this.attempts.set(ref, attempt)
    }
    return attempt
  }

  /** In memory, at each commit. */
  committed(tables: Tables): void {
    const { organizationId } = tables
    const before = this.#rows.get(organizationId) ?? new Map<string, LiveRow>()
    const born: LiveRow[] = []
    for (const [hash, row] of tables.live) {
      const was = before.get(hash)
      const sameAttempt = was && was.batchId === row.batchId && was.seq === row.seq && was.n === row.n
      if (!sameAttempt) born.push(row)
      else if (row.state < was.state) this.#accuseRow(tables, row, 'I6', `went back from state ${was.state}`)
    }
    this.#rows.set(organizationId, new Map(tables.live))
    this.#judgeClaims(
      tables,
      born.filter(({ state }) => state === 1),
    )
    this.#judgeFinals(tables)
    this.#judgeCalls(tables)
    this.#cover(tables)
    if (this.#commits++ % RECOUNT_EVERY === 0) this.recount(tables)
  }

  recount(tables: Tables): void {
    for (const difference of differences(tables)) this.accuse('I14', `${tables.organizationId}/`, difference)
  }

  #judgeIntent(attempt: Attempt): void {
    if (!this.#peek(attempt.parts.organizationId)) return
    if (!this.#rowOf(attempt)) this.accuse('I5', attempt.ref, 'sent without a committed intent that lives')
  }

  #judgeWindow({ ref, parts }: Attempt, batchKey: string): void {
    const expected = this.#windows.get(batchKey)
    if (!expected) return
    const { window, zone, ringMs } = expected
    for (const atMs of [this.#world.nowEpochMs, this.#world.nowEpochMs + ringMs - 1]) {
      const time = wallTime(atMs, zone)
      if (window.ranges.some(({ from, to }) => isWithin(time, from, to))) continue
      this.accuse('I8', ref, `may ring at ${time}, outside the window of batch ${parts.batchId}`)
      return
    }
  }

  /** What this person has of their own. */
  #judgeTerms({ ref, parts }: Attempt, { from }: CallRequest): void {
    const expected = this.#terms.get(`${parts.organizationId}/${personKey(parts.batchId, parts.seq)}`)!
    if (from !== expected.caller) this.accuse('I8', ref, `called from ${from} instead of ${expected.caller}`)
    if (this.#world.nowEpochMs < expected.notBefore) this.accuse('I8', ref, 'called before its time')
  }

  #isUnknown({ parts }: Attempt): boolean {
    const tables = this.#peek(parts.organizationId)
    if (!tables) return true
    const row = tables.attempts.get(attemptKey(parts.batchId, parts.seq, parts.n))
    return row?.disposition === UNKNOWN
  }

  #judgeClaims(tables: Tables, born: readonly LiveRow[]): void {
    if (born.length === 0) return
    const { organizationId } = tables
    const gate = tables.gate.get(0)!
    if (tables.live.size > gate.liveMax)
      this.#accuseRow(tables, born[0]!, 'I7', `makes ${tables.live.size} calls of ${gate.liveMax} at once`)
    for (const row of born) {
      const batch = tables.batches.get(row.batchId)!
      const trunk = tables.trunks.get(row.trunkId)!
      const of = (holds: (one: LiveRow) => boolean) => [...tables.live.values()].filter(holds).length
      const inBatch = of(({ batchId }) => batchId === row.batchId)
      const onTrunk = of(({ trunkId }) => trunkId === row.trunkId)
      if (inBatch > batch.liveMax)
        this.#accuseRow(tables, row, 'I7', `makes ${inBatch} calls of the batch's ${batch.liveMax}`)
      if (onTrunk > trunk.liveMax)
        this.#accuseRow(tables, row, 'I7', `makes ${onTrunk} calls of the trunk's ${trunk.liveMax}`)
      if (batch.status !== BATCH_STATUS_CODE.running)
        this.#accuseRow(tables, row, 'I8', 'claimed although the batch does not run')
      if (batch.expiresAt !== null && batch.expiresAt <= row.claimedAt)
        this.#accuseRow(tables, row, 'I8', 'claimed after the expiry')
      const { number } = tables.recipients.get(personKey(row.batchId, row.seq))!
      if (tables.suppressions.has(`${row.numberHash}:${number}`))
        this.#accuseRow(tables, row, 'I8', 'claimed although suppressed')
      this.#spendToken(tables, row, `${organizationId}/${row.trunkId}`, trunk.callsPerSecond)
    }
  }

  #spendToken(tables: Tables, row: LiveRow, key: string, callsPerSecond: number): void {
    const depth = Math.max(1, callsPerSecond * 0.01)
    const bucket = this.#tokens.get(key) ?? { tokens: depth, atMs: row.claimedAt }
    const filled = Math.min(depth, bucket.tokens + (callsPerSecond * (row.claimedAt - bucket.atMs)) / 1000)
    this.#tokens.set(key, { tokens: filled - 1, atMs: row.claimedAt })
    if (filled - 1 < -1e-5) this.#accuseRow(tables, row, 'I7', `exceeds ${callsPerSecond} calls per second`)
  }

  /** First final wins; only `unknown` is ever replaced. */
  #judgeFinals(tables: Tables): void {
    const before = this.#ended.get(tables.organizationId) ?? new Map<string, number>()
    for (const [key, { disposition }] of tables.attempts) {
      const was = before.get(key)
      if (was !== undefined && was !== disposition && was !== UNKNOWN) {
        this.accuse('I6', `${tables.organizationId}/${key}`, `ended ${was} and then ${disposition}`)
      }
      before.set(key, disposition)
    }
    this.#ended.set(tables.organizationId, before)
  }

  /** No call exists without a row, unless its attempt is unknown. */
  #judgeCalls(tables: Tables): void {
    for (const attempt of this.attempts.values()) {
      const { organizationId, batchId, seq, n } = attempt.parts
      if (organizationId !== tables.organizationId || !attempt.calls.some(({ live }) => live)) continue
      const recipient = tables.recipients.get(personKey(batchId, seq))!
      const row = tables.live.get(recipient.numberHash)
      if (row && row.batchId === batchId && row.seq === seq && row.n === n) continue
      const ended = tables.attempts.get(attemptKey(batchId, seq, n))
      if (ended?.disposition === UNKNOWN) continue
      this.accuse(
        'I12',
        attempt.ref,
        `its call lives, but its attempt ${ended ? `ended ${ended.disposition}` : 'does not exist'}`,
      )
    }
  }

  #cover({ due, trunks }: Tables): void {
    const { coverage } = this.#world
    for (const { reason } of due.values()) {
      if (reason === 2) coverage.hit('number-in-call')
      if (reason === 5) coverage.hit('chained')
      if (reason === 1) coverage.hit('retried')
    }
    for (const { blockedUntil } of trunks.values()) if (blockedUntil !== null) coverage.hit('breaker-opened')
  }

  #accuseRow(tables: Tables, row: LiveRow, invariant: Invariant, what: string): void {
    this.accuse(invariant, `${tables.organizationId}/${attemptKey(row.batchId, row.seq, row.n)}`, what)
  }
}

function isWithin(time: string, from: string, to: string): boolean {
  return from < to ? time >= from && time < to : time >= from || time < to
}
