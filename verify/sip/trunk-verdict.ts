import type { Outcome } from '../../src/model/disposition.ts'
import type { AttemptRow, RecipientRow } from '../evidence.ts'
import { groupBy } from '../judge.ts'
import { type Case, type Verdict, verdictOf } from '../verdict.ts'
import { storyOf } from './people.ts'

/** How a trunk's calls of a node that died may end: nobody can ask a telephone network what became of an INVITE. */
const ENDS_OF_THE_DEAD: ReadonlySet<Outcome> = new Set(['unknown', 'answered', 'failed'])

/** Compares what the far end of a SIP trunk wrote down with what was promised and with what the database tells. */
export function judgeTrunk(of: Case): Verdict {
  const { record, recipients } = of
  const dead = new Set(of.dead === 'anyone' ? [] : of.dead.map(({ ref }) => ref))
  const callsByRef = groupBy(record.calls, ({ ref }) => ref)
  const attempts = recipients.flatMap((recipient) => recipient.attempts)
  const known = new Set(attempts.map(({ ref }) => ref))
  return verdictOf(of, [
    ...[...callsByRef.keys()].filter((ref) => !known.has(ref)).map((ref) => `the call ${ref} is no attempt`),
    ...attempts.flatMap((attempt) => wrongAttempt(attempt, callsByRef.has(attempt.ref), dead)),
    ...recipients.flatMap((recipient) => wrongAboutPerson(recipient, dead)),
  ])
}

function wrongAttempt(attempt: AttemptRow, called: boolean, dead: ReadonlySet<string>): string[] {
  const { ref, seq, n, disposition } = attempt
  const dial = `dial ${n} of recipient ${seq}`
  if (disposition === 'not-sent') return called ? [`${dial} counts as not sent, but the trunk got it`] : []
  if (disposition === 'unknown') return dead.has(ref) ? [] : [`${dial} is unknown, but not by the death of a node`]
  return called ? [] : [`${dial} never came to the trunk`]
}

function wrongAboutPerson(recipient: RecipientRow, dead: ReadonlySet<string>): string[] {
  const { seq, number, outcome, attempts, finished } = recipient
  if (outcome === null) return []
  const who = `recipient ${seq} (ending ${number.slice(-2)})`
  const wrong = finished === 1 ? [] : [`the event log finishes ${who} ${finished} times`]
  const sent = attempts.filter(({ disposition }) => disposition !== 'not-sent')
  const last = sent.at(-1)
  const story = storyOf(number)
  if (last !== undefined && dead.has(last.ref) && ENDS_OF_THE_DEAD.has(outcome)) return wrong
  if (outcome !== story.outcome) wrong.push(`${who} ended ${outcome} instead of ${story.outcome}`)
  // A survivor has cancelled what rang: that call failed, and its person may be called again as after any other failure.
  const counted = sent.filter(({ ref, disposition }) => !(disposition === 'failed' && dead.has(ref)))
  if (counted.length !== story.attempts)
    wrong.push(`${who} was dialled ${sent.length} times instead of ${story.attempts}`)
  return wrong
}
