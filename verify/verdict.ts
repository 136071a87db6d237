import type { AttemptRow, CallOfTheDead, RecipientRow } from './evidence.ts'
import { busiestWindow, type CourtRecord, doubleCalls, groupBy, mostLive, type Request } from './judge.ts'
import { asksToStop, outcomeOf, RETRY_POLICY } from './people.ts'

/** Shorter than a second by what a call may be on its way longer than another. */
const WINDOW_MS = 950

export interface Case {
  readonly record: CourtRecord
  readonly recipients: readonly RecipientRow[]
  /** What each killed node left behind; `anyone` when more than kills may lose an answer. */
  readonly dead: readonly CallOfTheDead[] | 'anyone'
  readonly concurrency: number
  readonly callsPerSecond: number
}

export interface Verdict {
  readonly recipients: number
  readonly calls: number
  readonly doubleCalls: number
  readonly maxLive: number
  readonly maxIn950ms: number
  /** What the busiest window may hold. */
  readonly allowed: number
  readonly unknown: number
  readonly lost: number
  /** Every broken promise as a sentence; none when all is well. */
  readonly broken: readonly string[]
}

/** Compares what the network saw with what was promised and with what the database tells. */
export function judge(of: Case): Verdict {
  const { record, recipients } = of
  const requestsByRef = groupBy(record.requests, (request) => request.ref)
  return verdictOf(of, [
    ...record.requests.flatMap(oddRequest),
    ...recipients.flatMap((recipient) => wrongAboutPerson(recipient, requestsByRef)),
    ...wrongUnknowns(of, requestsByRef),
    ...wrongRequests(of, requestsByRef),
  ])
}

/** What is promised of every network: no double calls, the limits, an outcome for everyone; and what else was `wrong`. */
export function verdictOf(of: Case, wrong: readonly string[]): Verdict {
  const { record, recipients } = of
  const doubles = doubleCalls(record)
  const maxLive = mostLive(record)
  const busiest = busiestWindow(record, { windowMs: WINDOW_MS, callsPerSecond: of.callsPerSecond })
  const lost = recipients.filter(({ outcome }) => outcome === null)
  return {
    recipients: recipients.length,
    calls: record.calls.length,
    doubleCalls: doubles.length,
    maxLive,
    maxIn950ms: busiest.most,
    allowed: busiest.allowed,
    unknown: recipients.filter(({ outcome }) => outcome === 'unknown').length,
    lost: lost.length,
    broken: [
      ...doubles,
      ...(maxLive > of.concurrency ? [`${maxLive} calls lived at once, ${of.concurrency} may`] : []),
      ...busiest.broken,
      ...lost.map(({ seq }) => `recipient ${seq} has no outcome`),
      ...wrong,
    ],
  }
}

function oddRequest({ ref, outcome }: Request): string[] {
  return outcome === 'created' || outcome === 'refused' ? [] : [`the request for ${ref} was ${outcome}`]
}

function wrongAboutPerson(recipient: RecipientRow, requests: ReadonlyMap<string, readonly Request[]>): string[] {
  const { seq, number, outcome, attempts, finished } = recipient
  if (outcome === null) return []
  const who = `recipient ${seq} (ending ${number.slice(-2)})`
  const wrong: string[] = []
  if (finished !== 1) wrong.push(`the event log finishes ${who} ${finished} times`)
  const sent = attempts.filter(({ ref }) => requests.has(ref)).length
  if (outcome === 'unknown') {
    if (attempts.at(-1)?.disposition !== 'unknown') wrong.push(`${who} is unknown, but not by the last dial`)
    return wrong
  }
  if (outcome !== outcomeOf(number)) wrong.push(`${who} ended ${outcome} instead of ${outcomeOf(number)}`)
  const dials = outcome in RETRY_POLICY.rules ? RETRY_POLICY.maxAttempts : 1
  if (sent !== dials) wrong.push(`${who} was dialled ${sent} times instead of ${dials}`)
  if (outcome === 'answered' && recipient.suppressed !== asksToStop(number)) {
    wrong.push(
      `${who} ${recipient.suppressed ? 'is suppressed without asking' : 'asked not to be called again in vain'}`,
    )
  }
  return wrong
}

/** `unknown` is for intents of a node that died before it knew of an answer, and only if no call came of them. */
function wrongUnknowns({ recipients, dead }: Case, requests: ReadonlyMap<string, readonly Request[]>): string[] {
  const unanswered = dead === 'anyone' ? null : new Set(dead.flatMap((call) => (call.unanswered ? [call.ref] : [])))
  const unknowns = recipients.flatMap(({ attempts }) => attempts.filter(({ disposition }) => disposition === 'unknown'))
  return unknowns.flatMap(({ ref, seq }) => {
    if (unanswered !== null && !unanswered.has(ref))
      return [`recipient ${seq} is unknown, but not by the death of a node`]
    const called = requests.get(ref)?.some(({ outcome }) => outcome !== 'refused') ?? false
    return called ? [`recipient ${seq} is unknown, although the network knows the call`] : []
  })
}

/** Every dial that was sent is one request, every other none, and every request is a dial. */
function wrongRequests({ record, recipients }: Case, requests: ReadonlyMap<string, readonly Request[]>): string[] {
  const callIds = new Map(record.calls.map(({ ref, callId }) => [ref, callId]))
  const attempts = new Map<string, AttemptRow>()
  for (const recipient of recipients) for (const attempt of recipient.attempts) attempts.set(attempt.ref, attempt)
  const wrong: string[] = []
  for (const ref of requests.keys()) if (!attempts.has(ref)) wrong.push(`request ${ref} belongs to no dial`)
  for (const { ref, seq, n, disposition, carrierCallId } of attempts.values()) {
    const dial = `dial ${n} of recipient ${seq}`
    const sent = requests.has(ref)
    if (disposition === 'not-sent' && sent) wrong.push(`${dial} counts as not sent, but the network got it`)
    if (disposition !== 'not-sent' && disposition !== 'unknown' && !sent)
      wrong.push(`${dial} never came to the network`)
    if (disposition !== 'unknown' && (callIds.get(ref) ?? null) !== carrierCallId) {
      wrong.push(`${dial} has the call id ${carrierCallId} instead of ${callIds.get(ref)}`)
    }
  }
  return wrong
}
