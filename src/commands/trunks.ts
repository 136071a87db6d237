import { randomUUID } from 'node:crypto'
import { AppError, invalidInput } from '../errors.ts'
import type { Gate } from '../store/gate.ts'
import { takeObjectId } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import { findTrunk, insertTrunk, selectTrunks, type TrunkRow, writeTrunk } from '../store/trunks.ts'
import { audit, changedFields } from './audit.ts'
import { checkedText, checkedWhole, NAME_CHARS_MAX } from './checked-input.ts'
import { checkedSettings } from './checked-settings.ts'
import { type Actor, type CommandContext, inOrganization, type JsonObject } from './context.ts'
import { requireTrunk } from './find-objects.ts'
import { openSettings, sealSettings, shownSettings, targetNames, withKeptSecrets } from './sealed-settings.ts'
import { nextVersion, underGate } from './under-gate.ts'
import type { TrunkView } from './views.ts'

const LIVE_MAX_MAX = 100_000
const CALLS_PER_SECOND_MIN = 0.01
const CALLS_PER_SECOND_MAX = 10_000
/** Each is a request to somebody's server. */
const JOINED_CALLS_PER_SECOND = 20

export interface TrunkInput {
  readonly name: string
  readonly carrier: string
  readonly settings: JsonObject
  /** Calls at once. */
  readonly liveMax: number
  readonly callsPerSecond: number
}

export interface TrunkChanges {
  readonly name?: string
  /** Replaces all settings but secrets that are left out; a secret that is null is removed. */
  readonly settings?: JsonObject
  readonly liveMax?: number
  readonly callsPerSecond?: number
}

/** @throws AppError `unknown-carrier`, `invalid-settings`, `invalid-input`. */
export async function createTrunk(context: CommandContext, actor: Actor, input: TrunkInput): Promise<TrunkView> {
  await requireTargets(context, input.carrier, input.settings)
  return underGate(context, actor, async (client, gate) => {
    const trunkId = await storeTrunk(context, client, { gate, input })
    const trunk = (await findTrunk(client, actor.organizationId, { trunkId }))!
    await audit(client, actor, 'trunk.created', { objectId: trunk.trunk_uuid })
    return trunkView(context, trunk)
  })
}

/** The insert itself, for the first start too. */
export async function storeTrunk(
  context: Pick<CommandContext, 'carrierKind' | 'secrets'>,
  client: Client,
  { gate, input }: { gate: Gate; input: TrunkInput },
): Promise<number> {
  const { organizationId } = gate
  const trunkId = await takeObjectId(client, organizationId)
  await insertTrunk(client, {
    organizationId,
    trunkId,
    uuid: randomUUID(),
    name: checkedText(input.name, 'name', { max: NAME_CHARS_MAX }),
    carrier: input.carrier,
    settings: settingsFor(context, { organizationId, trunkId, carrier: input.carrier }, input.settings),
    version: await nextVersion(client, gate),
    liveMax: checkedLiveMax(input.liveMax),
    callsPerSecond: checkedRate(input.callsPerSecond),
    now: gate.now,
  })
  return trunkId
}

/** Makes the trunk for calls that somebody else places, unless the organization has one. */
export async function ensureJoinedTrunk(context: CommandContext, actor: Actor, carrier: string): Promise<void> {
  const isThere = (rows: readonly TrunkRow[]) => rows.some((row) => row.carrier === carrier)
  const { organizationId } = actor
  if (isThere(await inOrganization(context, actor, (client) => selectTrunks(client, organizationId)))) return
  await underGate(context, actor, async (client, gate) => {
    // Another request may have made it meanwhile.
    if (isThere(await selectTrunks(client, organizationId))) return
    const limits = { liveMax: Math.min(gate.liveMax, LIVE_MAX_MAX), callsPerSecond: JOINED_CALLS_PER_SECOND }
    await storeTrunk(context, client, { gate, input: { name: 'Calls to be joined', carrier, settings: {}, ...limits } })
  })
}

export async function listTrunks(context: CommandContext, actor: Actor): Promise<readonly TrunkView[]> {
  const rows = await inOrganization(context, actor, (client) => selectTrunks(client, actor.organizationId))
  return rows.map((row) => trunkView(context, row))
}

/** @throws AppError `trunk-not-found`. */
export async function getTrunk(context: CommandContext, actor: Actor, trunkId: string): Promise<TrunkView> {
  return trunkView(
    context,
    await inOrganization(context, actor, (client) => requireTrunk(client, actor.organizationId, trunkId)),
  )
}

/** Changes what is named. Calls that live beyond a lowered limit go on; new ones wait. */
export async function updateTrunk(
  context: CommandContext,
  actor: Actor,
  trunkId: string,
  changes: TrunkChanges,
): Promise<TrunkView> {
  const { organizationId } = actor
  if (changes.settings !== undefined) {
    const { carrier } = await getTrunk(context, actor, trunkId)
    await requireTargets(context, carrier, changes.settings)
  }
  return underGate(context, actor, async (client, gate) => {
    const row = await requireTrunk(client, organizationId, trunkId)
    const { name, settings, liveMax, callsPerSecond } = changes
    await audit(client, actor, 'trunk.changed', { objectId: row.trunk_uuid, ...changedFields(changes) })
    await writeTrunk(
      client,
      { organizationId, trunkId: row.trunk_id },
      {
        name: name === undefined ? row.name : checkedText(name, 'name', { max: NAME_CHARS_MAX }),
        settings: settings === undefined ? row.settings : changedSettings(context, { organizationId, row }, settings),
        version: await nextVersion(client, gate),
        liveMax: liveMax === undefined ? row.live_max : checkedLiveMax(liveMax),
        callsPerSecond: callsPerSecond === undefined ? row.calls_per_second : checkedRate(callsPerSecond),
      },
    )
    return trunkView(context, (await findTrunk(client, organizationId, { trunkId: row.trunk_id }))!)
  })
}

interface TrunkKey {
  readonly organizationId: number
  readonly trunkId: number
  readonly carrier: string
}

/** Before a transaction, since names are resolved. @throws AppError `target-refused`. */
async function requireTargets(context: CommandContext, carrier: string, settings: JsonObject): Promise<void> {
  const schema = context.carrierKind(carrier)?.settings
  for (const name of schema === undefined ? [] : targetNames(schema)) {
    const url = settings[name]
    // What is no URL is refused with the other settings.
    if (typeof url === 'string' && URL.canParse(url)) await context.targets.requireReachable(url, `settings.${name}`)
  }
}

/** Checked, with their secrets sealed. */
function settingsFor(
  context: Pick<CommandContext, 'carrierKind' | 'secrets'>,
  trunk: TrunkKey,
  settings: JsonObject,
): JsonObject {
  const { carrier } = trunk
  const terms = context.carrierKind(carrier)
  if (terms === undefined) throw new AppError('unknown-carrier', { args: [carrier.slice(0, 100)], field: 'carrier' })
  const checked = checkedSettings(terms.settings, settings, `the carrier ${carrier}`) as JsonObject
  return sealSettings(context.secrets.box, terms.settings, { settings: checked, place: placeOf(trunk) })
}

function changedSettings(
  context: Pick<CommandContext, 'carrierKind' | 'secrets'>,
  { organizationId, row }: { organizationId: number; row: TrunkRow },
  sent: JsonObject,
): JsonObject {
  const trunk = { organizationId, trunkId: row.trunk_id, carrier: row.carrier }
  const schema = context.carrierKind(row.carrier)?.settings
  const known = openTrunkSettings(context, trunk, row.settings as JsonObject)
  return settingsFor(context, trunk, schema === undefined ? sent : withKeptSecrets(schema, known, sent))
}

/** Stored settings of a trunk as its carrier reads them. @throws SecretUnreadable. */
export function openTrunkSettings(
  context: Pick<CommandContext, 'secrets'>,
  trunk: Pick<TrunkKey, 'organizationId' | 'trunkId'>,
  settings: JsonObject,
): JsonObject {
  return openSettings(context.secrets.box, settings, placeOf(trunk))
}

function placeOf({ organizationId, trunkId }: Pick<TrunkKey, 'organizationId' | 'trunkId'>) {
  return { organizationId, table: 'trunk', rowId: trunkId }
}

function checkedLiveMax(value: number): number {
  return checkedWhole(value, 'concurrency', { min: 0, max: LIVE_MAX_MAX })
}

function checkedRate(value: number): number {
  if (value >= CALLS_PER_SECOND_MIN && value <= CALLS_PER_SECOND_MAX) return value
  throw invalidInput('callsPerSecond', `must be a number from ${CALLS_PER_SECOND_MIN} to ${CALLS_PER_SECOND_MAX}`)
}

function trunkView(context: Pick<CommandContext, 'carrierKind'>, row: TrunkRow): TrunkView {
  return {
    id: row.trunk_uuid,
    name: row.name,
    carrier: row.carrier,
    ...shownSettings(context.carrierKind(row.carrier)?.settings, row.settings as JsonObject),
    liveMax: row.live_max,
    live: row.live,
    callsPerSecond: row.calls_per_second,
    blockedUntil: row.blocked_until,
    aliases: row.aliases,
    createdAt: row.created_at,
  }
}
