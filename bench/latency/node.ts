import { startNode } from '../support/start-node.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'
import { timedCarrierKind } from './timed-carrier.ts'

/** One node of the latency bench, in a process of its own. */
const options = JSON.parse(process.argv[3]!) as { seed: number; callSeconds: number }
const { kind, observed } = timedCarrierKind(options)
const server = await startNode(kind)
serveBench(
  {
    usage: () => ({ cpuSeconds: cpuSecondsOfSelf(), counters: server.dispatcher.counters }),
    observed: () => observed,
  },
  () => server.stop(),
)
