import { CallFigures } from './call-figures.ts'
import type { RowsAhead } from './dispatch-store.ts'
import { type EndedCall, endRows } from './end-calls.ts'
import type { Gate } from './gate.ts'
import type { ProgressColumns } from './progress-calls.ts'
import type { RowPlace } from './row-place.ts'
import { type Queryable, run } from './statement.ts'

const NONE: ReadonlySet<EndedCall> = new Set()

/**
 * Writes calls in one transaction, in two steps: their rows, which is most of the work and needs no gate, and under the gate what
 * follows for figures and people. See docs/decisions/0023.
 *
 * `track` gets every statement that is sent.
 */
export class CallWriter {
  readonly #client: Queryable
  readonly #organizationId: number
  readonly #track: <T>(answer: Promise<T>) => Promise<T>
  #endedAhead: ReadonlySet<EndedCall> = NONE
  #progressAhead: { readonly progress: ProgressColumns; readonly rows: Promise<unknown[][]> } | null = null
  /** Of calls whose rows are written; null: nothing follows that was not sent. */
  #figures: CallFigures | null = null

  constructor(client: Queryable, organizationId: number, track: <T>(answer: Promise<T>) => Promise<T>) {
    this.#client = client
    this.#organizationId = organizationId
    this.#track = track
  }

  /** Rows of calls were written whose figures are missing. */
  get isUncounted(): boolean {
    return this.#figures !== null || this.#endedAhead.size > 0 || this.#progressAhead !== null
  }

  /** Writes rows before the gate is there. */
  writeAhead({ ended, progress }: RowsAhead): void {
    this.#endedAhead = new Set(ended)
    if (ended.length > 0) this.#endRows(ended)
    if (progress) this.#progressAhead = { progress, rows: this.#progressRows(progress) }
  }

  async end(calls: readonly EndedCall[]): Promise<void> {
    this.#figures ??= new CallFigures()
    this.#figures.addEnds(calls)
    const ahead = this.#endedAhead
    this.#endedAhead = NONE
    const rest = ahead.size > 0 ? calls.filter((call) => !ahead.has(call)) : calls
    if (rest.length > 0) await this.#endRows(rest)
  }

  async progress(progress: ProgressColumns): Promise<readonly RowPlace[]> {
    this.#figures ??= new CallFigures()
    this.#figures.addProgress(progress)
    const ahead = this.#progressAhead?.progress === progress ? this.#progressAhead : null
    if (ahead) this.#progressAhead = null
    return progress.places(await (ahead ? ahead.rows : this.#progressRows(progress)))
  }

  async count(gate: Gate): Promise<void> {
    const figures = this.#figures
    this.#figures = null
    if (figures) await this.#track(run(this.#client, figures.statement(gate)))
  }

  #endRows(calls: readonly EndedCall[]): Promise<unknown> {
    return this.#track(run(this.#client, endRows(this.#organizationId, calls)))
  }

  #progressRows(progress: ProgressColumns): Promise<unknown[][]> {
    return this.#track(run(this.#client, progress.rows(this.#organizationId)))
  }
}
