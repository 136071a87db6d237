import { isIP } from 'node:net'
import type { SipHeaders } from './message.ts'
import { splitOutside } from './message.ts'

/** A sip or sips URI, as far as a client must understand one. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips'
  /** Empty when there is none. */
  readonly user: string
  /** A name or an IP address; IPv6 without its brackets. */
  readonly host: string
  readonly port: number | null
  /** Lower-case names; a parameter without a value has an empty one. */
  readonly parameters: ReadonlyMap<string, string>
}

/** What From, To, Contact, Route and Record-Route hold. */
export interface NameAddress {
  readonly uri: string
  readonly parameters: ReadonlyMap<string, string>
}

export interface Via {
  /** Such as `UDP`. */
  readonly transport: string
  /** Host and port as they stand there. */
  readonly sentBy: string
  readonly parameters: ReadonlyMap<string, string>
}

let lastText = ''
let lastUri: SipUri | null = null

/** Null for anything that is not a sip or sips URI with a host. */
export function parseUri(text: string): SipUri | null {
  // The same few are read again and again: a server's Contact is that of all its calls.
  if (text !== lastText) {
    lastUri = readUri(text)
    lastText = text
  }
  return lastUri
}

function readUri(text: string): SipUri | null {
  const match =
    /^(sips?):(?:([^@]{0,256})@)?(\[[0-9a-f:.]{2,45}\]|[\w.-]{1,255})(?::(\d{1,5}))?((?:;[^?]{0,1024})?)(?:\?.*)?$/i.exec(
      text,
    )
  if (match === null) return null
  const port = match[4] === undefined ? null : Number(match[4])
  if (port !== null && (port < 1 || port > 65_535)) return null
  const host = match[3]!.startsWith('[') ? match[3]!.slice(1, -1) : match[3]!
  if (match[3]!.startsWith('[') && isIP(host) !== 6) return null
  const scheme = match[1]!.toLowerCase() as 'sip' | 'sips'
  return { scheme, user: match[2] ?? '', host, port, parameters: parametersOf(splitOutside(match[5]!, ';')) }
}

/** Null when there is no address in it. */
export function parseNameAddress(text: string): NameAddress | null {
  const open = openingBracket(text)
  if (open >= 0) {
    const close = text.indexOf('>', open)
    if (close < 0) return null
    const uri = text.slice(open + 1, close).trim()
    return uri === '' ? null : { uri, parameters: parametersOf(splitOutside(text.slice(close + 1), ';')) }
  }
  const [uri, ...parameters] = splitOutside(text, ';')
  return uri === undefined || /[\s"]/.test(uri) ? null : { uri, parameters: parametersOf(parameters) }
}

/** Where the address begins: a bracket in a quoted name does not count. */
function openingBracket(text: string): number {
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    if (quoted && text[at] === '\\') at++
    else if (text[at] === '"') quoted = !quoted
    else if (text[at] === '<' && !quoted) return at
  }
  return -1
}

/** The topmost Via, or null when it cannot be read. */
export function topVia(headers: SipHeaders): Via | null {
  const [value] = headers.list('via')
  const match = /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*(\w{1,16})[ \t]+([^;\s]{1,300})[ \t]*(;.*)?$/i.exec(value ?? '')
  if (match === null) return null
  const parameters = parametersOf(splitOutside(match[3] ?? '', ';'))
  return { transport: match[1]!.toUpperCase(), sentBy: match[2]!, parameters }
}

/** The branch of the topmost Via; empty when there is none. */
export function topBranch(headers: SipHeaders): string {
  const via = headers.get('via') ?? ''
  return plainBranch(via) ?? topVia(headers)?.parameters.get('branch') ?? ''
}

/** The branch where one Via stands in the line and nothing is quoted, as nearly always; else null. */
function plainBranch(via: string): string | null {
  const at = via.indexOf(';branch=')
  if (at < 0 || via.includes('"') || via.includes(',')) return null
  const end = via.indexOf(';', at + 1)
  const branch = via.slice(at + 8, end < 0 ? undefined : end)
  return /^\S+$/.test(branch) ? branch : null
}

/** The tag of a From or To header, or null. */
export function tagOf(headerValue: string | null): string | null {
  const plain = headerValue === null ? null : plainTag(headerValue)
  if (plain !== null) return plain
  return (headerValue && parseNameAddress(headerValue)?.parameters.get('tag')) || null
}

/** The tag where it is the first parameter of an address without quotes, as nearly everybody writes it; else null. */
function plainTag(value: string): string | null {
  const at = value.indexOf('>') + 1
  if (at === 0 || value.includes('"') || !value.startsWith(';tag=', at)) return null
  const tag = value.slice(at + 5)
  return /^[^;\s]+$/.test(tag) ? tag : null
}

/** `name=value` pairs; a value in quotes loses them. */
export function parametersOf(parts: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase()
    if (name !== '' && !parameters.has(name)) parameters.set(name, equals < 0 ? '' : unquoted(part.slice(equals + 1)))
  }
  return parameters
}

function unquoted(text: string): string {
  const value = text.trim()
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value
  return value.slice(1, -1).replace(/\\(.)/g, '$1')
}

/** An address or name as it stands in a URI or Via: IPv6 in brackets. */
export function hostText(host: string): string {
  // No name has a colon.
  return host.includes(':') ? `[${host}]` : host
}

export function hostPort(host: string, port: number): string {
  return `${hostText(host)}:${port}`
}
