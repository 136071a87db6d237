import { isIP } from 'node:net'
import os from 'node:os'
import { z } from 'zod'

/**
 * Every setting of the server, and the only place that reads the environment. A key is the name in {@link Config};
 * `docs/reference/config.md` is generated from the same rows.
 */
interface Setting<Value> {
  /** The environment variable. */
  readonly variable: string
  /** One sentence for the reference page. */
  readonly description: string
  /** How the reference page names the default. */
  readonly defaultText: string
  /** Never printed, not even when it is wrong. */
  readonly secret?: true
  /** Reads the variable's text, `undefined` when it is not set or empty. */
  readonly schema: z.ZodType<Value, string | undefined>
}

const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

const SETTINGS = {
  port: {
    variable: 'PORT',
    description: 'The TCP port that the API, the console and the callbacks of carriers listen on; 0 takes a free one.',
    defaultText: '8080',
    schema: wholeNumber({ min: 0, max: 65_535, fallback: 8_080 }),
  },
  host: {
    variable: 'HOST',
    description:
      'The address to listen on. The default is reachable from this machine only; the container image sets 0.0.0.0.',
    defaultText: '127.0.0.1',
    schema: text({
      max: 255,
      pattern: /^[\w.:%-]+$/,
      hint: 'an address or host name such as 0.0.0.0',
      fallback: '127.0.0.1',
    }),
  },
  publicUrl: {
    variable: 'CARILLON_PUBLIC_URL',
    description:
      'Where clients and carriers reach this installation; all links and callback addresses are made from it.',
    defaultText: 'the address it listens on',
    schema: optional(
      (value) => baseUrlOf(value),
      'an http or https address without query, such as https://calls.example.com',
    ),
  },
  nodeUrl: {
    variable: 'CARILLON_NODE_URL',
    description:
      'Where this one server is reached by those who join calls over a WebSocket; needed where several servers stand behind one address, since a call can only be joined at the server that placed it.',
    defaultText: 'that of `CARILLON_PUBLIC_URL`',
    schema: optional(
      (value) => baseUrlOf(value),
      'an http or https address without query, such as https://node-1.example.com',
    ),
  },
  dataFolder: {
    variable: 'CARILLON_DATA_DIR',
    description: 'The folder of the embedded PostgreSQL and of everything else that is kept on this machine.',
    defaultText: '.carillon',
    schema: text({ max: 4_096, pattern: /^[^\0]+$/, hint: 'a path', fallback: '.carillon' }),
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    description:
      'An external PostgreSQL, 14 or later, used instead of the embedded one: postgres://user@host/database.',
    defaultText: 'the embedded PostgreSQL',
    secret: true,
    schema: optional(
      (value) => (/^postgres(ql)?:\/\/[^\s]+$/.test(value) ? value : undefined),
      'an address of the form postgres://user:password@host:5432/database',
    ),
  },
  databaseConnections: {
    variable: 'CARILLON_DATABASE_CONNECTIONS',
    description: 'How many database connections the API of this node may hold at once; the dispatcher has its own.',
    defaultText: '10',
    schema: wholeNumber({ min: 1, max: 200, fallback: 10 }),
  },
  nodeName: {
    variable: 'CARILLON_NODE_NAME',
    description: 'What this node is called in logs and in the list of nodes.',
    defaultText: 'the host name',
    schema: text({
      max: 100,
      pattern: /^[\x21-\x7e]+$/,
      hint: 'up to 100 printable characters',
      fallback: os.hostname(),
    }),
  },
  bootstrapApiKey: {
    variable: 'CARILLON_BOOTSTRAP_API_KEY',
    description:
      'An API key that the first start gives to the organization `default`: a token of its own, or with the secret below the key of a pair.',
    defaultText: 'one is made and printed',
    secret: true,
    schema: credentialText(),
  },
  bootstrapApiSecret: {
    variable: 'CARILLON_BOOTSTRAP_API_SECRET',
    description: 'The secret that makes a pair of CARILLON_BOOTSTRAP_API_KEY.',
    defaultText: 'none',
    secret: true,
    schema: credentialText(),
  },
  operatorApiKey: {
    variable: 'CARILLON_OPERATOR_API_KEY',
    description: 'The key that may make and limit organizations.',
    defaultText: 'one is made and printed',
    secret: true,
    schema: credentialText(),
  },
  secretKeys: {
    variable: 'CARILLON_SECRET_KEY',
    description:
      'The key under which stored secrets (of webhooks, trunks) are sealed, so that a copy of the database alone opens none of them. To change it, write the new one, a comma and the old one.',
    defaultText: 'a key made from a secret in the database',
    secret: true,
    schema: secretKeys(),
  },
  drainSeconds: {
    variable: 'CARILLON_DRAIN_SECONDS',
    description: 'How long live calls may go on after SIGTERM before they are hung up.',
    defaultText: '600',
    schema: wholeNumber({ min: 0, max: 86_400, fallback: 600 }),
  },
  allowPrivateTargets: {
    variable: 'CARILLON_ALLOW_PRIVATE_TARGETS',
    description:
      'Private networks that webhooks, agents and carriers may be reached in, as a comma-separated list such as 127.0.0.0/8,::1/128.',
    defaultText: 'none',
    schema: networks(),
  },
  trustedProxies: {
    variable: 'CARILLON_TRUSTED_PROXIES',
    description:
      'Networks of the proxies whose X-Forwarded-For header is believed, as a comma-separated list such as 10.0.0.0/8.',
    defaultText: 'none',
    schema: networks(),
  },
  region: {
    variable: 'CARILLON_REGION',
    description: 'The region that dialects which have regions report.',
    defaultText: 'US',
    schema: text({ max: 16, pattern: /^[A-Za-z0-9-]+$/, hint: 'letters, digits and hyphens', fallback: 'US' }),
  },
  mediaPorts: {
    variable: 'CARILLON_MEDIA_PORTS',
    description:
      'The UDP ports for the sound of calls that this node carries itself, two for each call; open them in the firewall. Best outside of the range that the system gives to others (32768-60999 on Linux).',
    defaultText: '16384-32767',
    schema: portRange({ first: 16_384, last: 32_767 }),
  },
  voiceCommand: {
    variable: 'CARILLON_VOICE_COMMAND',
    description:
      'A program with its arguments, split at spaces and run without a shell, that reads a text from standard input and writes a WAV file to standard output; {voice} and {speed} stand for what an agent chose. It then speaks for all agents that name no other voice.',
    defaultText: 'flite or espeak-ng, when installed',
    schema: optional(
      (value) => (value.length <= 4_096 ? value.split(/\s+/) : undefined),
      'a program and its arguments, such as /usr/local/bin/speak --voice {voice}',
    ),
  },
  searchPath: {
    variable: 'PATH',
    description: 'Where the voices flite and espeak-ng are looked for.',
    defaultText: 'nothing is found',
    schema: optional((value) => value, 'a list of folders'),
  },
  recordingsFolder: {
    variable: 'CARILLON_RECORDINGS_DIR',
    description: 'Where the WAV files lie that agents may play instead of speaking; the same files on every node.',
    defaultText: 'recordings in CARILLON_DATA_DIR',
    schema: optional((value) => (value.includes('\0') ? undefined : value), 'a path'),
  },
  voiceCacheMegabytes: {
    variable: 'CARILLON_VOICE_CACHE_MB',
    description:
      'How much rendered speech is kept on disk, in `voice-cache` of CARILLON_DATA_DIR; it may say names. What was not used for longest goes first.',
    defaultText: '512',
    schema: wholeNumber({ min: 1, max: 1_000_000, fallback: 512 }),
  },
  mediaWorkers: {
    variable: 'CARILLON_MEDIA_WORKERS',
    description:
      'How many threads carry the sound of calls; one carries several hundred announcements (see docs/reference/performance.md).',
    defaultText: 'one less than the machine has cores, at least one',
    schema: wholeNumber({ min: 1, max: 64, fallback: Math.max(1, os.availableParallelism() - 1) }),
  },
  mediaPriority: {
    variable: 'CARILLON_MEDIA_PRIORITY',
    description:
      'Whether the threads that carry sound go before all other work of the machine, so that no frame waits for a core: `high`, as far as the system allows it (on Linux root, or a limit of real-time priority of at least 1, such as LimitRTPRIO=1 of systemd; with koffi) and while there are fewer of them than cores; `normal`, never.',
    defaultText: 'high',
    schema: oneOf(['high', 'normal'], 'high'),
  },
  udpSockets: {
    variable: 'CARILLON_UDP_SOCKETS',
    description:
      'How sound and SIP over UDP reach the network: `rings`, sound by many packets in one system call (io_uring, from Linux 6.0 on, where it is not forbidden, as it is in most containers), else as with `system`; `system`, by system calls of our own, at less than half the cost of `node`, where the system and the optional package koffi allow it (Linux on x64 and arm64), else as with `node`; `node`, by the sockets of Node.js.',
    defaultText: 'rings',
    schema: oneOf(['rings', 'system', 'node'], 'rings'),
  },
  sipAddresses: {
    variable: 'CARILLON_SIP_ADDRESSES',
    description:
      'The addresses of this machine that SIP trunks are reached from, at most one of IPv4 and one of IPv6, with a comma between them. Nobody can call this server.',
    defaultText: '0.0.0.0',
    schema: addresses(['0.0.0.0']),
  },
  sipPort: {
    variable: 'CARILLON_SIP_PORT',
    description:
      'The UDP port of SIP, where a trunk recognises this server by it; 0 takes a free one. Each node on a machine needs its own.',
    defaultText: '0',
    schema: wholeNumber({ min: 0, max: 65_535, fallback: 0 }),
  },
  sipPublicAddress: {
    variable: 'CARILLON_SIP_PUBLIC_ADDRESS',
    description:
      'The IP address that SIP trunks know this node by, where a router translates addresses one to one; ports stay the same.',
    defaultText: 'the address it sends from',
    schema: optional((value) => (isIP(value) ? value : undefined), 'an IP address such as 203.0.113.7'),
  },
  sipCallsPerSecond: {
    variable: 'CARILLON_SIP_CALLS_PER_SECOND',
    description:
      'How many calls this node begins in a second over all its SIP trunks; more wait, so that overload cannot feed itself.',
    defaultText: '200',
    schema: wholeNumber({ min: 1, max: 2_000, fallback: 200 }),
  },
  dialing: {
    variable: 'CARILLON_DIALING',
    description:
      'off: this node begins no call. Calls that live are looked after, and the API works. For a database that was restored or lost its last moments: look first, pause what is in doubt, then start with on.',
    defaultText: 'on',
    schema: oneOf(['on', 'off'], 'on'),
  },
  retentionDays: {
    variable: 'CARILLON_RETENTION_DAYS',
    description:
      'How many days after a batch is over its people are erased: numbers, variables, metadata, what was said and pressed. Counts and outcomes stay. 0 keeps them; an organization may say otherwise.',
    defaultText: '0',
    schema: wholeNumber({ min: 0, max: 36_500, fallback: 0 }),
  },
  keyRequestsPerSecond: {
    variable: 'CARILLON_KEY_REQUESTS_PER_SECOND',
    description:
      'How many requests of one API key are answered in a second, twice as many at once; more get 429 with Retry-After. Each of several nodes answers its part of them. 0: no limit. A key may have a limit of its own.',
    defaultText: '200',
    schema: wholeNumber({ min: 0, max: 100_000, fallback: 200 }),
  },
  logLevel: {
    variable: 'CARILLON_LOG_LEVEL',
    description: `How much is logged: ${LOG_LEVELS.join(', ')}.`,
    defaultText: 'info',
    schema: oneOf(LOG_LEVELS, 'info'),
  },
} as const satisfies Record<string, Setting<unknown>>

type Settings = typeof SETTINGS

/** What the server was told, checked and with defaults. Secrets are in it: it is never logged as a whole. */
export type Config = { readonly [Key in keyof Settings]: z.output<Settings[Key]['schema']> }

/** One row of the reference page. */
export interface SettingDescription {
  readonly variable: string
  readonly description: string
  readonly defaultText: string
  readonly secret: boolean
}

/** Settings that cannot be used. The message has one line for each, with what to write instead and no secret in it. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The settings cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/**
 * Reads all settings at once. An empty variable counts as not set, since that is how many tools unset one.
 *
 * @throws ConfigError that names every wrong setting, not only the first.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const written = environment[setting.variable]?.trim()
    const result = setting.schema.safeParse(written === '' ? undefined : written)
    if (result.success) values[key] = result.data
    else {
      const shown = setting.secret || written === undefined ? '' : ` It is ${JSON.stringify(written.slice(0, 100))}.`
      problems.push(`${setting.variable}: ${result.error.issues[0]?.message ?? 'It cannot be used.'}${shown}`)
    }
  }
  if (values.bootstrapApiSecret !== undefined && values.bootstrapApiKey === undefined && problems.length === 0) {
    problems.push('CARILLON_BOOTSTRAP_API_SECRET: Set CARILLON_BOOTSTRAP_API_KEY too; a secret alone is no key.')
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return values as Config
}

/**
 * Variables that begin like ours and mean nothing, most likely misspelt. Those that Kubernetes sets for a service
 * called `carillon` are left out.
 */
export function unknownSettings(environment: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const known = new Set<string>(Object.values(SETTINGS).map((setting) => setting.variable))
  return Object.keys(environment)
    .filter((name) => name.startsWith('CARILLON_') && !known.has(name))
    .filter((name) => !/^CARILLON_(PORT|SERVICE)(_|$)/.test(name))
    .sort()
}

/** The settings in the order of the reference page. */
export function describeSettings(): SettingDescription[] {
  return Object.values<Setting<unknown>>(SETTINGS).map(({ variable, description, defaultText, secret }) => ({
    variable,
    description,
    defaultText,
    secret: secret ?? false,
  }))
}

function wholeNumber(range: { min: number; max: number; fallback: number }) {
  const message = `Write a whole number from ${range.min} to ${range.max}.`
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined) return range.fallback
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
      if (number >= range.min && number <= range.max) return number
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
}

function portRange(fallback: { first: number; last: number }) {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined) return fallback
      const [first, last] = /^\d{1,5}-\d{1,5}$/.test(value) ? value.split('-').map(Number) : []
      if (first !== undefined && last !== undefined && first >= 1024 && last <= 65_535 && first + 1 < last) {
        return { first, last }
      }
      context.addIssue({ code: 'custom', message: 'Write two ports from 1024 to 65535, such as 16384-32767.' })
      return z.NEVER
    })
}

function addresses(fallback: readonly string[]) {
  return z
    .string()
    .optional()
    .transform((value, context): readonly string[] => {
      if (value === undefined) return fallback
      const written = value.split(',').map((address) => address.trim())
      const families = written.map((address) => isIP(address))
      if (!families.includes(0) && new Set(families).size === families.length) return written
      context.addIssue({ code: 'custom', message: 'Write one IP address, or one of IPv4 and one of IPv6: 0.0.0.0,::' })
      return z.NEVER
    })
}

function text(rule: { max: number; pattern: RegExp; hint: string; fallback: string }) {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined) return rule.fallback
      if (value.length <= rule.max && rule.pattern.test(value)) return value
      context.addIssue({ code: 'custom', message: `Write ${rule.hint}.` })
      return z.NEVER
    })
}

function oneOf<const Word extends string>(words: readonly Word[], fallback: Word) {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      const word = value === undefined ? fallback : words.find((known) => known === value.toLowerCase())
      if (word !== undefined) return word
      context.addIssue({ code: 'custom', message: `Write one of ${words.join(', ')}.` })
      return z.NEVER
    })
}

function optional<Value>(read: (value: string) => Value | undefined, hint: string) {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      if (value === undefined) return undefined
      const result = read(value)
      if (result !== undefined) return result
      context.addIssue({ code: 'custom', message: `Write ${hint}.` })
      return z.NEVER
    })
}

function credentialText() {
  return optional(
    (value) => (/^[\x21-\x7e]{20,200}$/.test(value) ? value : undefined),
    '20 to 200 printable characters',
  )
}

function secretKeys() {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      const keys = (value ?? '').split(',').filter((key) => key !== '')
      if (keys.every((key) => /^[\x21-\x7e]{32,200}$/.test(key))) return keys as readonly string[]
      context.addIssue({ code: 'custom', message: 'Write 32 to 200 random printable characters without commas.' })
      return z.NEVER
    })
}

function networks() {
  return z
    .string()
    .optional()
    .transform((value, context) => {
      const entries = (value ?? '')
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== '')
      const wrong = entries.find((entry) => !isNetwork(entry))
      if (wrong === undefined) return entries as readonly string[]
      context.addIssue({
        code: 'custom',
        message: 'Write networks such as 10.0.0.0/8 or ::1/128, separated by commas.',
      })
      return z.NEVER
    })
}

function isNetwork(entry: string): boolean {
  const [address = '', bits, more] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || more !== undefined) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** The address without a slash at its end, so that paths can be put behind it; undefined when it is no such address. */
function baseUrlOf(value: string): string | undefined {
  if (!URL.canParse(value)) return undefined
  const url = new URL(value)
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
  if (!isWeb || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
