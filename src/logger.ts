import { type DestinationStream, type Logger, pino } from 'pino'
import { maskNumber } from './model/phone-number.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  /** A level of pino, or `silent`. */
  readonly level: string
  /** Stands on every line. */
  readonly nodeName?: string
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream
}

/** Fields that are never logged, whatever object they stand in. */
const HIDDEN = new Set(
  [
    'authorization apiKey api_key apiSecret api_secret secret secrets password token cookie credential',
    'variables metadata transcript spokenText text keysPressed body databaseUrl connectionString',
    'x-api-key x-api-secret',
  ].flatMap((line) => line.split(' ').map((name) => name.toLowerCase())),
)

/** Fields that hold a telephone number, with or without its plus, as text or as an integer. */
const NUMBERS = new Set(['number', 'to', 'from', 'caller', 'callernumber', 'phonenumber', 'phone', 'e164'])
const MANY_DIGITS = /(?:\d\D{0,3}){7}/

const HIDDEN_MARK = '[hidden]'
const DEPTH_MAX = 6
const ITEMS_MAX = 50
/** A key of ours and what follows it, the password of a connection string, a full telephone number. */
const API_KEY = /\bcrl_[0-9A-Za-z]{6,}(?:[_:][0-9A-Za-z_:-]+)/g
const PASSWORD_IN_URL = /(\/\/[^/\s:@"\\]*:)[^@\s"\\/]+@/g
const FULL_NUMBER = /\+[1-9]\d{6,14}(?!\d)/g

/**
 * A JSON logger that says nothing about people: telephone numbers are masked, secrets, variables and spoken text are
 * left out by their field's name, and numbers, keys and passwords are taken out of messages and errors too. Messages
 * are static and values are fields; the masking of messages is the second wall, not the first.
 */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: options.nodeName === undefined ? null : { node: options.nodeName },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      bindings: (bindings: Record<string, unknown>) => withoutPeople(bindings),
      log: withoutPeople,
    },
    // The standard serializer would put all fields of an error back, those of a database error among them.
    serializers: { err: (error: unknown) => cleanValue(error, 0) },
    hooks: { streamWrite: maskText },
  }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination)
}

/** Takes telephone numbers, API keys and passwords out of a text. */
export function maskText(text: string): string {
  return text
    .replace(FULL_NUMBER, (number) => maskNumber(number))
    .replace(API_KEY, HIDDEN_MARK)
    .replace(PASSWORD_IN_URL, `$1${HIDDEN_MARK}@`)
}

/** A copy of a log line's fields in which nothing of {@link HIDDEN} stands and numbers are masked. */
function withoutPeople(fields: Record<string, unknown>): Record<string, unknown> {
  return cleanObject(fields, 0)
}

function cleanObject(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(fields)) {
    const name = key.toLowerCase()
    if (HIDDEN.has(name)) clean[key] = HIDDEN_MARK
    else if (NUMBERS.has(name) && MANY_DIGITS.test(String(value))) {
      clean[key] = maskNumber(String(value))
    } else clean[key] = cleanValue(value, depth + 1)
  }
  return clean
}

function cleanValue(value: unknown, depth: number): unknown {
  if (value instanceof Error) return describeError(value, depth)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (depth > DEPTH_MAX) return '[deeper]'
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => cleanValue(item, depth + 1))
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`
  return cleanObject(value, depth)
}

/** Of an error only what we know to be harmless: the `detail` of a database error quotes rows. */
function describeError(error: Error & { code?: unknown }, depth: number): Record<string, unknown> {
  const described: Record<string, unknown> = { type: error.name, message: error.message, stack: error.stack }
  if (typeof error.code === 'string') described.code = error.code
  if (error.cause instanceof Error && depth <= DEPTH_MAX) described.cause = describeError(error.cause, depth + 1)
  return described
}
