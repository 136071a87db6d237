import { NumberLines } from '../csv/number-lines.ts'
import type { Cause } from '../model/cause.ts'
import { hashNumbers } from '../model/id-cipher.ts'
import { type CallPolicy, type CallRefusal, mayBeCalled } from '../model/phone-number.ts'
import { copyStaged, deleteStaged, STAGED_AT_ONCE, sweepStaged, takeUploadId } from '../store/staged-recipients.ts'
import { StagedSlice } from '../store/staged-slice.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { type ImportVerdict, LaneBook, type LaneRoute } from './lane-book.ts'

/** A recipient as it comes out of a file or a posted list, with a well-formed number. */
export interface RecipientDraft {
  readonly line: number
  readonly digits: number
  /** JSON texts. */
  readonly variables: string | null
  readonly metadata: string | null
  readonly dialectFields: string | null
  /** Only when it lies in the future. */
  readonly notBefore: Date | null
  readonly zones: readonly string[]
  /** Shaped like a number and none. */
  readonly invalid: boolean
  /** Whether its number stood in the list before; left out where nobody has looked yet. */
  readonly repeated?: boolean
  /** Null: the batch's own way. */
  readonly route: RecipientRoute | null
}

/** A way of its own to call a recipient, and who may be called that way. */
export interface RecipientRoute extends LaneRoute {
  readonly takesAnyNumber: boolean
  /** Recipients have no number. */
  readonly isJoined: boolean
  readonly policy: CallPolicy | null
}

/** Who may be called in this batch. */
export interface StageRules {
  readonly duplicateNumbers: 'skip' | 'call'
  /** Null: it calls nobody itself. */
  readonly callerDigits: number | null
  /** Null: no real telephone rings, so everything goes. */
  readonly policy: CallPolicy | null
}

const CAUSE_OF_REFUSAL = {
  'short-code': 'short-code',
  premium: 'premium-number',
  'shared-cost': 'premium-number',
  satellite: 'satellite-number',
  'country-not-allowed': 'country-not-allowed',
  'range-not-allowed': 'number-range-not-allowed',
} as const satisfies Record<CallRefusal['reason'], Cause>

/**
 * Takes recipients one by one, decides on each, gives it its place and carries them to the database in slices, while
 * the next slice fills. Memory holds two slices and 12 to 24 bytes for each different number.
 */
export class RecipientStage {
  readonly book = new LaneBook()
  readonly #context: CommandContext
  readonly #actor: Actor
  readonly #rules: StageRules
  readonly #uploadId: string
  readonly #seen = new NumberLines()
  #slice: StagedSlice
  #copying: Promise<void> = Promise.resolve()
  #dueCount = 0
  #chained = false

  private constructor(context: CommandContext, actor: Actor, options: { rules: StageRules; uploadId: string }) {
    this.#context = context
    this.#actor = actor
    this.#rules = options.rules
    this.#uploadId = options.uploadId
    this.#slice = new StagedSlice(this.upload)
  }

  static async open(context: CommandContext, actor: Actor, rules: StageRules): Promise<RecipientStage> {
    const uploadId = await inOrganization(context, actor, async (client) => {
      if (isTimeToSweep(context)) await sweepStaged(client)
      return takeUploadId(client)
    })
    return new RecipientStage(context, actor, { rules, uploadId })
  }

  get upload(): { readonly organizationId: number; readonly uploadId: string } {
    return { organizationId: this.#actor.organizationId, uploadId: this.#uploadId }
  }

  /** How many have a not-before of their own. */
  get dueCount(): number {
    return this.#dueCount
  }

  /** Whether some wait behind the same number. */
  get chained(): boolean {
    return this.#chained
  }

  /** True when a slice is full: call {@link flush} before adding many more. */
  get full(): boolean {
    return this.#slice.length >= STAGED_AT_ONCE
  }

  add(draft: RecipientDraft): void {
    const { line, digits, variables, metadata, dialectFields } = draft
    const verdict = this.#verdictOn(draft)
    const { lane, position } = verdict === null ? this.#placeOf(draft) : this.book.placeFinal(verdict)
    // Who is final never enters `due`, whatever the not-before says.
    const notBefore = verdict === null ? draft.notBefore : null
    this.#slice.add({ lane, position, line, digits, variables, metadata, dialectFields, notBefore })
  }

  /** Sends the slice off once the one before has arrived. Rejects with the fault of the one before. */
  async flush(): Promise<void> {
    await this.#copying
    const slice = this.#slice
    if (slice.length === 0) return
    this.#slice = new StagedSlice(this.upload)
    this.#copying = this.#copy(slice)
    // The fault is met at the next flush; until then nobody waits for it.
    this.#copying.catch(() => undefined)
  }

  /** Resolves when everything has arrived. */
  async finish(): Promise<void> {
    await this.flush()
    await this.#copying
  }

  /** Removes what was staged; what fails here is swept up later. */
  async discard(): Promise<void> {
    await this.#copying.catch(() => undefined)
    await inOrganization(this.#context, this.#actor, (client) => deleteStaged(client, this.upload)).catch(
      () => undefined,
    )
  }

  #placeOf(draft: RecipientDraft): { lane: number; position: number } {
    if (draft.notBefore !== null) {
      this.#dueCount += 1
      return this.book.place(draft.zones, true, draft.route)
    }
    if (this.#rules.duplicateNumbers === 'skip') return this.book.place(draft.zones, false, draft.route)
    const held = this.#isRepeated(draft)
    if (held) this.#chained = true
    return this.book.place(draft.zones, held, draft.route)
  }

  #verdictOn(draft: RecipientDraft): ImportVerdict | null {
    if (draft.invalid) return { outcome: 'invalid-number', cause: 'number-not-valid' }
    const { callerDigits, policy } = draft.route ?? this.#rules
    if (draft.digits === callerDigits) return { outcome: 'not-allowed', cause: 'own-number' }
    const allowed = policy === null ? null : mayBeCalled(draft.digits, policy)
    if (allowed !== null && !allowed.ok) return { outcome: 'not-allowed', cause: CAUSE_OF_REFUSAL[allowed.reason] }
    if (this.#rules.duplicateNumbers === 'skip' && this.#isRepeated(draft)) {
      return { outcome: 'duplicate', cause: 'number-repeated' }
    }
    return null
  }

  /** Asked only of those who may be called, so the first of a number is never held up by one who may not. */
  #isRepeated({ digits, line, repeated }: RecipientDraft): boolean {
    return repeated ?? this.#seen.firstLine(digits, line) !== 0
  }

  #copy(slice: StagedSlice): Promise<void> {
    const key = this.#context.secrets.numberHashKey(this.#actor.organizationId)
    const bytes = slice.finish(hashNumbers(key, slice.digits))
    return inOrganization(this.#context, this.#actor, (client) => copyStaged(client, bytes))
  }
}

const SWEEP_EVERY_MS = 3_600_000
/** When each server last swept up what uploads of dead nodes have left, by its monotonic clock. */
const sweptAtMs = new WeakMap<CommandContext, number>()

function isTimeToSweep(context: CommandContext): boolean {
  const nowMs = context.clock.monotonicMs()
  if (nowMs - (sweptAtMs.get(context) ?? Number.NEGATIVE_INFINITY) < SWEEP_EVERY_MS) return false
  sweptAtMs.set(context, nowMs)
  return true
}
