import { ATTEMPT_STATUSES, statusFromCode } from '../model/attempt-transitions.ts'
import { ANSWERED_BY } from '../model/call-event.ts'
import { type Cause, causeFromCode, textOfCause } from '../model/cause.ts'
import { dispositionFromCode, type Outcome, outcomeFromCode } from '../model/disposition.ts'
import { dueReasonFromCode } from '../model/due-reason.ts'
import { uuidFromHex } from '../model/id-cipher.ts'
import { isTelephone } from '../model/no-telephone.ts'
import type { AttemptRow, RecipientRow } from '../store/recipients.ts'
import type { CommandContext, JsonObject, JsonValue } from './context.ts'
import type { AttemptView, RecipientState, RecipientView } from './views.ts'

type Ids = Pick<CommandContext, 'secrets'>

/** The cause of an outcome that was reached without a call. */
const CAUSE_OF_OUTCOME: Partial<Record<Outcome, Cause>> = {
  cancelled: 'cancelled-by-user',
  expired: 'recipient-expired',
  suppressed: 'on-suppression-list',
  duplicate: 'number-repeated',
  'invalid-number': 'number-not-valid',
  'not-allowed': 'destination-refused',
}

export function recipientView(context: Ids, organizationId: number, row: RecipientRow): RecipientView {
  const { seq, batch_id: batchId } = row
  const live = row.live_state !== null
  const outcome = row.outcome === null ? null : outcomeFromCode(row.outcome)
  const cause = causeOf(row, outcome)
  const latestN = live ? row.live_n : row.n
  const dialedAt = live ? row.live_claimed_at : row.claimed_at
  const answeredMs = live ? row.live_answered_ms : row.answered_ms
  const answeredBy = live ? row.live_answered_by : row.answered_by
  const id = (kind: 'recipient' | 'attempt', n: number) =>
    uuidFromHex(context.secrets.ids.encode({ kind, organizationId, batchId, seq, n }))
  return {
    id: id('recipient', 0),
    batchId: row.batch_uuid,
    seq,
    line: row.line,
    number: isTelephone(Number(row.number)) ? `+${row.number}` : '',
    state: stateOf(row),
    outcome,
    cause,
    causeText: textOfCause(cause),
    answeredBy: answeredMs === null || answeredBy === null ? null : ANSWERED_BY[answeredBy]!,
    attempts: row.dials + (live ? 1 : 0),
    firstDialedAt: row.first_claimed_at ?? row.live_claimed_at,
    lastDialedAt: dialedAt,
    answeredAt: later(dialedAt, answeredMs),
    lastEndedAt: later(row.claimed_at, row.ended_ms),
    finishedAt: outcome === null ? null : row.finished_at,
    talkSeconds: row.talk_ms / 1_000,
    keysPressed: live ? null : row.keys_pressed,
    latestAttemptId: latestN === null ? null : id('attempt', latestN),
    dueAt: row.due_at,
    dueReason: row.due_reason === null ? null : dueReasonFromCode(row.due_reason),
    variables: variablesOf(row),
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as JsonValue),
    dialectFields: row.dialect_fields === null ? null : (JSON.parse(row.dialect_fields) as JsonObject),
  }
}

export function attemptView(
  context: Ids,
  key: { organizationId: number; batchId: number; seq: number },
  row: AttemptRow,
): AttemptView {
  const live = row.disposition === null
  const cause = causeFromCode(row.cause)
  const { n } = row
  return {
    id: uuidFromHex(context.secrets.ids.encode({ kind: 'attempt', ...key, n })),
    n,
    state: live ? statusFromCode(row.state!) : ATTEMPT_STATUSES[4],
    disposition: live ? null : dispositionFromCode(row.disposition!),
    cause,
    causeText: textOfCause(cause),
    answeredBy: row.answered_ms === null ? null : ANSWERED_BY[row.answered_by]!,
    sipStatus: row.sip_status,
    q850Cause: row.q850_cause,
    carrierCallId: row.carrier_call_id,
    dialedAt: row.claimed_at,
    acceptedAt: later(row.claimed_at, row.accepted_ms),
    ringingAt: later(row.claimed_at, row.ringing_ms),
    answeredAt: later(row.claimed_at, row.answered_ms),
    endedAt: later(row.claimed_at, row.ended_ms),
    keysPressed: row.keys_pressed,
    spokenText: row.spoken_text,
  }
}

function stateOf(row: RecipientRow): RecipientState {
  if (row.live_state !== null) return statusFromCode(row.live_state)
  if (row.due_at !== null) return 'due'
  return row.outcome === null ? 'waiting' : 'ended'
}

/** The last attempt's while the outcome is its own, else that of the closed lane, else what the outcome implies. */
function causeOf(row: RecipientRow, outcome: Outcome | null): Cause {
  if (row.live_state !== null) return 'none'
  const dialled = row.cause === null ? null : causeFromCode(row.cause)
  if (outcome === null) return dialled ?? 'none'
  const implied = CAUSE_OF_OUTCOME[outcome]
  if (dialled !== null && dialled !== 'none') return dialled
  if (dialled === null && row.lane_cause !== null) return causeFromCode(row.lane_cause)
  return implied ?? 'none'
}

/** Values by name: those of a file stand in the order of its other columns. */
export function variablesOf(row: Pick<RecipientRow, 'variables' | 'columns' | 'phone_column'>): JsonObject {
  if (row.variables === null) return {}
  const values = JSON.parse(row.variables) as JsonObject | string[]
  if (!Array.isArray(values)) return values as JsonObject
  const names = (row.columns ?? []).filter((_, index) => index !== row.phone_column)
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']))
}

function later(start: Date | null, ms: number | null): Date | null {
  return start === null || ms === null ? null : new Date(start.getTime() + ms)
}
