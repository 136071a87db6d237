import { once } from 'node:events'
import net from 'node:net'
import { type Config, loadConfig, unknownSettings } from '../config.ts'
import { createLogger } from '../logger.ts'
import { type RunningServer, startServer } from '../main.ts'
import { EXIT, type ExitCode } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { firstKeyPath, readFirstKey, writeFirstKey } from './first-key.ts'
import { CLI_SETTINGS } from './program-settings.ts'

/** Runs the server until it is told to end; a first signal lets live calls finish, a second one hangs them up. */
export async function start(context: CliContext): Promise<ExitCode> {
  const { terminal, environment } = context
  const config = loadConfig(environment)
  for (const name of unknownSettings(environment)) {
    if (!CLI_SETTINGS.has(name)) terminal.note(`${name} is set and means nothing; see docs/reference/config.md.`)
  }
  // A first start that fails after its keys were made would never show them, so what fails most often is tried before.
  await requireFreePort(config)
  const level = terminal.isLive && !environment.CARILLON_LOG_LEVEL ? 'warn' : config.logLevel
  const log = createLogger({ level, nodeName: config.nodeName })
  if (terminal.isLive) terminal.line('Carillon is starting ...')
  const server = await startServer(config, log)
  const firstKeyFile = keepFirstKey(server, config.dataFolder)
  for (const line of bannerLines(server, { firstKeyFile, context })) terminal.line(line)
  await untilStopped(server, { drainSeconds: config.drainSeconds, context })
  return EXIT.ok
}

/** @throws the error of the socket when the port is taken or may not be used. */
async function requireFreePort({ port, host }: Pick<Config, 'port' | 'host'>): Promise<void> {
  const probe = net.createServer()
  probe.listen(port, host)
  await once(probe, 'listening')
  probe.close()
  await once(probe, 'close')
}

/**
 * Leaves the first key, and where the server listens now, to the commands on this machine. Returns the file's path when
 * there is one.
 */
export function keepFirstKey(server: Pick<RunningServer, 'url' | 'first'>, dataFolder: string): string | undefined {
  const { first, url } = server
  if (first.apiKey !== null && first.organizationId !== null) {
    const { agentId, number, trunkId, operatorKey, organizationId: workspaceId } = first
    writeFirstKey(dataFolder, { url, apiKey: first.apiKey.token, workspaceId, operatorKey, agentId, number, trunkId })
    return firstKeyPath(dataFolder)
  }
  const kept = readFirstKey(dataFolder)
  if (kept === undefined) return undefined
  if (kept.url !== url) writeFirstKey(dataFolder, { ...kept, url })
  return firstKeyPath(dataFolder)
}

interface Banner {
  readonly firstKeyFile: string | undefined
  readonly context: CliContext
}

export function bannerLines(server: Pick<RunningServer, 'url' | 'first'>, banner: Banner): string[] {
  const { paint } = banner.context.terminal.style
  const row = (name: string, value: string): string => `  ${paint.dim(name.padEnd(15))}${value}`
  const { apiKey, organizationId, operatorKey, agentId, number } = server.first
  const lines = [
    '',
    paint.bold('Carillon is running.'),
    row('address', server.url),
    row('API reference', `${server.url}/docs`),
  ]
  if (apiKey !== null) lines.push(row('API key', apiKey.token))
  if (organizationId !== null) lines.push(row('workspace id', organizationId))
  if (agentId !== null) lines.push(row('agent', agentId))
  if (number !== null) lines.push(row('number', `${number} (on a simulated telephone network)`))
  if (operatorKey !== null) lines.push(row('operator key', operatorKey))
  if (apiKey !== null || operatorKey !== null) lines.push(paint.dim('  Keys are shown this once; write them down.'))
  if (banner.firstKeyFile !== undefined) {
    lines.push(row('key on disk', banner.firstKeyFile))
    lines.push('', `Call a list, in another terminal: ${paint.bold('carillon call people.csv')}`)
  }
  return [...lines, '']
}

interface Stopping {
  readonly drainSeconds: number
  readonly context: CliContext
}

async function untilStopped(server: RunningServer, { drainSeconds, context }: Stopping): Promise<void> {
  const { terminal } = context
  await nextSignal()
  const live = server.dispatcher.liveCalls
  if (live > 0) {
    terminal.note(
      `No new calls. ${live} live ${live === 1 ? 'call may' : 'calls may'} finish, at most ${drainSeconds} s; Ctrl-C again hangs up.`,
    )
  }
  const drained = server.drain(drainSeconds)
  void nextSignal().then(() => server.dispatcher.hangUpAll())
  await drained
  terminal.note('Carillon has stopped.')
}

function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = (): void => {
      process.removeListener('SIGINT', onSignal)
      process.removeListener('SIGTERM', onSignal)
      resolve()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}
