// One node of Carillon as it is delivered, from dist/, in a process of its own; configured by the environment as any
// other. It starts in less than half of the time that `run-node.ts` takes, which erases types first.
import { loadConfig } from '../dist/config.js'
import { createLogger } from '../dist/logger.js'
import { startServer } from '../dist/main.js'

const config = loadConfig()
const log = createLogger({ level: config.logLevel, nodeName: config.nodeName })
const server = await startServer(config, log)
process.on('disconnect', () => process.exit(1))
process.on('message', async (message) => {
  if (message !== 'stop') {
    const untilMs = performance.now() + message.blockMs
    while (performance.now() < untilMs);
    return
  }
  await server.stop()
  process.exit(0)
})
process.send({ url: server.url })
