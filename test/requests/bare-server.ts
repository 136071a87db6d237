import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { agentKind } from '../../src/agents/registry.ts'
import { carrierKind } from '../../src/carriers/registry.ts'
import { systemClock } from '../../src/clock.ts'
import { ensureFirstOrganization, ensureInstallation, type FirstOrganization } from '../../src/commands/bootstrap.ts'
import type { CommandContext } from '../../src/commands/context.ts'
import { dialects, webhookForm } from '../../src/dialects/registry.ts'
import { buildServer } from '../../src/http/server.ts'
import { createLogger } from '../../src/logger.ts'
import { createPool } from '../../src/store/database.ts'
import { loopbackTargets } from '../loopback-targets.ts'

export interface BareServer {
  readonly server: FastifyInstance
  /** Where it listens. */
  readonly url: string
  /** With the keys at the first start on a database, and without them later. */
  readonly first: FirstOrganization
  close(): Promise<void>
}

export interface BareOptions {
  readonly applicationName?: string
  readonly maxConnections?: number
  /** Gets each line of the log. */
  readonly log?: (line: string) => void
}

/** What answers requests on a database, listening; nobody dials, so that whatever changes was asked for. */
export async function startBareServer(databaseUrl: string, options: BareOptions = {}): Promise<BareServer> {
  const { applicationName, maxConnections, log } = options
  const pool = createPool(databaseUrl, {
    ...(applicationName === undefined ? {} : { applicationName }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
  })
  const commands: CommandContext = {
    database: pool,
    clock: systemClock,
    secrets: await ensureInstallation(pool, systemClock),
    signals: { wake() {} },
    carrierKind,
    agentKind,
    webhookForm,
    targets: loopbackTargets,
  }
  const first = await ensureFirstOrganization(commands, {})
  let url = ''
  const server = buildServer({
    dialects,
    commands,
    clock: systemClock,
    log:
      log === undefined
        ? createLogger({ level: 'silent' })
        : createLogger({ level: 'error', destination: { write: log } }),
    publicUrl: () => url,
    region: 'US',
    checkReady: async () => ({ ready: true, problems: [] }),
    metrics: new Registry(),
    onCarrierCallback: async () => ({ status: 403 }),
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  return {
    server,
    url,
    first,
    async close() {
      await server.close()
      await pool.end()
    },
  }
}
