import type pg from 'pg'
import { runTransaction } from './database.ts'

/** What commands hold of the database: they pass it on and never ask it anything themselves. */
export type Database = pg.Pool

/** One connection inside a transaction. */
export type Client = pg.ClientBase

/**
 * Runs `work` in one transaction as the role that the connection was made with, which row-level security does not
 * bind: for what stands outside organizations (the installation, credentials, making organizations).
 */
export function ownerTransaction<T>(database: Database, work: (client: Client) => Promise<T>): Promise<T> {
  return runTransaction(database, '', work)
}
