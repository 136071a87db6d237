// One node of Carillon in a process of its own, configured by the environment as any other.
//   node --import ./test/run-typescript.mjs verify/run-node.ts [mischief]
// With a mischief its carriers do what carriers must never do, to see that the judge finds it.
import { carrierKind } from '../src/carriers/registry.ts'
import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { startServer } from '../src/main.ts'
import { isMischief, mischievous } from './mischief.ts'

const mischief = process.argv[2]
const config = loadConfig()
const log = createLogger({ level: config.logLevel, nodeName: config.nodeName })
const parts = isMischief(mischief) ? { carrierKind: (name: string) => mischievous(carrierKind(name), mischief) } : {}
const server = await startServer(config, log, parts)
process.on('disconnect', () => process.exit(1))
process.on('message', async (message: 'stop' | { blockMs: number }) => {
  if (message !== 'stop') {
    const untilMs = performance.now() + message.blockMs
    while (performance.now() < untilMs);
    return
  }
  await server.stop()
  process.exit(0)
})
process.send!({ url: server.url })
