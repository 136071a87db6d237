import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import type { CommandContext } from '../commands/context.ts'
import type { Dialect, Keys } from '../dialects/dialect.ts'
import { RequestError } from '../dialects/request-errors.ts'
import { AppError, invalidInput } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { createKeys } from './authenticate.ts'
import { refuseForeignEncodings, takeJsonBodies } from './body-parsers.ts'
import { addCarrierCallbacks, type OnCarrierCallback } from './carrier-callbacks.ts'
import { addDocuments, describeScope } from './documents.ts'
import { answerError, answerSocketError, errorHandlerOf, ownerOf, pathOf } from './error-handler.ts'
import { addHealthRoutes, type Readiness } from './health.ts'
import { noteRequests } from './request-log.ts'
import type { RequestRate } from './request-rates.ts'
import { RouteTable } from './route-table.ts'
import { refuseStrayWebSocket, takeWebSockets } from './upgrades.ts'

export interface ServerDeps {
  /** Mounted side by side; the first also answers for what belongs to none. */
  readonly dialects: readonly [Dialect, ...Dialect[]]
  readonly commands: CommandContext
  readonly clock: Clock
  readonly log: Logger
  /** Where this installation can be reached, without a slash at its end. Asked only when a request is answered. */
  readonly publicUrl: () => string
  readonly region: string
  /** Networks of proxies whose X-Forwarded-For is believed; none by default. */
  readonly trustedProxies?: readonly string[]
  /** What keys without a rate of their own may send; none by default. */
  readonly requestRate?: RequestRate | null
  readonly checkReady: () => Promise<Readiness>
  readonly metrics: Registry
  readonly onCarrierCallback: OnCarrierCallback
  /** Adds routes that belong to no dialect, such as the console's files. */
  readonly addRoutes?: (server: FastifyInstance) => void
}

declare module 'fastify' {
  interface FastifyInstance {
    routeTable: RouteTable
  }
}

const HEADERS_TIMEOUT_MS = 20_000
/** A list of 32 MiB over a line of one megabit a second. */
const REQUEST_TIMEOUT_MS = 300_000
/** Longer than the minute after which balancers close idle connections, so that they never reuse one we just closed. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000
const CLIENT_REQUEST_ID = /^[\w.:-]{1,64}$/

/**
 * The HTTP server with all its routes, not yet listening: call `listen`, or `inject` in tests. `close` ends idle
 * connections at once and waits for the others.
 */
export function buildServer(deps: ServerDeps): FastifyInstance {
  const server = Fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    trustProxy: deps.trustedProxies?.length ? [...deps.trustedProxies] : false,
    bodyLimit: 65_536,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 5_000 },
    routerOptions: { maxParamLength: 500 },
    clientErrorHandler: answerSocketError(deps.log),
    frameworkErrors: (error, request, reply) => {
      answerError(ownerOf(deps.dialects, request), error, request, reply)
    },
  }) as unknown as FastifyInstance
  const routes = new RouteTable()
  server.addConstraintStrategy(ownerConstraint(deps.dialects))
  server.decorate('routeTable', routes)
  server.decorateRequest('actor', null)
  server.decorateRequest('operator', null)
  server.decorateRequest('bodyHash', null)

  takeJsonBodies(server)
  noteRequests(server, deps)
  takeWebSockets(server)
  guardEveryRequest(server, deps, routes)
  mountDialects(server, deps, routes)
  return server
}

function requestIdOf(request: { headers: Record<string, string | string[] | undefined> }): string {
  const theirs = request.headers['x-request-id']
  return typeof theirs === 'string' && CLIENT_REQUEST_ID.test(theirs) ? theirs : randomUUID()
}

/** What holds for all paths: the request id, harmless headers, no foreign encodings, and the answer to unknown paths. */
function guardEveryRequest(server: FastifyInstance, deps: ServerDeps, routes: RouteTable): void {
  server.setErrorHandler((error, request, reply) => {
    answerError(ownerOf(deps.dialects, request), error, request, reply)
  })
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    reply.header('cache-control', 'no-store')
    if (request.is404) throw unknownAddress(request, routes)
    refuseForeignEncodings(request)
    refuseUnstorableQuery(request)
  })
  // After all that is asked of every request, so that it is refused as that would be.
  server.addHook('preParsing', async (request) => refuseStrayWebSocket(request))
  server.setNotFoundHandler((request) => {
    throw unknownAddress(request, routes)
  })
}

/** As in bodies: the database keeps no text with U+0000, and cannot look for one. */
function refuseUnstorableQuery(request: FastifyRequest): void {
  for (const [name, values] of Object.entries(request.query as Record<string, string | string[]>)) {
    if (![name, values].flat().some((text) => text.includes('\0'))) continue
    throw invalidInput(name.replaceAll('\0', '\ufffd').slice(0, 100), 'must not hold the character U+0000')
  }
}

function unknownAddress(request: FastifyRequest, routes: RouteTable): RequestError {
  const methods = routes.methodsAt(pathOf(request.raw.url ?? '/'))
  if (methods.length === 0 || methods.includes(request.method)) return new RequestError('route-not-found')
  return new RequestError('method-not-allowed', { headers: { allow: methods.join(', ') } })
}

const OWNER = 'owner'

/**
 * Lets two dialects have routes at the same path: the router asks which of them owns the request, by its path and its
 * headers, and gives it to that one alone.
 */
function ownerConstraint(dialects: ServerDeps['dialects']) {
  return {
    name: OWNER,
    storage: () => {
      const handlers = new Map<unknown, unknown>()
      return {
        get: (name: unknown) => handlers.get(name) ?? null,
        set: (name: unknown, handler: unknown) => void handlers.set(name, handler),
      }
    },
    deriveConstraint: (request: { url?: string | undefined; headers: IncomingHttpHeaders }) =>
      dialects.find((dialect) => dialect.owns(pathOf(request.url ?? '/'), request.headers))?.name,
    validate: () => undefined,
    mustMatchWhenDerived: false,
  } as Parameters<FastifyInstance['addConstraintStrategy']>[0]
}

/** Each dialect gets a scope of its own; what belongs to none stands beside them. */
function mountDialects(server: FastifyInstance, deps: ServerDeps, routes: RouteTable): void {
  const keys = createKeys(deps.commands, deps.clock, deps.requestRate)
  const documents = new Map<Dialect, () => object>()
  server.register(async (root) => {
    for (const dialect of deps.dialects) {
      await root.register(async (scope) => {
        routes.watch(scope, () => dialect.name)
        documents.set(dialect, await describeScope(scope, dialect))
        await mountDialect(scope, dialect, { keys, deps })
      })
    }
    routes.watch(root, () => null)
    addHealthRoutes(root, deps)
    addCarrierCallbacks(root, deps.onCarrierCallback)
    addDocuments(root, documents)
    deps.addRoutes?.(root)
  })
}

/** Of every route, also one that is added later: what is not known to read only is refused. */
function refuseChangeByReader({ actor, method, routeOptions }: FastifyRequest): void {
  if (actor?.readsOnly !== true || method === 'GET' || method === 'HEAD' || routeOptions.config.reads === true) return
  throw new AppError('key-may-only-read')
}

async function mountDialect(
  scope: FastifyInstance,
  dialect: Dialect,
  use: { keys: Keys; deps: ServerDeps },
): Promise<void> {
  const { commands, clock, publicUrl, region } = use.deps
  const services = { commands, clock, publicUrl, region }
  scope.setErrorHandler(errorHandlerOf(dialect))
  scope.addHook('onRoute', (route) => {
    route.bodyLimit ??= dialect.bodyLimitBytes
    route.constraints = { ...route.constraints, [OWNER]: dialect.name }
  })
  scope.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.public === true) return
    await dialect.authenticate(request, use.keys, services)
    refuseChangeByReader(request)
  })
  await dialect.register(scope, services)
}
