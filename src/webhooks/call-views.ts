import { type CommandContext, inOrganization } from '../commands/context.ts'
import { batchView } from '../commands/get-batch.ts'
import { attemptView, recipientView } from '../commands/recipient-view.ts'
import type { BatchView } from '../commands/views.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { uuidFromHex } from '../model/id-cipher.ts'
import { findBatch } from '../store/batches.ts'
import type { Client } from '../store/owner-transaction.ts'
import { selectAttempts, selectRecipientsOf } from '../store/recipients.ts'
import type { DueDelivery } from '../store/webhook-work.ts'
import type { WebhookCall } from './webhook-form.ts'

export interface CallViews {
  /** Null when the batch was deleted. */
  readonly batch: BatchView | null
  readonly call: WebhookCall | null
}

/** What deliveries speak of, as it is now, in their order. Reads as the organization itself, under row-level security. */
export function readCallViews(
  context: CommandContext,
  organizationId: number,
  deliveries: readonly DueDelivery[],
): Promise<CallViews[]> {
  return inOrganization(context, { organizationId }, async (client) => {
    const views = new Map<string, CallViews>()
    for (const [batchId, ofBatch] of groupedByBatch(deliveries)) {
      const batchRow = await findBatch(client, organizationId, { batchId })
      const batch = batchRow === undefined ? null : batchView(batchRow)
      const what = { organizationId, batchId, isSingle: batch?.isSingle === true, deliveries: ofBatch }
      const calls = await readCalls(context, client, what)
      for (const delivery of ofBatch) views.set(keyOf(delivery), { batch, call: calls.get(keyOf(delivery)) ?? null })
    }
    return deliveries.map((delivery) => views.get(keyOf(delivery))!)
  })
}

async function readCalls(
  context: CommandContext,
  client: Client,
  what: { organizationId: number; batchId: number; isSingle: boolean; deliveries: readonly DueDelivery[] },
): Promise<Map<string, WebhookCall>> {
  const { organizationId, batchId, isSingle } = what
  const ofRecipients = what.deliveries.filter(({ seq, kind }) => seq > 0 && kind !== EVENT_KINDS['lane-closed'])
  const calls = new Map<string, WebhookCall>()
  if (ofRecipients.length === 0) return calls
  const seqs = [...new Set(ofRecipients.map(({ seq }) => seq))]
  const rows = await selectRecipientsOf(client, { organizationId, batchId, seqs })
  const bySeq = new Map(rows.map((row) => [row.seq, row]))
  for (const delivery of ofRecipients) {
    const row = bySeq.get(delivery.seq)
    if (row === undefined) continue
    const key = { organizationId, batchId, seq: delivery.seq }
    const attempts = delivery.n > 0 ? await selectAttempts(client, key) : []
    const attempt = attempts.find(({ n }) => n === delivery.n)
    calls.set(keyOf(delivery), {
      recipient: recipientView(context, organizationId, row),
      attempt:
        attempt === undefined ? null : { ...attemptView(context, key, attempt), ...callId(context, key, isSingle) },
    })
  }
  return calls
}

/** A single call keeps the id it was made with, whichever of its intents was sent in the end. */
function callId(
  context: Pick<CommandContext, 'secrets'>,
  key: { organizationId: number; batchId: number; seq: number },
  isSingle: boolean,
): { id?: string } {
  return isSingle ? { id: uuidFromHex(context.secrets.ids.encode({ kind: 'attempt', ...key, n: 1 })) } : {}
}

function groupedByBatch(deliveries: readonly DueDelivery[]): Map<number, DueDelivery[]> {
  const groups = new Map<number, DueDelivery[]>()
  for (const delivery of deliveries) {
    const group = groups.get(delivery.batch_id) ?? []
    group.push(delivery)
    groups.set(delivery.batch_id, group)
  }
  return groups
}

function keyOf({ block_no: blockNo, index }: DueDelivery): string {
  return `${blockNo}.${index}`
}
