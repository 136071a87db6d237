/**
 * Ids of this wire format: a word for the kind and the 128 bits in hexadecimal, as the vendor's own ids begin and look.
 */
export const PREFIX = { batch: 'batch_call_', call: 'call_', agent: 'agent_' } as const
export type IdKind = keyof typeof PREFIX

/** What the vendor's ids of agents look like: with the word before them, and older ones of 32 letters and digits. */
const THEIR_AGENT = /^(?:agent_\w+|[A-Za-z0-9]{32})$/

export function encodeId(kind: IdKind, uuid: string): string {
  return PREFIX[kind] + uuid.replaceAll('-', '')
}

/** The id without its word; what has none, or is spelled in another way, comes back as it is. */
export function decodeId(kind: IdKind, text: string): string {
  return text.startsWith(PREFIX[kind]) ? text.slice(PREFIX[kind].length) : text
}

/** The id that an owner brought along, where it looks like one of this wire format, else ours. */
export function ownAgentId({ id, aliases }: { id: string; aliases: readonly string[] }): string {
  return aliases.find((alias) => THEIR_AGENT.test(alias)) ?? encodeId('agent', id)
}
