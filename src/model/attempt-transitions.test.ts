import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ATTEMPT_EVIDENCE,
  ATTEMPT_STATUSES,
  type AttemptEvidence,
  type AttemptStatus,
  canBecomeNotSent,
  codeOfStatus,
  judgeLateEvidence,
  mergeCarrierCallId,
  nextStatus,
  statusFromCode,
} from './attempt-transitions.ts'
import { ATTEMPT_DISPOSITIONS } from './disposition.ts'

function replay(history: readonly AttemptEvidence[], from: AttemptStatus = 'dialing'): AttemptStatus {
  let status = from
  for (const evidence of history) {
    const next = nextStatus(status, evidence)
    if (next !== 'stale') status = next
  }
  return status
}

/** A history in some order with repetitions, beside the same history in another order with others. */
const twoTellings = fc.uniqueArray(fc.constantFrom(...ATTEMPT_EVIDENCE)).chain((kinds) => {
  const extra = kinds.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...kinds), { maxLength: 10 })
  const telling = extra
    .map((more) => [...kinds, ...more])
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))
  return fc.tuple(fc.constant(kinds), telling, telling)
})

describe('an attempt', () => {
  it('ends alike in whatever order, and however often, its evidence comes', () => {
    fc.assert(
      fc.property(twoTellings, ([kinds, one, other]) => {
        const highest = Math.max(1, ...kinds.map((kind) => codeOfStatus(kind)))
        expect(replay(one)).toBe(statusFromCode(highest))
        expect(replay(other)).toBe(replay(one))
      }),
    )
  })

  it('never goes back', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ATTEMPT_STATUSES),
        fc.array(fc.constantFrom(...ATTEMPT_EVIDENCE)),
        (from, history) => {
          expect(codeOfStatus(replay(history, from))).toBeGreaterThanOrEqual(codeOfStatus(from))
        },
      ),
    )
  })

  it('stays ended', () => {
    for (const evidence of ATTEMPT_EVIDENCE) expect(nextStatus('ended', evidence)).toBe('stale')
  })

  it('reaches in one step whatever evidence ranks above it, and nothing else', () => {
    for (const status of ATTEMPT_STATUSES) {
      for (const evidence of ATTEMPT_EVIDENCE) {
        const higher = codeOfStatus(evidence) > codeOfStatus(status)
        expect([status, evidence, nextStatus(status, evidence)]).toEqual([
          status,
          evidence,
          higher ? evidence : 'stale',
        ])
      }
    }
  })

  it('can only be not-sent while no carrier has spoken', () => {
    expect(ATTEMPT_STATUSES.filter(canBecomeNotSent)).toEqual(['dialing'])
  })

  it('keeps the numbers that stand in databases already', () => {
    expect(ATTEMPT_STATUSES.map((status) => [status, codeOfStatus(status)])).toEqual([
      ['dialing', 1],
      ['accepted', 2],
      ['ringing', 3],
      ['answered', 4],
      ['ended', 5],
    ])
    for (const status of ATTEMPT_STATUSES) expect(statusFromCode(codeOfStatus(status))).toBe(status)
    for (const code of [0, 6, -1, 1.5, Number.NaN]) expect(() => statusFromCode(code)).toThrow(RangeError)
  })
})

describe("the carrier's id of a call", () => {
  it('is taken from any evidence while it is missing', () => {
    expect(mergeCarrierCallId(null, 'CA1')).toEqual({ carrierCallId: 'CA1', conflict: false })
    for (const nothing of [null, undefined, '']) {
      expect(mergeCarrierCallId(null, nothing)).toEqual({ carrierCallId: null, conflict: false })
      expect(mergeCarrierCallId('CA1', nothing)).toEqual({ carrierCallId: 'CA1', conflict: false })
    }
  })

  it('is never replaced, and another one is noticed', () => {
    expect(mergeCarrierCallId('CA1', 'CA1')).toEqual({ carrierCallId: 'CA1', conflict: false })
    expect(mergeCarrierCallId('CA1', 'CA2')).toEqual({ carrierCallId: 'CA1', conflict: true })
  })
})

describe('evidence after the end', () => {
  it('replaces an unknown outcome by any known one', () => {
    for (const disposition of ATTEMPT_DISPOSITIONS) {
      const verdict = judgeLateEvidence('unknown', { kind: 'ended', disposition })
      expect([disposition, verdict]).toEqual([disposition, disposition === 'unknown' ? 'stale' : 'correct'])
    }
  })

  it('brings a call back that was given up as unknown', () => {
    expect(judgeLateEvidence('unknown', { kind: 'ringing' })).toBe('reopen')
    expect(judgeLateEvidence('unknown', { kind: 'answered' })).toBe('reopen')
    expect(judgeLateEvidence('unknown', { kind: 'accepted' })).toBe('stale')
  })

  it('never changes a definite end', () => {
    for (const recorded of ATTEMPT_DISPOSITIONS.filter((disposition) => disposition !== 'unknown')) {
      for (const disposition of ATTEMPT_DISPOSITIONS) {
        const same = disposition === recorded || disposition === 'unknown'
        const verdict = judgeLateEvidence(recorded, { kind: 'ended', disposition })
        expect([recorded, disposition, verdict]).toEqual([recorded, disposition, same ? 'stale' : 'conflict'])
      }
      for (const kind of ['accepted', 'ringing', 'answered'] as const) {
        const verdict = judgeLateEvidence(recorded, { kind })
        expect([recorded, kind, verdict]).toEqual([recorded, kind, recorded === 'not-sent' ? 'conflict' : 'stale'])
      }
    }
  })
})
