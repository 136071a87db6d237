import { base62FromHex } from '../../model/id-cipher.ts'

/**
 * Ids of this wire format: a word for the kind, an underscore, and the 128 bits in 22 digits of base 62. The prefixes are
 * those of the vendor's own ids, so clients that look at them go on working.
 */
const PREFIX = {
  batch: 'btcal_',
  recipient: 'rcpt_',
  conversation: 'conv_',
  agent: 'agent_',
  number: 'phnum_',
  webhook: 'wh_',
} as const
export type IdKind = keyof typeof PREFIX

export function encodeId(kind: IdKind, uuid: string): string {
  return PREFIX[kind] + base62FromHex(uuid.replaceAll('-', ''))
}

/** The id without its word; what has none, or is spelled in another way, comes back as it is. */
export function decodeId(kind: IdKind, text: string): string {
  return text.startsWith(PREFIX[kind]) ? text.slice(PREFIX[kind].length) : text
}

/** An id that an owner brought along, where it looks like one of this wire format, else ours. */
export function ownId(kind: 'agent' | 'number', uuid: string, aliases: readonly string[]): string {
  return aliases.find((alias) => alias.startsWith(PREFIX[kind])) ?? encodeId(kind, uuid)
}
