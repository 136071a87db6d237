import type { EventKind } from '../model/event-kind.ts'
import type { Waiting } from '../model/why-waiting.ts'
import { selectAttempts } from '../store/recipients.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireRecipient } from './find-recipient.ts'
import { attemptView, recipientView } from './recipient-view.ts'
import type { AttemptView, EventView, RecipientView } from './views.ts'
import { waitingOfRecipient } from './why-waiting.ts'

export interface RecipientDetail {
  readonly recipient: RecipientView
  /** Oldest first, the live one last. */
  readonly attempts: readonly AttemptView[]
  /** Made from what stands on its attempts, oldest first. */
  readonly events: readonly RecipientEventView[]
  /** Null when it is in a call or final. */
  readonly waiting: Waiting | null
}

/** An event of one recipient; it has no id of its own, since it is read from the attempts and not from the log. */
export type RecipientEventView = Pick<EventView, 'kind' | 'at' | 'attemptId' | 'outcome'>

/**
 * A recipient by its id, or by the id of one of its attempts (the reference a carrier was given), in any spelling.
 * @throws AppError `recipient-not-found`, also for a recipient of another organization.
 */
export async function getRecipient(context: CommandContext, actor: Actor, id: string): Promise<RecipientDetail> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const row = await requireRecipient(context, client, { organizationId, id })
    const key = { organizationId, batchId: row.batch_id, seq: row.seq }
    const attempts = (await selectAttempts(client, key)).map((attempt) => attemptView(context, key, attempt))
    const recipient = recipientView(context, organizationId, row)
    const waiting = await waitingOfRecipient(client, organizationId, row)
    return { recipient, attempts, events: eventsOf(recipient, attempts), waiting }
  })
}

function eventsOf(recipient: RecipientView, attempts: readonly AttemptView[]): RecipientEventView[] {
  const events = attempts.flatMap((attempt, index): RecipientEventView[] => {
    const isLast = index === attempts.length - 1
    const endKind: EventKind =
      isLast && recipient.outcome === attempt.disposition ? 'recipient-finished' : 'attempt-ended'
    return [
      event('attempt-dialing', attempt.dialedAt, attempt),
      event('attempt-accepted', attempt.acceptedAt, attempt),
      event('attempt-ringing', attempt.ringingAt, attempt),
      event('attempt-answered', attempt.answeredAt, attempt),
      event(endKind, attempt.endedAt, attempt),
    ].flatMap((found) => found ?? [])
  })
  const finished = events.some(({ kind }) => kind === 'recipient-finished')
  if (recipient.finishedAt !== null && !finished) {
    events.push({ kind: 'recipient-finished', at: recipient.finishedAt, attemptId: null, outcome: recipient.outcome })
  }
  return events.sort((a, b) => a.at.getTime() - b.at.getTime())
}

function event(kind: EventKind, at: Date | null, attempt: AttemptView): RecipientEventView | null {
  if (at === null) return null
  const ended = kind === 'attempt-ended' || kind === 'recipient-finished'
  return { kind, at, attemptId: attempt.id, outcome: ended ? attempt.disposition : null }
}
