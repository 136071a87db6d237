import { describe, expect, it } from 'vitest'
import type { RecipientRow } from '../../verify/evidence.ts'
import { type HealedFault, unexplained } from '../../verify/fault-effects.ts'
import { judgeWebhooks } from '../../verify/webhooks/sink-verdict.ts'
import type { ToldEvent } from '../../verify/webhooks/told.ts'

const RECIPIENT = '00000000-0000-0000-0000-000000000001'
const FIRST: ToldEvent = { id: '4.1', kind: 'attempt-ended', seq: 1, n: 1, recipientId: RECIPIENT }
const SECOND: ToldEvent = { id: '5.1', kind: 'recipient-finished', seq: 1, n: 2, recipientId: RECIPIENT }

interface Noted {
  readonly event: ToldEvent
  readonly taken?: boolean
  readonly genuine?: boolean
  readonly kind?: string
}

const noted = ({ event, ...said }: Noted) => ({
  what: 'webhook',
  atEpochMs: 0,
  atMonotonicMs: 0,
  id: event.id,
  kind: event.kind,
  recipientId: event.recipientId,
  genuine: true,
  taken: true,
  ...said,
})

const dialled = (...ns: number[]): RecipientRow => ({
  seq: 1,
  number: '+14150000070',
  outcome: 'busy',
  suppressed: false,
  finished: 1,
  attempts: ns.map((n) => ({
    ref: `${n}`,
    seq: 1,
    n,
    nodeName: 'a',
    disposition: 'busy',
    carrierCallId: `${n}`,
    claimedAtEpochMs: 100_000,
  })),
})

const judged = (...entries: Noted[]) => judgeWebhooks([FIRST, SECOND], entries.map(noted), [dialled(1, 2)])

describe('what the receiver of webhooks noted', () => {
  it('is well when everything was taken in order', () => {
    expect(judged({ event: FIRST }, { event: SECOND })).toEqual({
      webhooks: 2,
      webhooksLost: 0,
      webhooksDoubled: 0,
      webhooksRefused: 0,
      broken: [],
    })
  })

  it('may hold an event twice, and what was refused until it was taken', () => {
    const refused = { event: FIRST, taken: false }
    const verdict = judged(refused, refused, { event: FIRST }, { event: FIRST }, { event: SECOND }, { event: FIRST })
    expect(verdict).toMatchObject({ webhooksDoubled: 1, webhooksRefused: 2, webhooksLost: 0, broken: [] })
  })

  it.each([
    ['never came', [{ event: FIRST }], 'webhook 5.1 (recipient-finished) was never taken'],
    [
      'was only refused',
      [{ event: FIRST }, { event: SECOND, taken: false }],
      'webhook 5.1 (recipient-finished) was never taken',
    ],
    [
      'came too early',
      [{ event: SECOND }, { event: FIRST }, { event: SECOND }],
      'webhook 5.1 of recipient 1 came before',
    ],
    [
      'overtook a refused one',
      [{ event: FIRST, taken: false }, { event: SECOND }, { event: FIRST }, { event: SECOND }],
      'webhook 5.1 of recipient 1 came before',
    ],
    ['is not genuine', [{ event: FIRST, genuine: false }, { event: SECOND }], 'webhook 4.1 has no valid signature'],
    [
      'tells something else',
      [{ event: FIRST, kind: 'recipient-finished' }, { event: SECOND }],
      'webhook 4.1 tells recipient-finished of',
    ],
    [
      'is in no log',
      [{ event: { ...FIRST, id: '9.9' } }, { event: FIRST }, { event: SECOND }],
      'webhook 9.9 tells of nothing',
    ],
  ] as const)('is judged when one %s', (_name, entries, sentence) => {
    expect(judged(...entries).broken).toContainEqual(expect.stringContaining(sentence))
  })

  it('is judged when a dial has no final event', () => {
    const { broken } = judgeWebhooks([FIRST], [noted({ event: FIRST })], [dialled(1, 2)])
    expect(broken).toEqual(['the end of dial 2 of recipient 1 is in no event'])
  })
})

describe('an unknown outcome', () => {
  const [attempt] = dialled(1).attempts
  const unknown = [{ ...dialled(), attempts: [{ ...attempt!, disposition: 'unknown' as const }] }]
  const fault = (atEpochMs: number, healedAtEpochMs: number, kind: HealedFault['kind'] = 'kill'): HealedFault => ({
    kind,
    atEpochMs,
    healedAtEpochMs,
    nodeIndex: 0,
  })

  it('is explained by what was wrong while its request could be under way', () => {
    expect(unexplained(unknown, [fault(90_000, 99_000)])).toEqual([])
    expect(unexplained(unknown, [fault(119_000, 130_000)])).toEqual([])
  })

  it('is not explained by what was over before, began later, or loses no answer', () => {
    const others = [fault(80_000, 97_000), fault(121_000, 130_000), fault(99_000, 130_000, 'kill-sink')]
    expect(unexplained(unknown, others)).toEqual(['dial 1 of recipient 1 is unknown, and no fault explains it'])
  })
})
