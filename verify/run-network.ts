// The simulated telephone network in a process of its own. Its log is the judge of every verification.
//   node --import ./test/run-typescript.mjs verify/run-network.ts <log file> <secret> <speed>
import { startLoopbackServer } from '../src/carriers/loopback/listen.ts'
import { systemClock } from '../src/clock.ts'

const [logFile, secret, speed] = process.argv.slice(2)
const server = await startLoopbackServer({
  port: 0,
  secret: secret!,
  clock: systemClock,
  speed: Number(speed),
  logFile: logFile!,
})
process.on('disconnect', () => process.exit(1))
process.on('message', async () => {
  await server.close()
  process.exit(0)
})
process.send!({ url: server.url })
