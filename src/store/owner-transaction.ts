import type pg from 'pg'
import { isBrokenConnection, requireCommitted } from './database.ts'

/** What commands hold of the database: they pass it on and never ask it anything themselves. */
export type Database = pg.Pool

/** One connection inside a transaction. */
export type Client = pg.ClientBase

/**
 * Runs `work` in one transaction as the role that the connection was made with, which row-level security does not
 * bind: for what stands outside organizations (the installation, credentials, making organizations).
 */
export async function ownerTransaction<T>(database: Database, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await database.connect()
  let failure: unknown
  try {
    await client.query('BEGIN')
    const result = await work(client)
    requireCommitted(await client.query('COMMIT'))
    return result
  } catch (error) {
    failure = isBrokenConnection(error) ? error : undefined
    if (failure === undefined) {
      await client.query('ROLLBACK').catch((broken: unknown) => {
        failure = broken
      })
    }
    throw error
  } finally {
    client.release(failure instanceof Error ? failure : undefined)
  }
}
