import { outcomeFromCode } from '../model/disposition.ts'
import { EVENT_KINDS, eventKindFromCode } from '../model/event-kind.ts'
import { uuidFromHex } from '../model/id-cipher.ts'
import type { EventRow } from '../store/event-log.ts'
import type { CommandContext } from './context.ts'
import type { EventView } from './views.ts'

/** An entry of the log as everyone is shown it: readers of the log, and receivers of webhooks. */
export function eventView(context: Pick<CommandContext, 'secrets'>, organizationId: number, row: EventRow): EventView {
  const kind = eventKindFromCode(row.kind)
  const isRange = row.kind === EVENT_KINDS['lane-closed']
  const place = { organizationId, batchId: row.batch_id, seq: row.seq }
  const { ids } = context.secrets
  const ofRecipient = row.seq > 0 && !isRange
  return {
    id: `${row.block_no}.${row.index}`,
    kind,
    at: new Date(row.at.getTime() + (isRange ? 0 : row.at_ms)),
    batchId: row.batch_uuid,
    recipientId: ofRecipient ? uuidFromHex(ids.encode({ kind: 'recipient', ...place, n: 0 })) : null,
    attemptId: ofRecipient && row.n > 0 ? uuidFromHex(ids.encode({ kind: 'attempt', ...place, n: row.n })) : null,
    // Every kind that has a code means an outcome by it; that of `recipient-reopened` is the one that was withdrawn.
    outcome: row.code === 0 ? null : outcomeFromCode(row.code),
    range: isRange ? { firstSeq: row.seq, count: row.at_ms } : null,
  }
}
