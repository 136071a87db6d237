// Writes schema.sql at the root of the repository: what the migrations make, read back from the catalog of an embedded
// PostgreSQL in a temporary folder. With --check it writes nothing and ends with code 1 when the file differs.
// Needs a build first: npm run build.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbeddedPostgres } from '../dist/embedded-postgres/supervisor.js'
import { openConnection } from '../dist/store/database.js'
import { dumpSchema } from '../dist/store/dump-schema.js'
import { migrate } from '../dist/store/migrate.js'

const target = fileURLToPath(new URL('../schema.sql', import.meta.url))
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-schema-'))
// As root the server runs as another user, who must be able to pass through.
fs.chmodSync(dataDir, 0o711)

const log = { debug() {}, info() {}, warn() {}, error: console.error }
const settings = { fsync: false, shared_buffers: '32MB' }
const server = await startEmbeddedPostgres({ dataDir, log, settings })
try {
  await migrate(server.connectionString)
  const client = await openConnection(server.connectionString)
  const text = await dumpSchema(client)
  await client.end()
  const before = fs.existsSync(target) ? fs.readFileSync(target, 'utf8') : undefined
  if (!process.argv.includes('--check')) {
    fs.writeFileSync(target, text)
    console.log(before === text ? 'schema.sql is unchanged.' : 'schema.sql was written.')
  } else if (before !== text) {
    console.error('schema.sql is not what the migrations make. Run: node scripts/dump-schema.mjs')
    process.exitCode = 1
  }
} finally {
  await server.stop()
  fs.rmSync(dataDir, { recursive: true, force: true })
}
