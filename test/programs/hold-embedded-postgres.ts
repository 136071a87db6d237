// Starts the embedded PostgreSQL on the folder given, prints where it is, and waits to be killed.
// With a second argument `exit` it ends by process.exit without stopping the server.
import { startEmbeddedPostgres } from '../../src/embedded-postgres/supervisor.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const [dataDir, then] = process.argv.slice(2)
const server = await startEmbeddedPostgres({ dataDir: dataDir!, log, settings: { shared_buffers: '32MB' } })
process.stdout.write(`${JSON.stringify({ connectionString: server.connectionString, postgresPid: server.pid })}\n`)
if (then === 'exit') process.exit(0)
setInterval(() => undefined, 1000)
