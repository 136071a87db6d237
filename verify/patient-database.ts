import type pg from 'pg'
import { createPool } from '../src/store/database.ts'

/** What the verifications ask the database with. */
export type Database = Pick<pg.Pool, 'query'>

const PATIENCE_MS = 60_000
const AGAIN_AFTER_MS = 100

/** A connection that outlives the server's: what is asked while the server is away is asked again when it is back. */
export class PatientDatabase {
  readonly #pool: pg.Pool
  /** Only for questions: one whose answer was lost is put twice. */
  readonly query: Database['query']

  constructor(databaseUrl: string) {
    this.#pool = createPool(databaseUrl, { maxConnections: 1 })
    this.query = ((text: string, values?: unknown[]) => this.#ask(text, values)) as Database['query']
  }

  async #ask(text: string, values?: unknown[]): Promise<pg.QueryResult> {
    const giveUpAtMs = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        return await this.#pool.query(text, values)
      } catch (error) {
        const fault = (error as { code?: string }).code ?? ''
        // A statement that is wrong stays wrong; 57P and 08 speak of the server and the connection.
        const passes = !/^(?=.*\d)[0-9A-Z]{5}$/.test(fault) || /^(57P|08)/.test(fault)
        if (!passes || performance.now() > giveUpAtMs) throw error
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
      }
    }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}
