import { type Clock, keepAwake, sleep } from '../clock.ts'
import { openConnection } from './database.ts'
import type { Database } from './owner-transaction.ts'

const AGAIN_AFTER_MS = 500
/** Nobody listens yet, or the server says that it is starting, recovering or going down (57P03, 57P01). */
const MAY_PASS = /^(ECONNREFUSED|ECONNRESET|ENOENT|EAI_AGAIN|ETIMEDOUT|57P0[13])$/

/** True when the database answers a statement. */
export async function pingDatabase(database: Database): Promise<boolean> {
  try {
    await database.query('SELECT 1')
    return true
  } catch {
    return false
  }
}

/**
 * Resolves when the server takes connections. A database that starts together with us, or that recovers, is waited for.
 *
 * @throws the error of the last try: at once when waiting cannot mend it (a wrong password, no such database), else after
 * `withinSeconds`.
 */
export async function untilDatabaseAnswers(
  connectionString: string,
  options: { clock: Clock; withinSeconds: number; log: { info(fields: object, message: string): void } },
): Promise<void> {
  const { clock, withinSeconds, log } = options
  const giveUpAtMs = clock.monotonicMs() + withinSeconds * 1000
  // Nothing else keeps a process alive before its server listens.
  const awake = keepAwake()
  try {
    for (let tries = 1; ; tries++) {
      try {
        await (await openConnection(connectionString, 'carillon-start')).end()
        return
      } catch (error) {
        const code = String((error as { code?: unknown }).code)
        if (!MAY_PASS.test(code) || clock.monotonicMs() >= giveUpAtMs) throw error
        if (tries === 1) log.info({ code, withinSeconds }, 'The database does not answer yet and is waited for')
        await sleep(clock, AGAIN_AFTER_MS)
      }
    }
  } finally {
    awake.stop()
  }
}
