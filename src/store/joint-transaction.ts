import { AsyncLocalStorage } from 'node:async_hooks'
import type pg from 'pg'
import { requireShared } from './shared-commit.ts'

/**
 * Several pieces of work, each of which would be a transaction of its own, in one: all of them are committed with the
 * last one, or none is. A piece that fails takes back what it did itself and nothing else, as if it stood alone.
 *
 * Pieces come one after another, whoever asks for them; a piece must not wait for another piece, nor for what other
 * transactions have yet to do. What the database locks stays locked until the end.
 */
export class JointTransaction {
  readonly #pool: pg.Pool
  #client: pg.PoolClient | undefined
  #state: 'open' | 'over' = 'open'
  #failure: unknown
  /** Resolves when the piece that was asked for last is done. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The one that the code which runs now belongs to, if it is on this pool and goes on. */
  static current(pool: pg.Pool): JointTransaction | undefined {
    const joint = joints.getStore()
    return joint !== undefined && joint.#state === 'open' && joint.#pool === pool ? joint : undefined
  }

  /** Makes what `next` begins, now or later, a part of this transaction. */
  run(next: () => void): void {
    joints.run(this, next)
  }

  /** One piece. `settings`: the statements that make the connection's role and organization those of the piece. */
  piece<T>(settings: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#piece(settings, work))
    this.#last = done.catch(() => undefined)
    return done
  }

  /** Does a last piece and commits. On a failure nothing of all that was done stays. */
  async commit(settings: string, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
    try {
      await this.piece(settings, work)
      const { command } = await this.#client!.query('COMMIT')
      if (command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed.')
      requireShared(this.#client!)
    } catch (error) {
      await this.rollback()
      throw error
    }
    this.#release()
  }

  /** Takes everything back. Never throws: a connection that does not answer is closed, which does the same. */
  async rollback(): Promise<void> {
    await this.#last
    if (this.#state === 'over') return
    if (this.#failure === undefined) await this.#client?.query('ROLLBACK').catch(this.#noteBreak)
    this.#release()
  }

  async #piece<T>(settings: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (this.#state === 'over') throw new Error('A piece of work came after the end of its transaction')
    if (this.#failure !== undefined) throw this.#failure
    const client = await this.#begun()
    await client.query(`SAVEPOINT piece; ${settings}`)
    try {
      const result = await work(client)
      await client.query('RELEASE SAVEPOINT piece')
      return result
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT piece').catch(this.#noteBreak)
      throw error
    }
  }

  async #begun(): Promise<pg.PoolClient> {
    if (this.#client !== undefined) return this.#client
    const client = await this.#pool.connect()
    // Without a listener a break while no statement is under way would end the process.
    client.on('error', this.#noteBreak)
    this.#client = client
    await client.query('BEGIN').catch((error: unknown) => {
      this.#noteBreak(error)
      throw error
    })
    return client
  }

  readonly #noteBreak = (error: unknown): void => {
    this.#failure ??= error instanceof Error ? error : new Error('The database connection broke')
  }

  #release(): void {
    this.#state = 'over'
    this.#client?.removeListener('error', this.#noteBreak)
    this.#client?.release(this.#failure as Error | undefined)
    this.#client = undefined
  }
}

const joints = new AsyncLocalStorage<JointTransaction>()
