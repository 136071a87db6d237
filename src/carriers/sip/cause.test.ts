import { describe, expect, it } from 'vitest'
import { meaningOfEnding, meaningOfRefusal } from './cause.ts'

describe('what a final answer means', () => {
  it('is known for every number from 300 to 699', () => {
    const seen = new Set<string>()
    for (let status = 300; status <= 699; status++) {
      for (const q850 of [null, 1, 17, 127]) {
        const { disposition } = meaningOfRefusal(status, q850)
        seen.add(disposition)
        expect(['busy', 'no-answer', 'rejected', 'failed']).toContain(disposition)
      }
    }
    expect(seen.size).toBe(4)
  })

  it.each([
    [486, null, 'busy'],
    [600, null, 'busy'],
    [603, null, 'rejected'],
    [607, null, 'rejected'],
    [699, null, 'rejected'],
    [480, null, 'no-answer'],
    [408, null, 'no-answer'],
    [404, null, 'failed'],
    [302, null, 'failed'],
    [499, null, 'failed'],
    [500, null, 'failed'],
    [599, null, 'failed'],
    // A gateway that knows no better says it in Q.850.
    [503, 17, 'busy'],
    [480, 21, 'rejected'],
    [500, 1, 'failed'],
    // Where the answer is clear, the cause beside it changes nothing.
    [486, 16, 'busy'],
    [603, 17, 'rejected'],
  ])('%i with Q.850 %s ends %s', (status, q850, disposition) => {
    expect(meaningOfRefusal(status, q850).disposition).toBe(disposition)
  })

  it('every final 5xx without more to go by fails, and counts against the trunk', () => {
    for (let status = 500; status <= 599; status++) {
      expect(meaningOfRefusal(status, null)).toEqual({ disposition: 'failed', cause: 'carrier-error' })
    }
  })
})

describe('how a call ended', () => {
  it('a call that was answered ends answered, whatever came of it', () => {
    const endings = [
      { kind: 'answered-too-late', why: 'ring-timeout' },
      { kind: 'hung-up', by: 'callee', q850: 41 },
      { kind: 'hung-up', by: 'us', why: 'media-not-agreed' },
      { kind: 'vanished' },
    ] as const
    for (const ending of endings) expect(meaningOfEnding(ending).disposition).toBe('answered')
  })

  it('a call we gave up ends as we wanted, unless the other side said more', () => {
    const given = (status: number | null) =>
      meaningOfEnding({ kind: 'given-up', why: 'ring-timeout', status, q850: null })
    for (const status of [null, 487, 480, 408, 500]) expect(given(status).disposition).toBe('no-answer')
    expect(given(486).disposition).toBe('busy')
    expect(given(603).disposition).toBe('rejected')
    const cancelled = meaningOfEnding({ kind: 'given-up', why: 'user', status: 487, q850: null })
    expect(cancelled).toEqual({ disposition: 'cancelled', cause: 'cancelled-by-user' })
  })
})
