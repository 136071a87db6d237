import { ApiClient } from './api-client.ts'
import { CliError, EXIT, usageError } from './cli-error.ts'
import { readFirstKey } from './first-key.ts'

/** The options that every command which asks the server has. */
export interface ConnectionOptions {
  readonly url?: string | undefined
  readonly key?: string | undefined
}

export interface Connection {
  readonly url: string
  readonly key: string
  /** For people: where the key came from. */
  readonly keySource: '--key' | 'CARILLON_API_KEY' | 'first-key.json'
}

type Environment = Readonly<Record<string, string | undefined>>

export const DEFAULT_URL = 'http://127.0.0.1:8080'
export const DEFAULT_DATA_FOLDER = '.carillon'

/**
 * Options win over the environment, and that over what the first start on this machine left in its data folder. A key
 * from that folder is sent to the server that it belongs to or to this machine, never to another address.
 *
 * @throws CliError when there is no key or the address is none.
 */
export function findConnection(options: ConnectionOptions, environment: Environment): Connection {
  const asked = options.url ?? filled(environment.CARILLON_URL)
  const local = readFirstKey(dataFolderOf(environment))
  const url = baseUrl(asked ?? local?.url ?? DEFAULT_URL)
  const key = options.key ?? filled(environment.CARILLON_API_KEY)
  if (key !== undefined) {
    return { url, key, keySource: options.key === undefined ? 'CARILLON_API_KEY' : '--key' }
  }
  if (local !== undefined && (isThisMachine(url) || url === baseUrl(local.url))) {
    return { url, key: local.apiKey, keySource: 'first-key.json' }
  }
  throw new CliError('No API key is known.', {
    remedy: 'Give one with --key or CARILLON_API_KEY, or run this in the folder where the server was first started.',
    exitCode: EXIT.usage,
  })
}

export function connect(options: ConnectionOptions, environment: Environment = process.env): ApiClient {
  return new ApiClient(findConnection(options, environment))
}

export function dataFolderOf(environment: Environment): string {
  return filled(environment.CARILLON_DATA_DIR) ?? DEFAULT_DATA_FOLDER
}

function filled(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

function baseUrl(text: string): string {
  const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
  if (!isWeb) throw usageError(`${text} is not an address.`, 'Write one such as http://127.0.0.1:8080.')
  const url = new URL(text)
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

function isThisMachine(url: string): boolean {
  const host = new URL(url).hostname
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
