import { AppError } from '../errors.ts'
import type { Client } from '../store/owner-transaction.ts'
import { type RecipientRow, selectRecipients } from '../store/recipients.ts'
import type { CommandContext } from './context.ts'

/** What an int column can hold, with room for the end of a range. */
export const SEQ_MAX = 2_147_483_646

/** The row that an id names. @throws AppError `recipient-not-found`. */
export async function requireRecipient(
  context: Pick<CommandContext, 'secrets'>,
  client: Client,
  { organizationId, id }: { organizationId: number; id: string },
): Promise<RecipientRow> {
  const parts = context.secrets.ids.decode(id)
  // The organization is compared first: an id of another one is no id here.
  if (parts === null || parts.organizationId !== organizationId) throw new AppError('recipient-not-found')
  const { batchId, seq } = parts
  const range = { organizationId, batchId, fromSeq: seq, toSeq: seq + 1, limit: 1 }
  const rows = seq < 1 || seq > SEQ_MAX || batchId > SEQ_MAX ? [] : await selectRecipients(client, range)
  if (rows[0] === undefined) throw new AppError('recipient-not-found')
  return rows[0]
}
