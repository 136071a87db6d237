import type pg from 'pg'
import { NOT_SENT_CODE } from '../../src/store/outcome-columns.ts'

/**
 * What must be equal in every committed state, whether the lists are worked off or not: on the left what was counted,
 * on the right what the rows say.
 */
const EQUAL: readonly (readonly [what: string, counted: string, rows: string])[] = [
  ['live calls of organizations', 'SELECT sum(live) FROM gate', 'SELECT count(*) FROM live_call'],
  ['live calls of trunks', 'SELECT sum(live) FROM trunk_state', 'SELECT count(*) FROM live_call'],
  ['live calls of batches', 'SELECT sum(live) FROM batch_state', 'SELECT count(*) FROM live_call'],
  ['dialing', 'SELECT sum(dialing) FROM batch_state', 'SELECT count(*) FROM live_call WHERE state = 1'],
  ['accepted', 'SELECT sum(accepted) FROM batch_state', 'SELECT count(*) FROM live_call WHERE state = 2'],
  ['ringing', 'SELECT sum(ringing) FROM batch_state', 'SELECT count(*) FROM live_call WHERE state = 3'],
  ['talking', 'SELECT sum(talking) FROM batch_state', 'SELECT count(*) FROM live_call WHERE state = 4'],
  ['due', 'SELECT sum(due) FROM batch_state', 'SELECT count(*) FROM due'],
  ['waiting', 'SELECT sum(total - due - live - settled) FROM batch_state', 'SELECT sum(end_seq - next_seq) FROM lane'],
  ['answered', 'SELECT sum(answered) FROM batch_state', 'SELECT count(*) FROM attempt WHERE disposition = 1'],
  ['suppressed', 'SELECT sum(suppressed) FROM batch_state', 'SELECT count(*) FROM verdict WHERE outcome = 11'],
  [
    'attempts',
    'SELECT sum(attempts) FROM batch_state',
    // An intent that was never sent, as when a node stops in between, is no attempt at a person.
    `SELECT (SELECT count(*) FROM attempt WHERE disposition <> ${NOT_SENT_CODE}) + (SELECT count(*) FROM live_call)`,
  ],
  ['event blocks', 'SELECT sum(block_no) FROM gate', 'SELECT count(*) FROM event_block'],
  ['talk time', 'SELECT sum(talk_ms) FROM batch_state', 'SELECT sum(ended_ms - answered_ms) FROM attempt'],
]

/** How many events of a kind the log must have, by the rows. */
const EVENTS: readonly (readonly [kind: number, rows: string])[] = [
  [1, 'SELECT (SELECT count(*) FROM attempt) + (SELECT count(*) FROM live_call)'],
  [2, reached('accepted_ms')],
  [3, reached('ringing_ms')],
  [4, reached('answered_ms')],
  [6, 'SELECT sum(settled) FROM batch_state'],
]

/** What must never exist. An intent that was never sent, as on a machine too busy to send it in time, is no call. */
const NONE: readonly (readonly [what: string, rows: string])[] = [
  [
    'recipients called twice',
    `SELECT 1 FROM attempt WHERE disposition <> ${NOT_SENT_CODE} GROUP BY organization_id, batch_id, seq HAVING count(*) > 1`,
  ],
  [
    'suppressed numbers called',
    `SELECT 1 FROM attempt a JOIN recipient r USING (organization_id, batch_id, seq)
     JOIN suppression s USING (organization_id, number_hash, number)`,
  ],
  ['batches above their limit', 'SELECT 1 FROM batch_state WHERE live > live_max'],
  [
    'ended calls with a transition missing',
    `SELECT 1 FROM attempt WHERE disposition <> ${NOT_SENT_CODE}
     AND (accepted_ms IS NULL OR ringing_ms IS NULL OR answered_ms IS NULL OR carrier_call_id IS NULL)`,
  ],
  [
    'completed batches with somebody left, or the other way round',
    'SELECT 1 FROM batch_state WHERE (status = 4) <> (settled = total)',
  ],
]

function reached(column: string): string {
  return `SELECT (SELECT count(${column}) FROM attempt) + (SELECT count(${column}) FROM live_call)`
}

export interface RecountOptions {
  /** Every list must be worked off: nothing waits, nothing lives. */
  readonly drained: boolean
  /** Every call went through all five states, once a recipient, as with the instant carrier. */
  readonly wholeCalls: boolean
}

/** Where the rows and what was counted disagree; empty when all is well. The nodes must be stopped. */
export async function recount(client: pg.Client, options: RecountOptions): Promise<string[]> {
  const wrong: string[] = []
  const ask = async (sql: string) => Number((await client.query({ text: sql, rowMode: 'array' })).rows[0]?.[0] ?? 0)
  for (const [what, counted, rows] of EQUAL) {
    const [left, right] = [await ask(counted), await ask(rows)]
    if (left !== right) wrong.push(`${what}: ${left} counted, ${right} in the rows`)
  }
  const logged = await client.query(
    'SELECT k AS kind, count(*)::int AS n FROM event_block e CROSS JOIN LATERAL unnest(e.kind) AS k GROUP BY k',
  )
  const events = new Map<number, number>(logged.rows.map(({ kind, n }) => [kind, n]))
  for (const [kind, rows] of EVENTS) {
    const expected = await ask(rows)
    if ((events.get(kind) ?? 0) !== expected)
      wrong.push(`events of kind ${kind}: ${events.get(kind)} instead of ${expected}`)
  }
  for (const [what, rows] of NONE) {
    if (!options.wholeCalls && /twice|transition/.test(what)) continue
    const found = await ask(`SELECT count(*) FROM (${rows}) x`)
    if (found > 0) wrong.push(`${what}: ${found}`)
  }
  if (options.drained) {
    const left = await ask('SELECT sum(total - settled) + sum(live) FROM batch_state')
    if (left > 0) wrong.push(`not worked off: ${left}`)
  }
  return wrong
}
