import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { ConfigError, loadConfig, unknownSettings } from '../config.ts'
import { maskText } from '../logger.ts'
import { dataFolderOf } from './connection.ts'
import type { Environment, Finding } from './doctor-finding.ts'
import { readFirstKey } from './first-key.ts'
import { CLI_SETTINGS } from './program-settings.ts'

const NODE_MIN = [20, 19] as const
const FREE_BYTES_MIN = 1024 ** 3
const ANSWER_TIMEOUT_MS = 3000

/** Node.js, the settings and the data folder. */
export async function checkMachine(environment: Environment): Promise<Finding[]> {
  return [checkNode(process.versions.node), ...checkSettings(environment), checkDataFolder(dataFolderOf(environment))]
}

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])
  const text = `Node.js ${version}`
  return isOld
    ? { level: 'bad', check: 'node', text, remedy: `Install Node.js ${NODE_MIN.join('.')} or later.` }
    : { level: 'ok', check: 'node', text }
}

export function checkSettings(environment: Environment): Finding[] {
  const unknown = unknownSettings(environment)
    .filter((name) => !CLI_SETTINGS.has(name))
    .map((name): Finding => {
      const remedy = 'Compare its spelling with docs/reference/config.md, or remove it.'
      return { level: 'warning', check: 'settings', text: `${name} is set and means nothing.`, remedy }
    })
  try {
    const config = loadConfig(environment)
    return [
      { level: 'ok', check: 'settings', text: 'The settings can be used.' },
      ...openNetworks(config.allowPrivateTargets),
      ...unknown,
    ]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map(
      (problem): Finding => ({ level: 'bad', check: 'settings', text: maskText(problem) }),
    )
    return [...problems, ...unknown]
  }
}

function openNetworks(networks: readonly string[]): Finding[] {
  if (networks.length === 0) return []
  const text = `Webhooks and trunks may reach private networks: ${networks.join(', ')}. Whoever has a key can have requests sent there.`
  const remedy = 'Leave CARILLON_ALLOW_PRIVATE_TARGETS empty where others than you have keys.'
  return [{ level: 'warning', check: 'settings', text, remedy }]
}

function checkDataFolder(folder: string): Finding {
  const check = 'data-folder'
  if (!fs.existsSync(folder)) {
    return { level: 'note', check, text: `The data folder ${folder} is not there yet; the first start makes it.` }
  }
  try {
    fs.accessSync(folder, fs.constants.W_OK)
  } catch {
    const remedy = 'Run as the user who owns it, or set CARILLON_DATA_DIR to another folder.'
    return { level: 'bad', check, text: `The data folder ${folder} may not be written to.`, remedy }
  }
  const { bavail, bsize } = fs.statfsSync(folder)
  const text = `The data folder ${path.resolve(folder)} has ${((bavail * bsize) / 1024 ** 3).toFixed(1)} GB left.`
  return bavail * bsize < FREE_BYTES_MIN
    ? { level: 'warning', check, text, remedy: 'Make room: a full disk stops the database.' }
    : { level: 'ok', check, text }
}

/** Whether the port is free, or Carillon is behind it. */
export async function checkPort(environment: Environment): Promise<Finding[]> {
  const check = 'port'
  let config: ReturnType<typeof loadConfig>
  try {
    config = loadConfig(environment)
  } catch {
    return []
  }
  const { host } = config
  const port = environment.PORT ? config.port : lastPort(environment, config.port)
  if (port === 0) return [{ level: 'note', check, text: 'PORT is 0: every start takes a free port.' }]
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  if (!(await isListening(reachable, port))) {
    return [{ level: 'note', check, text: `Port ${port} is free; no server runs there.` }]
  }
  const url = `http://${net.isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`
  const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }).catch(() => undefined)
  if (ready?.ok) return [{ level: 'ok', check, text: `A server is ready at ${url}.` }]
  if (ready?.status === 503) {
    return [{ level: 'bad', check, text: `The server at ${url} is not ready.`, remedy: 'Its log says why.' }]
  }
  const remedy = 'Set PORT to another one, or end the other program.'
  return [{ level: 'bad', check, text: `Another program listens on port ${port}.`, remedy }]
}

/** Where the server of this data folder listened last, unless PORT says where it listens. */
function lastPort(environment: Environment, fallback: number): number {
  const last = readFirstKey(dataFolderOf(environment))
  if (last === undefined || !URL.canParse(last.url)) return fallback
  return Number(new URL(last.url).port) || fallback
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: ANSWER_TIMEOUT_MS })
    const settle = (listening: boolean): void => {
      socket.destroy()
      resolve(listening)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
}
