// Answers requests on a database, in a process that a test may kill. Says where it listens.
import { startBareServer } from '../requests/bare-server.ts'

const [databaseUrl, applicationName] = process.argv.slice(2) as [string, string]
const { url } = await startBareServer(databaseUrl, { applicationName, maxConnections: 100 })
process.on('disconnect', () => process.exit(1))
process.send!({ url })
