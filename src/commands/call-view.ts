import { uuidFromHex } from '../model/id-cipher.ts'
import { isTelephone } from '../model/no-telephone.ts'
import type { CallRow } from '../store/calls.ts'
import type { CommandContext, JsonObject, JsonValue } from './context.ts'
import { attemptView, variablesOf } from './recipient-view.ts'
import type { BatchView, CallView, RecipientView } from './views.ts'

/** A dial of which there is a row. */
export function callView(context: Pick<CommandContext, 'secrets'>, organizationId: number, row: CallRow): CallView {
  const { batch_id: batchId, seq } = row
  const key = { organizationId, batchId, seq }
  const { id, n: _, ...attempt } = attemptView(context, key, row)
  const idOf = (kind: 'recipient' | 'attempt', n: number) =>
    uuidFromHex(context.secrets.ids.encode({ kind, ...key, n }))
  return {
    // A single call keeps the id it was made with, whichever of its intents was sent in the end.
    id: row.single ? idOf('attempt', 1) : id,
    recipientId: idOf('recipient', 0),
    batchId: row.single ? null : row.batch_uuid,
    dialect: row.dialect,
    agent: { id: row.agent_uuid, name: row.agent_name, aliases: row.agent_aliases },
    from: row.caller_number === null ? '' : `+${row.caller_number}`,
    to: isTelephone(Number(row.number)) ? `+${row.number}` : '',
    ...attempt,
    outcome: attempt.disposition,
    startAt: attempt.dialedAt,
    variables: variablesOf(row),
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as JsonValue),
    dialectFields: row.dialect_fields === null ? null : (JSON.parse(row.dialect_fields) as JsonObject),
    batchFields: row.batch_fields as JsonObject | null,
    erasedAt: row.erased_at,
  }
}

/** A call that was never dialled: a single one that waits, or anybody who was settled without a dial. */
export function undialledCallView(id: string, batch: BatchView, recipient: RecipientView): CallView {
  const { outcome, cause, causeText, state } = recipient
  return {
    id,
    recipientId: recipient.id,
    batchId: batch.isSingle ? null : batch.id,
    dialect: batch.dialect,
    agent: batch.agent,
    from: batch.callerNumber,
    to: recipient.number,
    state,
    disposition: null,
    outcome,
    cause,
    causeText,
    answeredBy: null,
    sipStatus: null,
    q850Cause: null,
    carrierCallId: null,
    startAt: batch.startAt ?? batch.createdAt,
    dialedAt: null,
    acceptedAt: null,
    ringingAt: null,
    answeredAt: null,
    endedAt: recipient.finishedAt,
    keysPressed: null,
    spokenText: null,
    variables: recipient.variables,
    metadata: recipient.metadata,
    dialectFields: recipient.dialectFields,
    batchFields: batch.dialectFields,
    erasedAt: null,
  }
}
