import os from 'node:os'
import path from 'node:path'
import { agentKind } from './agents/registry.ts'
import { AttentionWatch } from './attention-watch.ts'
import type { CarrierContext, CarrierKind } from './carriers/carrier.ts'
import { carrierKind as registeredCarrierKind } from './carriers/registry.ts'
import { type Clock, sleep, systemClock } from './clock.ts'
import { ensureFirstOrganization, ensureInstallation, type FirstOrganization } from './commands/bootstrap.ts'
import type { CommandContext, JsonObject } from './commands/context.ts'
import { openTrunkSettings } from './commands/trunks.ts'
import type { Config } from './config.ts'
import { dialects, invitationForm, webhookForm } from './dialects/registry.ts'
import { Dispatcher, type DispatcherOptions } from './dispatcher/dispatcher.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres/supervisor.ts'
import { makeObjectsYoung } from './garbage-collection.ts'
import { Housekeeper } from './housekeeper.ts'
import { buildServer } from './http/server.ts'
import type { Logger } from './logger.ts'
import { createMediaEngine } from './media/engine.ts'
import { createMetrics } from './metrics.ts'
import type { InstallationSecrets } from './model/installation-secrets.ts'
import { SipEndpoint } from './sip/endpoint.ts'
import { migrate } from './store/migrate.ts'
import type { Database } from './store/owner-transaction.ts'
import { pingDatabase, untilDatabaseAnswers } from './store/ping-database.ts'
import { PostgresDispatchStore } from './store/postgres-dispatch-store.ts'
import { openWatchedPool, type WatchedPool } from './store/silent-database.ts'
import { GuardedClient } from './targets/guarded-request.ts'
import { TargetGuard } from './targets/target-guard.ts'
import { createVoices } from './voices/booth.ts'
import { findVoices } from './voices/voice-engines.ts'
import { WebhookDeliverer } from './webhooks/deliverer.ts'
import { Inviter } from './webhooks/inviter.ts'

/** Parts that a test, a bench or a rehearsal puts in place of the product's own. */
export interface ServerParts {
  readonly clock?: Clock
  readonly carrierKind?: (name: string) => CarrierKind | undefined
}

export interface RunningServer {
  /** Where it listens. */
  readonly url: string
  /** Where the database is, for further nodes on it. */
  readonly databaseUrl: string
  readonly first: FirstOrganization
  readonly dispatcher: Dispatcher
  /** Stops dialling, lets live calls finish for at most `drainSeconds`, then stops. */
  drain(drainSeconds: number): Promise<void>
  /** Stops dialling and serving at once; calls that live go on at their carriers and belong to the other nodes. */
  stop(): Promise<void>
}

/**
 * Puts the product together and starts it: database, migrations, first organization, dispatcher, HTTP.
 * On any failure what was started is stopped again.
 */
export async function startServer(config: Config, log: Logger, parts: ServerParts = {}): Promise<RunningServer> {
  makeObjectsYoung()
  const stops: (() => Promise<unknown>)[] = []
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  }
  try {
    return await start({ config, log, parts, stops, stopAll })
  } catch (error) {
    await stopAll()
    throw error
  }
}

const WEBHOOK_CONNECTIONS = 3

interface Starting {
  readonly config: Config
  readonly log: Logger
  readonly parts: ServerParts
  /** What to undo, in the order in which it was done. */
  readonly stops: (() => Promise<unknown>)[]
  readonly stopAll: () => Promise<void>
}

/** A database that starts together with us is waited for this long. */
const DATABASE_WITHIN_SECONDS = 30

async function start({ config, log, parts, stops, stopAll }: Starting): Promise<RunningServer> {
  const clock = parts.clock ?? systemClock
  const carrierKind = parts.carrierKind ?? registeredCarrierKind
  const databaseUrl = config.databaseUrl ?? (await startEmbedded(config, log, stops)).connectionString
  await untilDatabaseAnswers(databaseUrl, { clock, log, withinSeconds: DATABASE_WITHIN_SECONDS })
  await migrate(databaseUrl, { log })
  const opened = openWatchedPool(databaseUrl, { maxConnections: config.databaseConnections, clock, log })
  const database = opened.pool
  stops.push(() => opened.close())

  const secrets = await ensureInstallation(database, clock, config.secretKeys)
  const sound = makeSound(config, { clock, log, stops })
  const targets = new TargetGuard({ allowedNetworks: config.allowPrivateTargets })
  let listening = ''
  const publicUrl = () => config.publicUrl ?? listening
  const invite: CarrierContext['invite'] = (ref, sendWithinMs) => inviter.invite(ref, sendWithinMs)
  const store = new PostgresDispatchStore(databaseUrl, clock)
  const dispatcher = new Dispatcher({
    store,
    clock,
    ids: secrets.ids,
    log,
    nodeName: config.nodeName,
    dialing: config.dialing === 'on',
    agentKind,
    openCarrier: carrierOpener(carrierKind, secrets, (trunkUuid) => {
      const callbackUrl = `${publicUrl()}/carriers/${trunkUuid}`
      return { clock, log, callbackUrl, invite, targets, ...sound }
    }),
  })
  const signals: CommandContext['signals'] = {
    wake: (organizationId) => dispatcher.wake(organizationId),
    testTrunk: (trunkUuid, order) => dispatcher.testTrunk(trunkUuid, order),
    seatOf: (ref) => dispatcher.carrierOf(ref)?.seatOf?.(ref) ?? 'elsewhere',
    join: (ref, caller) => dispatcher.carrierOf(ref)?.join?.(ref, caller) ?? null,
  }
  const kinds = { carrierKind, agentKind, webhookForm }
  const commands: CommandContext = { database, clock, secrets, signals, ...kinds, targets }

  const { inviter, webhooks, webhookDatabase } = openMessengers(
    { log, stops },
    {
      commands,
      targets,
      databaseUrl,
      nodeUrl: () => config.nodeUrl ?? publicUrl(),
    },
  )

  const databases = { api: opened, webhooks: webhookDatabase, dispatcher: store }
  const watch = watchOver(dispatcher, commands, log)
  const server = buildServer({
    dialects,
    commands,
    clock,
    log,
    publicUrl,
    region: config.region,
    trustedProxies: config.trustedProxies,
    requestRate: requestRateOf(config.keyRequestsPerSecond),
    checkReady: () => readiness(database),
    metrics: createMetrics({ dispatcher, webhooks, attention: watch, databases, sip: sound.sip, media: sound.media }),
    onCarrierCallback: (trunkUuid, callback) => dispatcher.takeCallback(trunkUuid, callback),
  })
  stops.push(() => server.close())
  listening = await server.listen({ port: config.port, host: config.host })
  // After the port is ours: keys of a first start that fails would never be shown.
  const first = await ensureFirstOrganization(commands, config)
  stops.push(() => dispatcher.stop())
  await dispatcher.start()
  if (config.dialing === 'off') log.warn({}, 'This node begins no call, because CARILLON_DIALING is off')
  const retentionDays = config.retentionDays === 0 ? null : config.retentionDays
  const housekeeper = new Housekeeper({ commands, clock, log, retentionDays })
  for (const part of [webhooks, watch, housekeeper]) {
    stops.push(async () => part.stop())
    part.start()
  }
  return { url: listening, databaseUrl, first, dispatcher, stop: stopAll, drain: drainer(dispatcher, clock, stopAll) }
}

/** Everything that calls with sound need of this machine: media, voices, SIP. */
function makeSound(config: Config, { clock, log, stops }: { clock: Clock; log: Logger; stops: Starting['stops'] }) {
  const media = createMediaEngine({
    clock,
    log,
    ports: config.mediaPorts,
    workers: config.mediaWorkers,
    sockets: config.udpSockets,
    priority: config.mediaPriority,
  })
  stops.push(() => media.close())
  const voices = createVoices({
    clock,
    log,
    installed: findVoices(config.searchPath ?? '', config.voiceCommand ?? null),
    cacheFolder: path.join(config.dataFolder, 'voice-cache'),
    cacheBytesMax: config.voiceCacheMegabytes * 1_048_576,
    recordingsFolder: config.recordingsFolder ?? path.join(config.dataFolder, 'recordings'),
    renderingsMax: Math.max(2, os.availableParallelism()),
  })
  const sip = new SipEndpoint({
    clock,
    bindAddresses: config.sipAddresses,
    port: config.sipPort,
    advertisedAddress: config.sipPublicAddress ?? null,
    allowedPrivateTargets: config.allowPrivateTargets,
    callsPerSecond: config.sipCallsPerSecond,
    sockets: config.udpSockets,
  })
  stops.push(async () => sip.close())
  return { media, voices, sip }
}

/** How the dispatcher opens a trunk: with its secrets, and with what its carrier needs of this node. */
function carrierOpener(
  carrierKind: (name: string) => CarrierKind | undefined,
  secrets: InstallationSecrets,
  contextOf: (trunkUuid: string) => Omit<CarrierContext, 'report'>,
): DispatcherOptions['openCarrier'] {
  return (organizationId, { trunkId, trunkUuid, carrier, settings }, report) => {
    const kind = carrierKind(carrier)
    if (!kind) throw new Error(`This version has no carrier called ${carrier}`)
    const opened = openTrunkSettings({ secrets }, { organizationId, trunkId }, settings as JsonObject)
    return kind.open(kind.settings.parse(opened), { ...contextOf(trunkUuid), report })
  }
}

/** Those who send requests to the servers of users: one asks for people, one tells what happened. Neither has begun. */
function openMessengers(
  { log, stops }: Pick<Starting, 'log' | 'stops'>,
  use: { commands: CommandContext; targets: TargetGuard; databaseUrl: string; nodeUrl: () => string },
): { inviter: Inviter; webhooks: WebhookDeliverer; webhookDatabase: WatchedPool } {
  const { commands, targets, databaseUrl, nodeUrl } = use
  const { clock } = commands
  const client = new GuardedClient({ guard: targets, clock })
  stops.push(() => client.close())
  const inviter = new Inviter({ commands, client, clock, log, nodeUrl, form: invitationForm })
  const webhookDatabase = openWatchedPool(databaseUrl, {
    maxConnections: WEBHOOK_CONNECTIONS,
    applicationName: 'carillon-webhooks',
    clock,
    log,
  })
  stops.push(() => webhookDatabase.close())
  const context = { ...commands, database: webhookDatabase.pool }
  const webhooks = new WebhookDeliverer({ context, clock, guard: targets, form: webhookForm, log })
  return { inviter, webhooks, webhookDatabase }
}

function watchOver(dispatcher: Dispatcher, commands: CommandContext, log: Logger): AttentionWatch {
  const failing = () => {
    const cycles = [...dispatcher.counters.failing].map(([organizationId, trouble]) => ({ organizationId, ...trouble }))
    return { nodeId: dispatcher.nodeId, cycles }
  }
  return new AttentionWatch({ commands, clock: commands.clock, log, failing })
}

function requestRateOf(perSecond: number) {
  return perSecond === 0 ? null : { perSecond, burst: perSecond * 2 }
}

async function readiness(database: Database) {
  const reachable = await pingDatabase(database)
  return reachable ? { ready: true, problems: [] } : { ready: false, problems: ['The database does not answer.'] }
}

async function startEmbedded(config: Config, log: Logger, stops: Starting['stops']): Promise<EmbeddedPostgres> {
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataFolder, log })
  stops.push(() => embedded.stop())
  return embedded
}

/** How long calls that were hung up get to report their end. */
const HANG_UP_MS = 5000

function drainer(dispatcher: Dispatcher, clock: Clock, stopAll: () => Promise<void>) {
  return async (drainSeconds: number): Promise<void> => {
    const drained = dispatcher.drain()
    await Promise.race([drained, sleep(clock, drainSeconds * 1000)])
    if (dispatcher.liveCalls > 0) {
      dispatcher.hangUpAll()
      await Promise.race([drained, sleep(clock, HANG_UP_MS)])
    }
    await stopAll()
  }
}
