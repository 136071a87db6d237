import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/model/disposition.ts'
import { courtRecordOf } from '../../verify/judge.ts'
import { entriesOf } from '../../verify/sip/exchange.ts'
import { judgeTrunk } from '../../verify/sip/trunk-verdict.ts'
import { parseMessages } from '../sip/sipp.ts'

const NUMBER = '+14155552011'

/** An entry of sipp's log; the instant is in seconds after noon. */
function entry(
  second: number,
  direction: 'sent' | 'received',
  startLine: string,
  more: Record<string, string>,
): string {
  const at = `2026-01-31\t12:00:${second.toFixed(6).padStart(9, '0')}`
  const how = direction === 'received' ? 'received [9] bytes :' : 'sent (9 bytes):'
  const headers = { To: `<sip:${NUMBER}@127.0.0.1>`, ...more }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return `${'-'.repeat(47)} ${at}\nUDP message ${how}\n\n${[startLine, ...lines].join('\n')}\n\n`
}

const invite = (second: number, ref: string, branch = ref) =>
  entry(second, 'received', `INVITE sip:${NUMBER}@127.0.0.1 SIP/2.0`, {
    Via: `SIP/2.0/UDP 127.0.0.1:5;branch=${branch}`,
    'Call-ID': ref,
    CSeq: '1 INVITE',
  })
const answered = (second: number, ref: string) =>
  entry(second, 'sent', 'SIP/2.0 200 OK', { 'Call-ID': ref, CSeq: '1 INVITE' })
const bye = (second: number, ref: string) =>
  entry(second, 'received', 'BYE sip:127.0.0.1 SIP/2.0', { 'Call-ID': ref, CSeq: '2 BYE' })
const cancel = (second: number, ref: string) =>
  entry(second, 'received', 'CANCEL sip:127.0.0.1 SIP/2.0', { 'Call-ID': ref, CSeq: '1 CANCEL' })

const recordOf = (...log: string[]) => courtRecordOf(entriesOf(parseMessages(log.join(''))))

/** One person whose dials ended so, the last of them being the outcome. */
function verdictOn(log: readonly string[], dials: Record<string, Outcome>, dead: readonly string[] = []) {
  const attempts = Object.entries(dials).map(([ref, disposition], index) => ({
    ref,
    seq: 1,
    n: index + 1,
    nodeName: 'a',
    disposition,
    claimedAtEpochMs: 0,
    carrierCallId: ref,
  }))
  const outcome = attempts.at(-1)!.disposition
  return judgeTrunk({
    record: recordOf(...log),
    recipients: [{ seq: 1, number: NUMBER, outcome, suppressed: false, finished: 1, attempts }],
    dead: dead.map((ref) => ({ ref, unanswered: true })),
    concurrency: 1,
    callsPerSecond: 1,
  })
}

describe('what sipp wrote down', () => {
  it('is a call from its INVITE to its BYE, and a repeated INVITE is the same', () => {
    const { requests, calls } = recordOf(invite(1, 'a'), invite(1.5, 'a'), answered(2, 'a'), bye(4, 'a'))
    expect(requests).toHaveLength(1)
    expect(calls).toMatchObject([{ ref: 'a', to: NUMBER }])
    expect(calls[0]!.endedAtMs - calls[0]!.startedAtMs).toBeCloseTo(3000, 1)
  })

  it('counts what came unexpected once, by its instant and not by the complaint about it', () => {
    const second = invite(2, 'a', 'again')
    const complaint = second.replace(/^-+ .*\nUDP/, `${'-'.repeat(47)}\nUnexpected UDP`)
    const { requests } = recordOf(invite(1, 'a'), second, complaint)
    expect(requests).toHaveLength(2)
    expect(requests.every(({ atEpochMs }) => Number.isFinite(atEpochMs))).toBe(true)
  })

  it('ends with a CANCEL only what was not answered', () => {
    const [ringing] = recordOf(invite(1, 'a'), cancel(2, 'a')).calls
    expect(ringing!.endedAtMs).toBeLessThan(Number.POSITIVE_INFINITY)
    const [talking] = recordOf(invite(1, 'a'), answered(1.5, 'a'), cancel(2, 'a')).calls
    expect(talking!.endedAtMs).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('the judge of a trunk', () => {
  const whole = [invite(1, 'a'), answered(2, 'a'), bye(3, 'a')]

  it('finds nothing wrong with one call that was answered', () => {
    expect(verdictOn(whole, { a: 'answered' }).broken).toEqual([])
  })

  it.each([
    ['a second INVITE under one Call-ID', [invite(1, 'a'), invite(1.2, 'a', 'other'), answered(2, 'a'), bye(3, 'a')]],
    ['a call that is no attempt', [...whole, invite(5, 'x'), bye(6, 'x')]],
    ['a call to a number that is in one', [invite(1, 'x'), invite(2, 'a'), bye(3, 'x'), answered(4, 'a'), bye(5, 'a')]],
    ['an attempt that never came', []],
  ])('finds %s', (_what, log) => {
    expect(verdictOn(log, { a: 'answered' }).broken).not.toEqual([])
  })

  it('finds more live calls than may be, and too many in a second', () => {
    const { broken } = verdictOn([invite(1, 'a'), invite(1.1, 'b'), bye(3, 'a'), bye(3, 'b')], {
      a: 'busy',
      b: 'answered',
    })
    expect(broken).toContain('2 calls lived at once, 1 may')
    expect(broken.some((sentence) => sentence.startsWith('2 calls began within 950 ms'))).toBe(true)
  })

  it('lets only a death make somebody unknown', () => {
    expect(verdictOn(whole, { a: 'unknown' }, ['a']).broken).toEqual([])
    expect(verdictOn(whole, { a: 'unknown' }).broken).toContain(
      'dial 1 of recipient 1 is unknown, but not by the death of a node',
    )
  })

  it('lets a person be dialled once more whose telephone rang when the node died, and nobody else', () => {
    const log = [invite(1, 'a'), cancel(2, 'a'), invite(8, 'b'), answered(9, 'b'), bye(10, 'b')]
    const twice = { a: 'failed', b: 'answered' } as const
    expect(verdictOn(log, twice, ['a']).broken).toEqual([])
    const tooOften = 'recipient 1 (ending 11) was dialled 2 times instead of 1'
    expect(verdictOn(log, twice).broken).toContain(tooOften)
    expect(verdictOn(log, { a: 'answered', b: 'answered' }, ['a']).broken).toContain(tooOften)
  })

  it('finds a dial that counts as not sent and was', () => {
    expect(verdictOn(whole, { a: 'not-sent' }).broken).toContain(
      'dial 1 of recipient 1 counts as not sent, but the trunk got it',
    )
  })
})
