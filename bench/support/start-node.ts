import fs from 'node:fs'
import type { CarrierKind } from '../../src/carriers/carrier.ts'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { type RunningServer, startServer } from '../../src/main.ts'

/** What a node of a bench is started with, as the first argument of its program. */
export interface NodeArguments {
  readonly databaseUrl: string
  readonly name: string
  readonly logFile: string
}

/**
 * A whole node of the product, started as `npm start` does: HTTP, dispatcher, log at its default level. Only the
 * telephone network is another one.
 */
export function startNode(carrierKind?: CarrierKind): Promise<RunningServer> {
  const { databaseUrl, name, logFile } = JSON.parse(process.argv[2]!) as NodeArguments
  // One key sends all that a bench sends.
  const rate = { CARILLON_KEY_REQUESTS_PER_SECOND: '0' }
  const config = loadConfig({ PORT: '0', DATABASE_URL: databaseUrl, CARILLON_NODE_NAME: name, ...rate })
  // Synchronous writes, as to standard output; a bench has few lines of log to read.
  const destination = { write: (line: string) => fs.appendFileSync(logFile, line) }
  const log = createLogger({ level: config.logLevel, nodeName: config.nodeName, destination })
  return startServer(config, log, carrierKind ? { carrierKind: () => carrierKind } : {})
}
