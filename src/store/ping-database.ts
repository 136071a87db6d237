import type { Database } from './owner-transaction.ts'

/** True when the database answers a statement. */
export async function pingDatabase(database: Database): Promise<boolean> {
  try {
    await database.query('SELECT 1')
    return true
  } catch {
    return false
  }
}
