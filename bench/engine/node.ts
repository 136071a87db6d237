import { startNode } from '../support/start-node.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'
import { instantCarrierKind } from './instant-carrier.ts'

/** One node of the engine bench, in a process of its own. */
const server = await startNode(instantCarrierKind)
serveBench(
  {
    usage: () => ({
      cpuSeconds: cpuSecondsOfSelf(),
      rssBytes: process.memoryUsage.rss(),
      counters: server.dispatcher.counters,
    }),
  },
  () => server.stop(),
)
