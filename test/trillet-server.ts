import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { agentKind } from '../src/agents/registry.ts'
import { carrierKind } from '../src/carriers/registry.ts'
import { systemClock } from '../src/clock.ts'
import { addAlias } from '../src/commands/aliases.ts'
import { authenticate } from '../src/commands/authenticate.ts'
import { ensureFirstOrganization, ensureInstallation, type FirstOrganization } from '../src/commands/bootstrap.ts'
import type { Actor, CommandContext } from '../src/commands/context.ts'
import { importCredential } from '../src/commands/credentials.ts'
import { dialects, webhookForm } from '../src/dialects/registry.ts'
import { buildServer } from '../src/http/server.ts'
import { createLogger } from '../src/logger.ts'
import { createPool } from '../src/store/database.ts'
import { createTestDatabase } from './database.ts'
import { loopbackTargets as targets } from './loopback-targets.ts'
import { type Send, sender } from './product-server.ts'

/** A key as a client of the product may have one, and the aliases under which it knows its workspace and its agent. */
export const API_KEY = 'trillet-key-of-a-client-0123456789'
export const WORKSPACE_ID = 'ws_of_the_client'
export const AGENT_ID = 'agent_123456'

/** Listens with the commands of a test, whose organization gets the client's key and aliases. */
export async function serveTrillet(commands: CommandContext, actor: Actor, first: FirstOrganization) {
  await importCredential(commands, actor, { name: 'client', key: API_KEY })
  await addAlias(commands, actor, { kind: 'agent', id: first.agentId!, alias: AGENT_ID })
  await addAlias(commands, actor, { kind: 'organization', id: first.organizationId!, alias: WORKSPACE_ID })
  let baseUrl = ''
  const server = buildServer({
    dialects,
    commands,
    clock: commands.clock,
    log: createLogger({ level: process.env.TEST_LOG ?? 'silent' }),
    publicUrl: () => baseUrl,
    region: 'US',
    checkReady: async () => ({ ready: true, problems: [] }),
    metrics: new Registry(),
    onCarrierCallback: async () => ({ status: 403 }),
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  baseUrl = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  const headers = { 'x-api-key': API_KEY, 'x-workspace-id': WORKSPACE_ID }
  const send = sender(() => baseUrl)
  /** Asks as a client of the product does. */
  const ask: Send = (method, address, body, rest = {}) => send(method, address, body, { ...headers, ...rest })
  return { baseUrl, headers, ask, close: () => server.close() }
}

/**
 * A listening server on a database of its own, with the organization of the first start: a loopback trunk, a number
 * and an agent. Nobody dials.
 */
export async function startTrilletServer() {
  const database = await createTestDatabase()
  const pool = createPool(database.connectionString)
  const secrets = await ensureInstallation(pool, systemClock)
  const signals = { wake() {} }
  const kinds = { carrierKind, agentKind, webhookForm }
  const commands: CommandContext = { database: pool, clock: systemClock, secrets, signals, ...kinds, targets }
  const first = await ensureFirstOrganization(commands, {})
  const actor = await authenticate(commands, first.apiKey!)
  const listening = await serveTrillet(commands, actor, first)
  return {
    ...listening,
    pool,
    async close() {
      await listening.close()
      await pool.end()
      await database.drop()
    },
  }
}

export type TrilletServer = Awaited<ReturnType<typeof startTrilletServer>>
