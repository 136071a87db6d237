import { randomUUID } from 'node:crypto'
import { AppError, invalidInput } from '../errors.ts'
import {
  THROTTLE_MAX_CALLS,
  THROTTLE_RULES_MAX,
  THROTTLE_WINDOW_SECONDS_MAX,
  type ThrottleRule,
} from '../model/throttle.ts'
import { takeObjectId } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import {
  countThrottles,
  deleteThrottle,
  findThrottle,
  insertThrottle,
  isThrottleInUse,
  selectThrottles,
  type ThrottleRow,
  writeThrottle,
} from '../store/throttles.ts'
import { audit, changedFields } from './audit.ts'
import { checkedLimit, checkedText, checkedWhole } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { uuidOf } from './find-objects.ts'
import { openPosition, type TwoWayPage, twoWayPage } from './two-way-page.ts'
import { nextVersion, underGate } from './under-gate.ts'
import type { ThrottleView } from './views.ts'

const THROTTLE_NAME_CHARS_MAX = 64

export interface ThrottleInput {
  /** Unique in the organization; 1 to 64 characters. */
  readonly name: string
  /** Each holds for itself. */
  readonly rules: readonly ThrottleRule[]
}

/** @throws AppError `throttle-taken`, `invalid-input`. */
export async function createThrottle(
  context: CommandContext,
  actor: Actor,
  input: ThrottleInput,
): Promise<ThrottleView> {
  const { organizationId } = actor
  const values = checkedThrottle(input)
  return inOrganization(context, actor, async (client) => {
    const throttleId = await takeObjectId(client, organizationId)
    const createdAt = new Date(context.clock.nowEpochMs())
    const row = { organizationId, throttleId, uuid: randomUUID(), ...values, createdAt }
    if (!(await insertThrottle(client, row))) throw nameTaken(values.name)
    await audit(client, actor, 'throttle.created', { objectId: row.uuid })
    return throttleView((await findThrottle(client, organizationId, { throttleId }))!)
  })
}

/** Oldest first. */
export async function listThrottles(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string | undefined; limit?: number | undefined } = {},
): Promise<TwoWayPage<ThrottleView> & { readonly total: number }> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const at = { context, actor, list: 'throttles' }
  const position = openPosition(at, options.cursor)
  const asked = { beside: position.beside?.[0] ?? null, backwards: position.backwards, limit: limit + 1 }
  return inOrganization(context, actor, async (client) => {
    const rows = await selectThrottles(client, actor.organizationId, asked)
    const page = twoWayPage(at, rows, { limit, position, keyOf: ({ throttle_id }) => [throttle_id] })
    const total = await countThrottles(client, actor.organizationId)
    return { ...page, items: page.items.map(throttleView), total }
  })
}

/** @throws AppError `throttle-not-found`. */
export async function getThrottle(context: CommandContext, actor: Actor, id: string): Promise<ThrottleView> {
  return throttleView(
    await inOrganization(context, actor, (client) => requireThrottle(client, actor.organizationId, id)),
  )
}

/** The next claim goes by the new rules; calls that were made before count for them. */
export function updateThrottle(
  context: CommandContext,
  actor: Actor,
  id: string,
  changes: Partial<ThrottleInput>,
): Promise<ThrottleView> {
  const { organizationId } = actor
  return underGate(context, actor, async (client, gate) => {
    const row = await requireThrottle(client, organizationId, id)
    const values = checkedThrottle({ name: changes.name ?? row.name, rules: changes.rules ?? row.rules })
    const key = { organizationId, throttleId: row.throttle_id }
    if (!(await writeThrottle(client, key, values))) throw nameTaken(values.name)
    await audit(client, actor, 'throttle.changed', { objectId: row.throttle_uuid, ...changedFields(changes) })
    await nextVersion(client, gate)
    return throttleView((await findThrottle(client, organizationId, key))!)
  })
}

/** @throws AppError `throttle-not-found`, `throttle-in-use` while a batch that may still dial names it. */
export function removeThrottle(context: CommandContext, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor
  return underGate(context, actor, async (client) => {
    const { throttle_id: throttleId, throttle_uuid: objectId, name } = await requireThrottle(client, organizationId, id)
    const key = { organizationId, throttleId }
    if (await isThrottleInUse(client, key)) throw new AppError('throttle-in-use', { args: [name] })
    await deleteThrottle(client, key)
    await audit(client, actor, 'throttle.removed', { objectId })
  })
}

/** By its id in any spelling, or by its name. */
export async function lookForThrottle(
  client: Client,
  organizationId: number,
  reference: string,
): Promise<ThrottleRow | undefined> {
  const uuid = uuidOf(reference)
  const byId = uuid === null ? undefined : await findThrottle(client, organizationId, { uuid })
  return byId ?? findThrottle(client, organizationId, { name: reference })
}

async function requireThrottle(client: Client, organizationId: number, id: string): Promise<ThrottleRow> {
  const uuid = uuidOf(id)
  const row = uuid === null ? undefined : await findThrottle(client, organizationId, { uuid })
  if (row === undefined) throw new AppError('throttle-not-found')
  return row
}

function checkedThrottle({ name, rules }: ThrottleInput): ThrottleInput {
  if (rules.length < 1 || rules.length > THROTTLE_RULES_MAX) {
    throw invalidInput('rules', `must have 1 to ${THROTTLE_RULES_MAX} rules`)
  }
  return {
    name: checkedText(name, 'name', { max: THROTTLE_NAME_CHARS_MAX }),
    rules: rules.map(({ maxCalls, windowSeconds }, index) => ({
      maxCalls: checkedWhole(maxCalls, `rules[${index}].maxCalls`, { min: 1, max: THROTTLE_MAX_CALLS }),
      windowSeconds: checkedWhole(windowSeconds, `rules[${index}].windowSeconds`, {
        min: 1,
        max: THROTTLE_WINDOW_SECONDS_MAX,
      }),
    })),
  }
}

function nameTaken(name: string): AppError {
  return new AppError('throttle-taken', { args: [name], field: 'name' })
}

function throttleView(row: ThrottleRow): ThrottleView {
  return { id: row.throttle_uuid, name: row.name, rules: row.rules, createdAt: row.created_at }
}
