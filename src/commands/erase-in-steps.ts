import { SecretUnreadable } from '../model/secret-box.ts'
import { transaction } from '../store/database.ts'
import { emptyKeptAnswers, keptAnswers } from '../store/erased-answers.ts'
import {
  ERASURE_PHASE,
  type ErasureRow,
  eraseRecipient,
  eraseRejectedRows,
  lookForPerson,
  noteAnswersStep,
  noteErasureStep,
  takeErasure,
} from '../store/erasures.ts'
import type { Client } from '../store/owner-transaction.ts'
import { eraseNextPeople, takeExpiredBatch } from '../store/retention.ts'
import type { CommandContext } from './context.ts'
import { openBody } from './idempotency.ts'

/**
 * One small step of somebody's erasure: a short transaction that holds no gate. False: nothing is left to do now. A step
 * that fails is done again; nodes do not get in each other's way.
 */
export function eraseStep(context: Pick<CommandContext, 'database' | 'secrets'>): Promise<boolean> {
  return transaction(context.database, { role: 'carillon_dispatcher' }, async (client) => {
    const row = await takeErasure(client)
    if (row === undefined) return false
    await eraseIn[row.phase](context, client, row)
    return true
  })
}

const eraseIn = {
  async [ERASURE_PHASE.lists](_context: unknown, client: Client, row: ErasureRow): Promise<void> {
    const { last, found } = await lookForPerson(client, row)
    let attempts = 0
    for (const one of found) attempts += await eraseRecipient(client, row.organization_id, one)
    const open = found.filter(({ final }) => !final).length
    await noteErasureStep(client, row, { last, erased: found.length - open, attempts, open })
  },

  async [ERASURE_PHASE.rejectedRows](_context: unknown, client: Client, row: ErasureRow): Promise<void> {
    await noteErasureStep(client, row, await eraseRejectedRows(client, row))
  },

  async [ERASURE_PHASE.keptAnswers](
    context: Pick<CommandContext, 'secrets'>,
    client: Client,
    row: ErasureRow,
  ): Promise<void> {
    await noteAnswersStep(client, row, await emptyAnswersWith(context, client, row))
  },
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

/** The end of a number by which it is found in an answer: people write it with and without what comes before. */
const DIGITS_COMPARED = 8

/**
 * Empties the answers, kept for repetitions of their requests, in which the number stands however it is written: of a
 * single call, of a list of suppressions, of rows that were rejected. One too many may be emptied. A page of them behind
 * the last one that was read; returns where the next one begins, null behind the last.
 */
async function emptyAnswersWith(
  context: Pick<CommandContext, 'secrets'>,
  client: Client,
  { organization_id: organizationId, number, answers_after: after }: ErasureRow,
): Promise<string | null> {
  const wanted = (number ?? '').slice(-DIGITS_COMPARED)
  const { answers, next } = await keptAnswers(client, organizationId, after)
  const fitting = answers.filter(({ idempotency_key: key, body }) => {
    const text = openedOrNull(context, { organizationId, key }, body)
    return text === null || text.replace(/[^0-9]/g, '').includes(wanted)
  })
  const keys = fitting.map(({ idempotency_key }) => idempotency_key)
  if (keys.length > 0) await emptyKeptAnswers(client, organizationId, keys)
  return next
}

/** Null: nobody can read it any more. */
function openedOrNull(
  context: Pick<CommandContext, 'secrets'>,
  row: { organizationId: number; key: string },
  sealed: Buffer,
): string | null {
  try {
    return openBody(context, row, sealed).toString('latin1')
  } catch (error) {
    if (error instanceof SecretUnreadable) return null
    throw error
  }
}
