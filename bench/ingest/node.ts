import { loopback } from '../../src/carriers/loopback/carrier.ts'
import { ResourceWatch } from '../support/resource-watch.ts'
import { startNode } from '../support/start-node.ts'
import { serveBench } from '../support/worker-process.ts'

/**
 * The node that takes the file. Its trunk rings real telephones as far as the import can know, so that every number is
 * checked in full and not only by its shape.
 */
const server = await startNode({ ...loopback, takesAnyNumber: false })
const watch = new ResourceWatch()
serveBench(
  {
    first: () => ({ url: server.url, ...server.first }),
    watch: () => watch.start(),
    used: () => watch.stop(),
  },
  () => server.stop(),
)
