import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfCause } from '../../src/model/cause.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import type { Attempt, Judge } from './judge.ts'
import { type AttemptRow, attemptKey, laneOf, personKey, type Tables } from './memory-rows.ts'
import type { ProviderCall } from './provider.ts'
import { whereabouts } from './recount.ts'
import type { VirtualWorld } from './virtual-world.ts'

const UNKNOWN = codeOfOutcome('unknown')
const NOT_SENT = codeOfOutcome('not-sent')
const STOPPED = codeOfCause('stopped-before-send')
const REFUSED = [codeOfCause('carrier-refused'), codeOfCause('carrier-error')]

/** True when nothing of the organization is left to do. */
export function isSettled(tables: Tables): boolean {
  for (const { settled, total } of tables.batches.values()) if (settled !== total) return false
  return tables.live.size === 0 && tables.due.size === 0
}

/** What must hold when everything has come to rest. */
export function judgeRest(judge: Judge, world: VirtualWorld, tables: Tables): void {
  judge.recount(tables)
  judgePeople(judge, tables)
  judgeEvents(judge, tables)
  for (const attempt of judge.attempts.values()) {
    if (attempt.parts.organizationId === tables.organizationId) judgeAttempt(judge, attempt, tables)
  }
  judgeConversations(judge, tables)
  judgeThrottles(judge, world, tables)
  judgeDials(judge, tables)
  cover(world, tables)
}

function judgePeople(judge: Judge, tables: Tables): void {
  for (const { recipient, live, due, outcome, held } of whereabouts(tables)) {
    if (outcome !== null) continue
    const place = live ? 'still in a call' : due ? 'still due' : held ? 'still held back' : 'still in line'
    judge.accuse('I3', `${tables.organizationId}/${personKey(recipient.batchId, recipient.seq)}`, `lost: ${place}`)
  }
  const { live } = tables.gate.get(0)!
  if (live !== 0) judge.accuse('I3', `${tables.organizationId}/`, `${live} slots are leaked`)
  for (const [batchId, { status }] of tables.batches) {
    const over = status === BATCH_STATUS_CODE.completed || status === BATCH_STATUS_CODE.cancelled
    if (!over) judge.accuse('I3', `${tables.organizationId}/${batchId}`, `the batch rests in status ${status}`)
  }
}

/** Each recipient is finished once more than it is reopened. */
function judgeEvents(judge: Judge, tables: Tables): void {
  const finished = new Map<string, number>()
  const add = (batchId: number, seq: number, by: number) => {
    const key = personKey(batchId, seq)
    finished.set(key, (finished.get(key) ?? 0) + by)
  }
  for (const { entries } of tables.blocks.values()) {
    for (const { batchId, seq, kind, atMs } of entries) {
      if (kind === EVENT_KINDS['recipient-finished']) add(batchId, seq, 1)
      else if (kind === EVENT_KINDS['recipient-reopened']) add(batchId, seq, -1)
      else if (kind === EVENT_KINDS['lane-closed']) {
        for (let index = 0; index < atMs; index++) add(batchId, seq + index, 1)
      }
    }
  }
  for (const key of tables.recipients.keys()) {
    const times = finished.get(key) ?? 0
    if (times !== 1) judge.accuse('I10', `${tables.organizationId}/${key}`, `finished ${times} times in the event log`)
  }
}

function judgeAttempt(judge: Judge, attempt: Attempt, tables: Tables): void {
  const { batchId, seq, n } = attempt.parts
  const row = tables.attempts.get(attemptKey(batchId, seq, n))
  if (!row) {
    judge.accuse('I5', attempt.ref, 'a create-call was sent for an attempt that does not exist')
    return
  }
  const call = attempt.calls[0]
  if (neverSent(row)) {
    if (attempt.writtenAtMs.length > 0) judge.accuse('I11', attempt.ref, 'said to be not sent, but it was written')
  } else if (row.disposition === UNKNOWN) {
    if (attempt.endAcknowledged) judge.accuse('I11', attempt.ref, 'unknown although its end was told and acknowledged')
  } else if (call) {
    if (call.endedAs === null || call.contradicted) return
    if (codeOfOutcome(call.endedAs) !== row.disposition) {
      judge.accuse('I11', attempt.ref, `ended ${row.disposition}, but its call ended ${call.endedAs}`)
    }
  } else if (!REFUSED.includes(row.cause)) {
    judge.accuse('I11', attempt.ref, `ended ${row.disposition} by cause ${row.cause}, but there was no call`)
  }
}

/** No window of a rule's length holds more claims than it allows, whichever node made them. */
function judgeThrottles(judge: Judge, { coverage }: VirtualWorld, tables: Tables): void {
  for (const [throttleId, { rules }] of tables.throttles) {
    const under = ({ batchId }: AttemptRow) => tables.batches.get(batchId)!.terms.throttleId === throttleId
    const starts = [...tables.attempts.values()].filter(under).map(({ claimedAt }) => claimedAt)
    starts.sort((one, other) => one - other)
    for (const { maxCalls, windowSeconds } of rules) {
      for (let index = maxCalls; index < starts.length; index++) {
        const apartMs = starts[index]! - starts[index - maxCalls]!
        if (apartMs < windowSeconds * 1000) {
          judge.accuse(
            'I7',
            `${tables.organizationId}/`,
            `${maxCalls + 1} calls in ${apartMs} ms of ${maxCalls} in ${windowSeconds} s`,
          )
        } else if (apartMs < windowSeconds * 1000 + 1_000) coverage.hit('throttled')
      }
    }
  }
}

/** Nobody is dialled more often than the list says, or the lane; whoever asks for more by hand may. */
function judgeDials(judge: Judge, tables: Tables): void {
  for (const { entries } of tables.blocks.values()) {
    if (entries.some(({ kind }) => kind === EVENT_KINDS['recipient-reopened'])) return
  }
  const dials = new Map<string, number>()
  for (const row of tables.attempts.values()) {
    const { batchId, seq } = row
    if (neverSent(row)) continue
    const key = personKey(batchId, seq)
    const dial = (dials.get(key) ?? 0) + 1
    dials.set(key, dial)
    const most = laneOf(tables, batchId, seq).attemptsMax ?? tables.batches.get(batchId)!.terms.retryPolicy.maxAttempts
    if (dial > most) judge.accuse('I4', `${tables.organizationId}/${key}`, `dialled ${dial} times of ${most}`)
  }
}

function neverSent(row: AttemptRow): boolean {
  return row.disposition === NOT_SENT || (row.disposition === codeOfOutcome('cancelled') && row.cause === STOPPED)
}

/** Only a person may ask for more after `unknown`; whoever did takes the second conversation upon themselves. */
function judgeConversations(judge: Judge, tables: Tables): void {
  const askedAgain = new Set<string>()
  for (const { entries } of tables.blocks.values()) {
    for (const { batchId, seq, kind, code } of entries) {
      if (kind === EVENT_KINDS['recipient-reopened'] && code === UNKNOWN) askedAgain.add(personKey(batchId, seq))
    }
  }
  const talked = new Map<string, string>()
  for (const { ref, parts, calls } of judge.attempts.values()) {
    if (parts.organizationId !== tables.organizationId || !calls.some(talk)) continue
    const key = personKey(parts.batchId, parts.seq)
    if (talked.has(key) && !askedAgain.has(key))
      judge.accuse('I4', ref, 'a second conversation with one person in one batch')
    talked.set(key, ref)
  }
}

/** A carrier that tells a false end of a conversation may be believed. */
function talk({ endedAs, contradicted }: ProviderCall): boolean {
  return endedAs === 'answered' && !contradicted
}

function cover({ coverage }: VirtualWorld, tables: Tables): void {
  const causes = (cause: Parameters<typeof codeOfCause>[0]) =>
    [...tables.attempts.values()].filter((row) => row.cause === codeOfCause(cause)).length
  coverage.hit('claim-disowned', causes('claim-lost'))
  coverage.hit('deadline-abort', causes('deadline-missed'))
  coverage.hit('stopped-before-send', causes('stopped-before-send'))
  for (const { figures } of tables.batches.values()) {
    coverage.hit('suppressed', figures.suppressed)
    coverage.hit('expired', figures.expired)
    coverage.hit('cancelled', figures.cancelled)
  }
  for (const { entries } of tables.blocks.values()) {
    for (const { kind, code, n } of entries) {
      if (kind !== EVENT_KINDS['recipient-reopened']) continue
      coverage.hit(n > 0 && code === 0 ? 'revived' : 'retried-by-hand')
    }
  }
}
