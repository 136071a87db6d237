import type { RowsAhead } from './dispatch-store.ts'
import { type EndedCall, endFigures, endRows } from './end-calls.ts'
import type { Gate } from './gate.ts'
import type { ProgressColumns } from './progress-calls.ts'
import type { RowPlace } from './row-place.ts'
import { type Queryable, run } from './statement.ts'

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
  #endedAhead: ReadonlySet<EndedCall> = new Set()
  #progressAhead: { readonly progress: ProgressColumns; readonly rows: Promise<unknown[][]> } | null = null

  constructor(client: Queryable, organizationId: number, track: <T>(answer: Promise<T>) => Promise<T>) {
    this.#client = client
    this.#organizationId = organizationId
    this.#track = track
  }

  /** Writes rows before the gate is there. */
  writeAhead({ ended, progress }: RowsAhead): void {
    this.#endedAhead = new Set(ended)
    if (ended.length > 0) this.#endRows(ended)
    if (progress) this.#progressAhead = { progress, rows: this.#progressRows(progress) }
  }

  async end(gate: Gate, calls: readonly EndedCall[]): Promise<void> {
    const rest = this.#endedAhead.size > 0 ? calls.filter((call) => !this.#endedAhead.has(call)) : calls
    if (rest.length > 0) this.#endRows(rest)
    await this.#track(run(this.#client, endFigures(gate, calls)))
  }

  async progress(gate: Gate, progress: ProgressColumns): Promise<readonly RowPlace[]> {
    const ahead = this.#progressAhead
    const rows = ahead?.progress === progress ? ahead.rows : this.#progressRows(progress)
    const figures = this.#track(run(this.#client, progress.figures(gate)))
    const places = progress.places(await rows)
    await figures
    return places
  }

  #endRows(calls: readonly EndedCall[]): void {
    this.#track(run(this.#client, endRows(this.#organizationId, calls)))
  }

  #progressRows(progress: ProgressColumns): Promise<unknown[][]> {
    return this.#track(run(this.#client, progress.rows(this.#organizationId)))
  }
}
