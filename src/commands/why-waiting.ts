import { BATCH_STATUSES } from '../model/batch.ts'
import { dueReasonFromCode } from '../model/due-reason.ts'
import { nextStartEpochMs } from '../model/throttle.ts'
import { type Waiting, type WaitingFacts, type WaitingReason, whyWaiting } from '../model/why-waiting.ts'
import { type BatchRow, findBatch } from '../store/batches.ts'
import type { Client } from '../store/owner-transaction.ts'
import type { RecipientRow } from '../store/recipients.ts'
import { throttleStates } from '../store/throttle-states.ts'
import { type LimitsRow, readLimits, selectWaitingLanes, type WaitingLaneRow } from '../store/waiting-facts.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireRecipient } from './find-recipient.ts'
import { requireBatch } from './get-batch.ts'
import { asQueryable } from './under-gate.ts'

/** Reasons that pass as soon as a line is free, which may be at any moment. */
const UNTIL_A_LINE_IS_FREE: ReadonlySet<WaitingReason> = new Set(['organization-limit', 'batch-limit', 'trunk-limit'])

/**
 * Why a batch is not dialling (more) now, and when it will; null when nobody waits. Of lanes with different reasons it
 * is that of the one which is dialled first.
 *
 * @throws AppError `batch-not-found`.
 */
export function whyBatchWaits(context: CommandContext, actor: Actor, batchId: string): Promise<Waiting | null> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const batch = await requireBatch(client, organizationId, batchId)
    const waiting = batch.total - batch.live - batch.settled
    if (waiting === 0) return null
    const lanes = await selectWaitingLanes(client, { organizationId, batchId: batch.batch_id })
    const throttledUntil = await throttledUntilOf(client, organizationId, batch)
    const now = new Map<number, LimitsRow>()
    let first: { waiting: Waiting; atEpochMs: number } | null = null
    for (const lane of lanes) {
      const limits = now.get(lane.trunk_id) ?? (await readLimits(client, organizationId, lane.trunk_id))
      now.set(lane.trunk_id, limits)
      for (const facts of factsOfLane(batch, limits, lane)) {
        const found = whyWaiting({ ...facts, throttledUntil })
        const atEpochMs = dialledAt(found, limits)
        if (first === null || atEpochMs < first.atEpochMs) first = { waiting: found, atEpochMs }
      }
    }
    return first === null ? null : { ...first.waiting, position: waiting }
  })
}

/**
 * Why one recipient is not being called now, and when it will be; null when it is in a call or final. `recipientId` as
 * for `getRecipient`.
 *
 * @throws AppError `recipient-not-found`.
 */
export function whyRecipientWaits(context: CommandContext, actor: Actor, recipientId: string): Promise<Waiting | null> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const row = await requireRecipient(context, client, { organizationId, id: recipientId })
    return waitingOfRecipient(client, organizationId, row)
  })
}

/** The same for a recipient that was read already in this transaction. */
export async function waitingOfRecipient(
  client: Client,
  organizationId: number,
  row: RecipientRow,
): Promise<Waiting | null> {
  if (row.outcome !== null || row.live_state !== null) return null
  const { batch_id: batchId } = row
  const batch = await findBatch(client, organizationId, { batchId })
  // Deleted meanwhile: nobody of it waits.
  if (batch === undefined) return null
  const lanes = await selectWaitingLanes(client, { organizationId, batchId })
  const lane = lanes.find((candidate) => candidate.lane === row.lane)!
  const throttledUntil = await throttledUntilOf(client, organizationId, batch)
  const limits = await readLimits(client, organizationId, lane.trunk_id)
  const facts = { ...factsOf(batch, limits, lane), throttledUntil }
  const due = dueOf(row)
  if (due !== null) return whyWaiting({ ...facts, due })
  const inLine = row.seq >= lane.next_seq && row.seq < lane.end_seq
  // Who is neither due nor in line stands behind the same number.
  return whyWaiting(inLine ? { ...facts, position: row.seq - lane.next_seq } : { ...facts, heldBack: true })
}

/** The first in line and the first of those that are due; when there is neither, somebody is held back. */
function factsOfLane(batch: BatchRow, limits: LimitsRow, lane: WaitingLaneRow): WaitingFacts[] {
  const facts = factsOf(batch, limits, lane)
  const due = dueOf(lane)
  const found: WaitingFacts[] = []
  if (lane.closed_as === null && lane.end_seq > lane.next_seq) found.push({ ...facts, position: 0 })
  if (due !== null) found.push({ ...facts, due })
  if (found.length === 0 && lane.closed_as === null && lane.last_seq > lane.end_seq) {
    found.push({ ...facts, heldBack: true })
  }
  return found
}

function factsOf(batch: BatchRow, limits: LimitsRow, lane: WaitingLaneRow): WaitingFacts {
  return {
    now: limits.now,
    batch: {
      status: BATCH_STATUSES[batch.status]!,
      startAt: batch.start_at,
      callingWindow: batch.calling_window,
      live: batch.live,
      liveMax: batch.live_max,
    },
    organization: { live: limits.organization_live, liveMax: limits.organization_live_max },
    trunk: {
      live: limits.trunk_live,
      liveMax: limits.trunk_live_max,
      callsPerSecond: limits.calls_per_second,
      blockedUntil: limits.blocked_until,
    },
    throttledUntil: null,
    zones: lane.zones,
    due: null,
    heldBack: false,
    position: null,
  }
}

/** Null: the batch is under no throttle. */
async function throttledUntilOf(client: Client, organizationId: number, batch: BatchRow): Promise<Date | null> {
  if (batch.throttle_id === null) return null
  const [state] = await throttleStates(asQueryable(client), organizationId, [batch.throttle_id])
  if (state === undefined) return null
  // Starts lie in the past, so the instant is right whatever it is compared with.
  return new Date(nextStartEpochMs(state.rules, state.startsEpochMs, 0))
}

function dueOf(row: { due_at: Date | null; due_reason: number | null }): WaitingFacts['due'] {
  if (row.due_at === null || row.due_reason === null) return null
  return { at: row.due_at, reason: dueReasonFromCode(row.due_reason) }
}

/** When a lane counts as dialled next where lanes are compared. */
function dialledAt({ reason, nextTryAt }: Waiting, limits: LimitsRow): number {
  if (UNTIL_A_LINE_IS_FREE.has(reason)) return limits.now.getTime()
  return nextTryAt?.getTime() ?? Number.POSITIVE_INFINITY
}
