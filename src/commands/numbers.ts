import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import { isValidNumber } from '../model/phone-number.ts'
import { deleteAliasesOf } from '../store/aliases.ts'
import { takeObjectId } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import {
  deleteNumber,
  findNumber,
  insertNumber,
  type NumberRow,
  selectNumbers,
  usersOfNumber,
} from '../store/phone-numbers.ts'
import type { TrunkRow } from '../store/trunks.ts'
import { audit } from './audit.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { requireNumber, requireTrunk, storeAliases } from './find-objects.ts'
import type { NumberView } from './views.ts'

const E164 = /^\+[1-9]\d{6,14}$/

export interface NumberInput {
  /** E.164 with the plus. */
  readonly number: string
  readonly trunkId: string
  readonly aliases?: readonly string[]
}

/**
 * Gives the organization a number from which it may call, through one trunk. On trunks that ring no real telephone
 * only the shape of the number is checked.
 *
 * @throws AppError `invalid-number`, `trunk-not-found`, `number-taken`, `alias-taken`.
 */
export async function addNumber(context: CommandContext, actor: Actor, input: NumberInput): Promise<NumberView> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const trunk = await requireTrunk(client, organizationId, input.trunkId)
    const numberId = await storeNumber(context, client, { organizationId, trunk, input })
    const row = (await findNumber(client, organizationId, { numberId }))!
    await audit(client, actor, 'number.added', { objectId: row.number_uuid })
    return numberView(row)
  })
}

/** The insert itself, for the first start too. */
export async function storeNumber(
  context: Pick<CommandContext, 'carrierKind' | 'clock'>,
  client: Client,
  options: {
    organizationId: number
    trunk: Pick<TrunkRow, 'trunk_id' | 'carrier'>
    input: Omit<NumberInput, 'trunkId'>
  },
): Promise<number> {
  const { organizationId, trunk, input } = options
  const digits = E164.test(input.number) ? Number(input.number.slice(1)) : 0
  const anyNumber = context.carrierKind(trunk.carrier)?.takesAnyNumber === true
  if (digits === 0 || !(anyNumber || isValidNumber(digits))) {
    throw new AppError('invalid-number', { field: 'number', args: [input.number.slice(0, 50)] })
  }
  const numberId = await takeObjectId(client, organizationId)
  const createdAt = new Date(context.clock.nowEpochMs())
  const row = { organizationId, numberId, uuid: randomUUID(), digits, trunkId: trunk.trunk_id, createdAt }
  if (!(await insertNumber(client, row))) throw new AppError('number-taken', { field: 'number' })
  await storeAliases(client, { organizationId, kind: 'number', objectId: numberId }, input.aliases ?? [])
  return numberId
}

/** Oldest first. */
export async function listNumbers(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string; limit?: number },
): Promise<Page<NumberView>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const after = options.cursor === undefined ? 0 : Number(openCursor(context, actor, 'numbers', options.cursor)[0])
  const rows = await inOrganization(context, actor, (client) =>
    selectNumbers(client, actor.organizationId, { after, limit: limit + 1 }),
  )
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(numberView),
    nextCursor: last === undefined ? null : sealCursor(context, actor, 'numbers', [last.number_id]),
  }
}

/** `number` is an id in any spelling, an alias, or E.164. @throws AppError `number-not-found`. */
export async function getNumber(context: CommandContext, actor: Actor, number: string): Promise<NumberView> {
  return numberView(
    await inOrganization(context, actor, (client) => requireNumber(client, actor.organizationId, number)),
  )
}

/**
 * Batches that call from it go on, since each holds its caller number itself.
 * @throws AppError `number-in-use` while an agent or the organization has it as its default.
 */
export async function removeNumber(context: CommandContext, actor: Actor, number: string): Promise<void> {
  const { organizationId } = actor
  await inOrganization(context, actor, async (client) => {
    const row = await requireNumber(client, organizationId, number)
    const users = await usersOfNumber(client, organizationId, row.number_id)
    const names = [
      ...(users.organization ? ['the organization'] : []),
      ...users.agents.map((name) => `the agent ${name}`),
    ]
    if (names.length > 0) throw new AppError('number-in-use', { args: [names.join(', ')] })
    await audit(client, actor, 'number.removed', { objectId: row.number_uuid })
    await deleteAliasesOf(client, { organizationId, kind: 'number', objectId: row.number_id })
    await deleteNumber(client, organizationId, row.number_id)
  })
}

function numberView(row: NumberRow): NumberView {
  return {
    id: row.number_uuid,
    number: `+${row.number}`,
    trunkId: row.trunk_uuid,
    aliases: row.aliases,
    createdAt: row.created_at,
  }
}
