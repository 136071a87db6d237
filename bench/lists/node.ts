import { startNode } from '../support/start-node.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'

/** A node of the product, dispatcher and all. The batches that are stored have nobody left to call. */
const server = await startNode()
serveBench({ first: () => ({ url: server.url, ...server.first }), cpuSeconds: cpuSecondsOfSelf }, () => server.stop())
