import { AppError } from '../errors.ts'
import type { Client } from '../store/owner-transaction.ts'
import { findNumber, type NumberRow, oldestNumberOfTrunk } from '../store/phone-numbers.ts'
import { selectTrunks, type TrunkRow } from '../store/trunks.ts'
import type { CommandContext } from './context.ts'
import { lookForNumber, lookForTrunk } from './find-objects.ts'

/** What is said about the caller of a batch or of one recipient. */
export interface CallerRequest {
  readonly organizationId: number
  /** What stands before the names of the fields in errors: empty, or `recipients[3].`. */
  readonly path: string
  /** Id or alias of a trunk, or a kind of carrier: its oldest trunk. Absent: the trunk of the number. */
  readonly trunk?: string | undefined
  /** Id, alias or E.164; absent: the default number. */
  readonly callerNumber?: string | undefined
  /** Used when it is a number of the trunk; else the oldest number of the trunk is. */
  readonly defaultNumberId: number | null
}

/** From which number, and through which trunk, calls are made. */
export interface Caller {
  readonly trunkId: number
  readonly carrier: string
  /** Without the plus; null on a trunk whose calls somebody else places. */
  readonly digits: number | null
}

/**
 * The number from which to call; its trunk carries the calls.
 *
 * @throws AppError `trunk-not-found`, `no-caller-number`; `caller-not-owned` also for a number of another trunk.
 */
export async function findCaller(
  context: Pick<CommandContext, 'carrierKind'>,
  client: Client,
  request: CallerRequest,
): Promise<Caller> {
  const { organizationId, path } = request
  const trunk = request.trunk === undefined ? undefined : await trunkOf(client, organizationId, request.trunk)
  if (request.trunk !== undefined && trunk === undefined) {
    throw new AppError('trunk-not-found', { field: `${path}trunk` })
  }
  if (trunk !== undefined && context.carrierKind(trunk.carrier)?.isJoined === true) {
    return { trunkId: trunk.trunk_id, carrier: trunk.carrier, digits: null }
  }
  if (request.callerNumber !== undefined) return callerOf(await named(client, request, trunk))
  const { defaultNumberId } = request
  const fallback =
    defaultNumberId === null ? undefined : await findNumber(client, organizationId, { numberId: defaultNumberId })
  if (fallback !== undefined && (trunk === undefined || fallback.trunk_id === trunk.trunk_id)) return callerOf(fallback)
  const oldest = trunk === undefined ? undefined : await oldestNumberOfTrunk(client, organizationId, trunk.trunk_id)
  if (oldest !== undefined) return callerOf(oldest)
  const remedy = trunk === undefined ? {} : { remedy: `Give the trunk "${trunk.name}" a number to call from.` }
  throw new AppError('no-caller-number', { field: `${path}callerNumber`, ...remedy })
}

function callerOf({ trunk_id, carrier, number }: NumberRow): Caller {
  return { trunkId: trunk_id, carrier, digits: Number(number) }
}

async function trunkOf(client: Client, organizationId: number, reference: string): Promise<TrunkRow | undefined> {
  const named = await lookForTrunk(client, organizationId, reference)
  return named ?? (await selectTrunks(client, organizationId)).find(({ carrier }) => carrier === reference)
}

async function named(client: Client, request: CallerRequest, trunk: TrunkRow | undefined): Promise<NumberRow> {
  const field = `${request.path}callerNumber`
  const number = await lookForNumber(client, request.organizationId, request.callerNumber!)
  if (number === undefined) throw new AppError('caller-not-owned', { field })
  if (trunk === undefined || number.trunk_id === trunk.trunk_id) return number
  const remedy = `The number belongs to another trunk than "${trunk.name}". Name a number of that trunk.`
  throw new AppError('caller-not-owned', { field, remedy })
}
