/** What is wrong with a JSON body, before anyone asks what its fields mean. */
export interface JsonFault {
  readonly ok: false
  /** Where: `recipients[3].variables.name`; empty for the body as a whole. */
  readonly field: string
  readonly message: string
  readonly remedy: string
}

export type JsonBody = { readonly ok: true; readonly value: unknown } | JsonFault

/** Objects and arrays may stand in each other this often. */
export const JSON_DEPTH_MAX = 32

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])
const FIELD_LENGTH_MAX = 200
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Reads a JSON body: UTF-8 without byte order mark, at most {@link JSON_DEPTH_MAX} deep, no key that reaches a
 * prototype, no number too large for a double, and no text that PostgreSQL cannot keep (NUL, half of a surrogate
 * pair). Of a key that is written twice the last one wins. An empty body gives `undefined`.
 *
 * Never throws.
 */
export function readJsonBody(bytes: Buffer): JsonBody {
  if (bytes.length === 0) return { ok: true, value: undefined }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return fault('', 'The body begins with a byte order mark.', 'Send the JSON without the bytes EF BB BF before it.')
  }
  const text = decodeUtf8(bytes)
  if (text === undefined) {
    return fault('', 'The body is not valid UTF-8.', 'Encode the JSON as UTF-8.')
  }
  if (isTooDeep(bytes)) {
    const message = `Objects and lists are nested more than ${JSON_DEPTH_MAX} deep.`
    return fault('', message, 'Flatten the body.')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return fault('', `The body is not valid JSON: ${whereJsonEnds(error, text)}.`, 'Send a complete JSON document.')
  }
  // A NUL, half a surrogate pair or a hidden spelling of a forbidden key can only be written as an escape: valid UTF-8
  // holds no surrogates and JSON no raw control characters. So most bodies are walked without looking at their texts.
  return walk(value, { inspectTexts: text.includes('\\u') }) ?? { ok: true, value }
}

function fault(field: string, message: string, remedy: string): JsonFault {
  return { ok: false, field, message, remedy }
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = new Set([0x5b, 0x7b])
const CLOSE = new Set([0x5d, 0x7d])

/** Counts brackets outside of texts, so that a hostile body is refused before anything is built from it. */
function isTooDeep(bytes: Buffer): boolean {
  let depth = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (inText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (OPEN.has(byte)) {
      depth++
      if (depth > JSON_DEPTH_MAX) return true
    } else if (CLOSE.has(byte)) depth--
  }
  return false
}

/** Where a parser stopped, without its message: that quotes the body, which holds numbers of people. */
function whereJsonEnds(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : ''
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? Number.NaN)
  if (/end of JSON input|Unterminated string/.test(message) || position >= text.length) return 'it ends too early'
  if (Number.isNaN(position)) return 'it holds something that is no JSON value'
  const before = text.slice(0, position)
  return `wrong at line ${before.split('\n').length}, character ${before.length - before.lastIndexOf('\n')}`
}

interface Walk {
  readonly inspectTexts: boolean
}

/** The first fault below `value`, or undefined. The depth is bounded already, so recursion is. */
function walk(value: unknown, options: Walk, path: Path | null = null): JsonFault | undefined {
  if (typeof value === 'string') return options.inspectTexts ? textFault(value, path) : undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : numberFault(path)
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const found = walk(value[index], options, { above: path, step: index })
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    const here: Path = { above: path, step: key }
    const found = keyFault(key, here, options) ?? walk((value as Record<string, unknown>)[key], options, here)
    if (found !== undefined) return found
  }
  return undefined
}

interface Path {
  readonly above: Path | null
  readonly step: string | number
}

function fieldOf(path: Path | null): string {
  const steps: string[] = []
  for (let at = path; at !== null; at = at.above) {
    if (typeof at.step === 'number') steps.push(`[${at.step}]`)
    else steps.push(at.above === null ? at.step : `.${at.step}`)
  }
  return printable(steps.reverse().join(''))
}

function keyFault(key: string, path: Path, options: Walk): JsonFault | undefined {
  if (FORBIDDEN_KEYS.has(key))
    return fault(fieldOf(path), `No field may be called ${key}.`, 'Rename or remove the field.')
  return options.inspectTexts ? textFault(key, path) : undefined
}

function textFault(text: string, path: Path | null): JsonFault | undefined {
  if (text.includes('\0')) {
    return fault(fieldOf(path), 'The text holds the character U+0000, which cannot be stored.', 'Remove it.')
  }
  if (LONE_SURROGATE.test(text)) {
    return fault(fieldOf(path), 'The text holds half of a surrogate pair.', 'Send whole characters or remove it.')
  }
  return undefined
}

function numberFault(path: Path | null): JsonFault {
  return fault(fieldOf(path), 'The number is too large.', 'Send a smaller number or a text.')
}

/** A field's name comes from the client: it goes back short and without characters that break a header or a terminal. */
function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, '\u{fffd}')
  return clean.length > FIELD_LENGTH_MAX ? `${clean.slice(0, FIELD_LENGTH_MAX)}…` : clean
}
