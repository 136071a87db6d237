import { AppError } from '../errors.ts'
import { parseId, uuidFromHex } from '../model/id-cipher.ts'
import { type AgentRow, findAgent } from '../store/agents.ts'
import { type AliasKind, findAlias, insertAlias } from '../store/aliases.ts'
import type { AgentReference } from '../store/batches.ts'
import type { Client } from '../store/owner-transaction.ts'
import { findNumber, type NumberRow } from '../store/phone-numbers.ts'
import { findTrunk, type TrunkRow } from '../store/trunks.ts'
import { checkedText } from './checked-input.ts'

const E164 = /^\+[1-9]\d{6,14}$/
export const ALIAS_CHARS_MAX = 255

/** The UUID of an id in any of its spellings, or null for what is no id. */
export function uuidOf(text: string): string | null {
  const hex = parseId(text)
  return hex === null ? null : uuidFromHex(hex)
}

/** An agent by its id in any spelling, or by an alias; archived ones too. @throws AppError `agent-not-found`. */
export async function requireAgent(client: Client, organizationId: number, reference: string): Promise<AgentRow> {
  const found = await lookForAgent(client, organizationId, reference)
  if (found === undefined) throw new AppError('agent-not-found')
  return found
}

/** The reference as statements take it; one that no agent can have is that of no agent. */
export function agentReference(reference: string): AgentReference {
  // The database can neither keep such a text nor look for it.
  return { uuid: uuidOf(reference), alias: reference.includes('\0') ? '' : reference }
}

export async function lookForAgent(
  client: Client,
  organizationId: number,
  reference: string,
): Promise<AgentRow | undefined> {
  const uuid = uuidOf(reference)
  const byId = uuid === null ? undefined : await findAgent(client, organizationId, { uuid })
  if (byId !== undefined) return byId
  const agentId = await findAlias(client, { organizationId, kind: 'agent', alias: reference })
  return agentId === undefined ? undefined : findAgent(client, organizationId, { agentId })
}

/** A number by E.164, its id in any spelling, or an alias. @throws AppError `number-not-found`. */
export async function requireNumber(client: Client, organizationId: number, reference: string): Promise<NumberRow> {
  const found = await lookForNumber(client, organizationId, reference)
  if (found === undefined) throw new AppError('number-not-found')
  return found
}

export async function lookForNumber(
  client: Client,
  organizationId: number,
  reference: string,
): Promise<NumberRow | undefined> {
  if (E164.test(reference)) return findNumber(client, organizationId, { digits: Number(reference.slice(1)) })
  const uuid = uuidOf(reference)
  const byId = uuid === null ? undefined : await findNumber(client, organizationId, { uuid })
  if (byId !== undefined) return byId
  const numberId = await findAlias(client, { organizationId, kind: 'number', alias: reference })
  return numberId === undefined ? undefined : findNumber(client, organizationId, { numberId })
}

/** A trunk by its id in any spelling, or by an alias. @throws AppError `trunk-not-found`. */
export async function requireTrunk(client: Client, organizationId: number, reference: string): Promise<TrunkRow> {
  const found = await lookForTrunk(client, organizationId, reference)
  if (found === undefined) throw new AppError('trunk-not-found')
  return found
}

export async function lookForTrunk(
  client: Client,
  organizationId: number,
  reference: string,
): Promise<TrunkRow | undefined> {
  const uuid = uuidOf(reference)
  const byId = uuid === null ? undefined : await findTrunk(client, organizationId, { uuid })
  if (byId !== undefined) return byId
  const trunkId = await findAlias(client, { organizationId, kind: 'trunk', alias: reference })
  return trunkId === undefined ? undefined : findTrunk(client, organizationId, { trunkId })
}

/** @throws AppError `alias-taken`. */
export async function storeAliases(
  client: Client,
  object: { organizationId: number; kind: AliasKind; objectId: number },
  aliases: readonly string[],
): Promise<void> {
  for (const written of aliases) {
    const alias = checkedText(written, 'aliases', { max: ALIAS_CHARS_MAX })
    if (!(await insertAlias(client, { ...object, alias }))) {
      throw new AppError('alias-taken', { args: [alias], field: 'aliases' })
    }
  }
}
