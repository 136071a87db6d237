import { change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/**
 * Removes a batch of which nobody was ever dialled, with its recipients; the event log stays. Under the gate, for a batch
 * that is made anew in the same transaction. Each statement rides the primary key of its table.
 */
export async function eraseBatch(client: Client, key: { organizationId: number; batchId: number }): Promise<void> {
  for (const table of ['verdict', 'due', 'recipient', 'rejected_row', 'lane', 'batch_state', 'batch'] as const) {
    await change(client, `DELETE FROM ${table} WHERE organization_id = $1 AND batch_id = $2`, [
      key.organizationId,
      key.batchId,
    ])
  }
}
