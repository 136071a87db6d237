import type { JudgeEntry } from '../../src/carriers/loopback/judge-log.ts'
import type { RecipientRow } from '../evidence.ts'
import { groupBy } from '../judge.ts'
import type { ToldEvent } from './told.ts'

export interface WebhookVerdict {
  /** Events that the endpoint must be told. */
  readonly webhooks: number
  readonly webhooksLost: number
  /** Those that were taken more than once. */
  readonly webhooksDoubled: number
  /** Requests that were refused: what is tried again. */
  readonly webhooksRefused: number
  readonly broken: readonly string[]
}

/**
 * Compares what the receiver noted with the event log: each event was taken at least once, genuine, and those of one
 * recipient in their order; each attempt has its final event.
 */
export function judgeWebhooks(
  events: readonly ToldEvent[],
  entries: readonly JudgeEntry[],
  recipients: readonly RecipientRow[],
): WebhookVerdict {
  const byId = new Map(events.map((event) => [event.id, event]))
  const received = entries.filter(({ what }) => what === 'webhook')
  const taken = groupBy(
    received.filter(({ taken }) => taken === true),
    ({ id }) => String(id),
  )
  const lost = events.filter(({ id }) => !taken.has(id))
  return {
    webhooks: events.length,
    webhooksLost: lost.length,
    webhooksDoubled: [...taken.values()].filter(({ length }) => length > 1).length,
    webhooksRefused: received.filter(({ taken }) => taken !== true).length,
    broken: [
      ...lost.map(({ id, kind }) => `webhook ${id} (${kind}) was never taken`),
      ...received.flatMap((entry) => wrongContent(entry, byId.get(String(entry.id)))),
      ...wrongOrder(events, received),
      ...withoutEnd(events, recipients),
    ],
  }
}

function wrongContent({ id, kind, recipientId, genuine }: JudgeEntry, event: ToldEvent | undefined): string[] {
  if (genuine !== true) return [`webhook ${id} has no valid signature`]
  if (event === undefined) return [`webhook ${id} tells of nothing in the event log`]
  const same = event.kind === kind && event.recipientId === recipientId
  return same
    ? []
    : [`webhook ${id} tells ${kind} of ${recipientId}, the event log ${event.kind} of ${event.recipientId}`]
}

/** Before an event is sent for the first time, all earlier ones of its recipient were taken. */
function wrongOrder(events: readonly ToldEvent[], received: readonly JudgeEntry[]): string[] {
  const places = new Map<string, { seq: number; place: number }>()
  for (const [seq, ofOne] of groupBy(events, (event) => event.seq)) {
    for (const [place, { id }] of ofOne.entries()) places.set(id, { seq, place })
  }
  const next = new Map<number, number>()
  return received.flatMap(({ id, taken }) => {
    const at = places.get(String(id))
    if (at === undefined) return []
    const expected = next.get(at.seq) ?? 0
    if (at.place > expected)
      return [`webhook ${id} of recipient ${at.seq} came before the one that it follows was taken`]
    if (taken === true && at.place === expected) next.set(at.seq, expected + 1)
    return []
  })
}

function withoutEnd(events: readonly ToldEvent[], recipients: readonly RecipientRow[]): string[] {
  const ends = new Set(
    events
      .filter(({ kind }) => kind === 'attempt-ended' || kind === 'recipient-finished')
      .map(({ seq, n }) => `${seq}.${n}`),
  )
  return recipients.flatMap(({ seq, attempts }) =>
    attempts
      .filter(({ n }) => !ends.has(`${seq}.${n}`))
      .map(({ n }) => `the end of dial ${n} of recipient ${seq} is in no event`),
  )
}
