import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import { hashNumbers } from '../model/id-cipher.ts'
import { parsePhoneNumber } from '../model/phone-number.ts'
import { type ErasureRow, findErasure, insertErasure } from '../store/erasures.ts'
import { insertSuppressions } from '../store/suppressions.ts'
import { audit } from './audit.ts'
import { waitForUnsentIntents } from './change-batch.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { uuidOf } from './find-objects.ts'
import { underGate } from './under-gate.ts'

/** How far the erasure of one person has come. */
export interface ErasureView {
  readonly id: string
  readonly requestedAt: Date
  /** Null while there is something left to do. */
  readonly finishedAt: Date | null
  /** Entries of lists, calls and rejected rows that were erased so far. */
  readonly recipients: number
  readonly attempts: number
  readonly rejectedRows: number
}

const REASON = 'Erased'

/**
 * Erases a person from all lists of the organization: number, variables, metadata, what was said and which keys were
 * pressed. From the answer on the number is not called any more, and it stays on the suppression list, in the end as a
 * keyed hash alone. The lists themselves are worked through in small steps afterwards; counts and outcomes stay.
 *
 * @throws AppError `invalid-number`.
 */
export async function erasePerson(context: CommandContext, actor: Actor, number: string): Promise<ErasureView> {
  const { organizationId } = actor
  const parsed = parsePhoneNumber(number, { strict: true, check: 'shape' })
  if (!parsed.ok)
    throw new AppError('invalid-number', { field: 'number', args: [number.slice(0, 50)], remedy: parsed.remedy })
  const { digits } = parsed
  const hashes = hashNumbers(context.secrets.numberHashKey(organizationId), Float64Array.of(digits))
  const erasureId = randomUUID()
  const row = await underGate(context, actor, async (client, gate) => {
    await insertSuppressions(client, gate, { digits: [digits], hashes }, REASON)
    await insertErasure(client, { organizationId, erasureId, hash: String(hashes[0]), digits })
    await audit(client, actor, 'person.erased', { objectId: erasureId })
    return (await findErasure(client, organizationId, erasureId))!
  })
  await waitForUnsentIntents(context, actor, { numberHashes: [String(hashes[0])] })
  return erasureView(row)
}

/** @throws AppError `erasure-not-found`. */
export async function getErasure(context: CommandContext, actor: Actor, id: string): Promise<ErasureView> {
  const uuid = uuidOf(id)
  const row =
    uuid === null
      ? undefined
      : await inOrganization(context, actor, (client) => findErasure(client, actor.organizationId, uuid))
  if (row === undefined) throw new AppError('erasure-not-found')
  return erasureView(row)
}

function erasureView(row: ErasureRow): ErasureView {
  return {
    id: row.erasure_id,
    requestedAt: row.requested_at,
    finishedAt: row.finished_at,
    recipients: row.recipients,
    attempts: row.attempts,
    rejectedRows: row.rejected_rows,
  }
}
