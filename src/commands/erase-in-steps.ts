import { transaction } from '../store/database.ts'
import { eraseRecipient, eraseRejectedRows, lookForPerson, noteErasureStep, takeErasure } from '../store/erasures.ts'
import { eraseNextPeople, takeExpiredBatch } from '../store/retention.ts'
import type { CommandContext } from './context.ts'

/**
 * One small step of somebody's erasure: a short transaction that holds no gate. False: nothing is left to do now. A step
 * that fails is done again; nodes do not get in each other's way.
 */
export function eraseStep(context: Pick<CommandContext, 'database'>): Promise<boolean> {
  return transaction(context.database, { role: 'carillon_dispatcher' }, async (client) => {
    const row = await takeErasure(client)
    if (row === undefined) return false
    const { organization_id: organizationId } = row
    const { last, found } = await lookForPerson(client, row)
    let attempts = 0
    for (const one of found) attempts += await eraseRecipient(client, organizationId, one)
    const open = found.filter(({ final }) => !final).length
    const rejectedRows = last === null ? await eraseRejectedRows(client, organizationId, row.number ?? '') : 0
    await noteErasureStep(client, row, { last, erased: found.length - open, attempts, rejectedRows, open })
    return true
  })
}

/** One small step with a batch whose people are kept no longer. False: nothing is left to do now. */
export function retentionStep(context: Pick<CommandContext, 'database'>, defaultDays: number | null): Promise<boolean> {
  return transaction(context.database, { role: 'carillon_dispatcher' }, async (client) => {
    const row = await takeExpiredBatch(client, defaultDays)
    if (row === undefined) return false
    await eraseNextPeople(client, row)
    return true
  })
}
