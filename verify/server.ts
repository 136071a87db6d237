import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startEmbeddedPostgres } from '../src/embedded-postgres/supervisor.ts'
import { createDatabaseIfMissing } from '../src/store/database.ts'
import { databaseUrl } from '../test/database-url.ts'

/** The embedded PostgreSQL as users have it, fsync included, in a temporary folder. */
export interface Server {
  /** An empty database, and a folder for the logs of what runs on it. */
  place(name: string): Promise<{ databaseUrl: string; folder: string }>
  /** Of the server that runs now; undefined while a server that died is being started again. */
  postmasterPid(): number | undefined
  /** Stops it; its folder stays when `keep` is set. */
  stop(options: { keep: boolean }): Promise<void>
  readonly folder: string
}

const QUIET = { debug() {}, info() {}, warn() {}, error: console.error }

export async function startServer(): Promise<Server> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-verify-'))
  // PostgreSQL's own user must be able to pass through.
  fs.chmodSync(folder, 0o711)
  const embedded = await startEmbeddedPostgres({ dataDir: path.join(folder, 'data'), log: QUIET })
  return {
    folder,
    postmasterPid: () => embedded.pid,
    async place(name) {
      const url = databaseUrl(embedded.connectionString, name)
      await createDatabaseIfMissing(url)
      const logs = path.join(folder, name)
      fs.mkdirSync(logs)
      return { databaseUrl: url, folder: logs }
    },
    async stop({ keep }) {
      await embedded.stop()
      fs.rmSync(keep ? path.join(folder, 'data') : folder, { recursive: true, force: true })
    },
  }
}
