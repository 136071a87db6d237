import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Registry } from 'prom-client'
import { agentKind } from '../src/agents/registry.ts'
import { carrierKind } from '../src/carriers/registry.ts'
import { type Clock, systemClock } from '../src/clock.ts'
import { ensureFirstOrganization, ensureInstallation, type FirstOrganization } from '../src/commands/bootstrap.ts'
import type { CommandContext } from '../src/commands/context.ts'
import { dialects, webhookForm } from '../src/dialects/registry.ts'
import { buildServer, type ServerDeps } from '../src/http/server.ts'
import { createLogger } from '../src/logger.ts'
import { createPool } from '../src/store/database.ts'
import { createTestDatabase } from './database.ts'
import { loopbackTargets } from './loopback-targets.ts'

export const BASE = '/carillon/v1'

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
  readonly body: any
  readonly headers: LightMyRequestResponse['headers']
  readonly text: string
}

export interface AskOptions {
  readonly body?: unknown
  readonly payload?: string | Buffer
  readonly headers?: Record<string, string>
  /** Null sends no key. By default the key of the first organization. */
  readonly token?: string | null
}

export interface NativeServer {
  readonly server: FastifyInstance
  readonly commands: CommandContext
  readonly first: FirstOrganization
  readonly token: string
  readonly operatorToken: string
  /** Lines that were logged. */
  readonly logged: string[]
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>
  close(): Promise<void>
}

/** A server on a database of its own with the organization of the first start; asked without a socket. Nobody dials. */
export async function startNativeServer(
  options: { clock?: Clock; deps?: Partial<ServerDeps> } = {},
): Promise<NativeServer> {
  const database = await createTestDatabase()
  const pool = createPool(database.connectionString)
  const clock = options.clock ?? systemClock
  const secrets = await ensureInstallation(pool, clock)
  const commands: CommandContext = {
    database: pool,
    clock,
    secrets,
    signals: { wake() {} },
    carrierKind,
    agentKind,
    webhookForm,
    targets: loopbackTargets,
  }
  const first = await ensureFirstOrganization(commands, {})
  const logged: string[] = []
  const server = buildServer({
    dialects,
    commands,
    clock,
    log: createLogger({ level: 'debug', destination: { write: (line) => note(logged, line) } }),
    publicUrl: () => 'https://calls.example.com',
    region: 'US',
    checkReady: async () => ({ ready: true, problems: [] }),
    metrics: new Registry(),
    onCarrierCallback: async () => ({ status: 403 }),
    ...options.deps,
  })
  await server.ready()
  const token = first.apiKey!.token
  return {
    server,
    commands,
    first,
    token,
    operatorToken: first.operatorKey!,
    logged,
    ask: (method, path, asked = {}) => ask(server, { method, path, token, ...asked }),
    async close() {
      await server.close()
      await pool.end()
      await database.drop()
    },
  }
}

/** Keeps a line; with TEST_LOG set, faults of ours are shown too. */
function note(lines: string[], line: string): void {
  lines.push(line)
  if (process.env.TEST_LOG !== undefined && line.includes('"level":"error"')) console.error(line)
}

async function ask(
  server: FastifyInstance,
  { method, path, ...options }: AskOptions & { method: string; path: string },
): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers }
  if (options.token) headers.authorization = `Bearer ${options.token}`
  if (options.body !== undefined) headers['content-type'] ??= 'application/json'
  const payload = options.payload ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  const answer = await server.inject({ method: method as 'GET', url: path, headers, payload })
  const isJson = String(answer.headers['content-type']).includes('json')
  return {
    status: answer.statusCode,
    body: isJson && answer.body !== '' ? safeJson(answer.body) : null,
    headers: answer.headers,
    text: answer.body,
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
