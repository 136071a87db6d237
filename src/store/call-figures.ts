import { codeOfStatus } from '../model/attempt-transitions.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { int2Array, int4Array, int8Array } from './binary-array.ts'
import { CallEvents } from './call-events.ts'
import { parameters, unnestSql } from './columns-sql.ts'
import type { EndedCall } from './end-calls.ts'
import { packedBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import { DIAL_OUTCOME_COLUMNS, NOT_SENT_CODE } from './outcome-columns.ts'
import type { ProgressColumns } from './progress-calls.ts'
import { sameKeySql } from './same-key-sql.ts'
import type { Statement } from './statement.ts'
import { untouchedSql } from './successor-sql.ts'

const ANSWERED = codeOfStatus('answered')

/** Columns of batch_state that count live calls, by their states. */
const STATE_COLUMNS = {
  [codeOfStatus('dialing')]: 'dialing',
  [codeOfStatus('accepted')]: 'accepted',
  [codeOfStatus('ringing')]: 'ringing',
  [codeOfStatus('answered')]: 'talking',
} as const

/** By how much calls move the figures of a batch. `final`: recipients who are not dialled again. */
const MOVED = [
  'live',
  'due',
  'final',
  'attempts',
  ...Object.values(STATE_COLUMNS),
  ...DIAL_OUTCOME_COLUMNS.values(),
] as const
type Moved = (typeof MOVED)[number]
const COUNTED = MOVED.filter((column) => column !== 'final' && column !== 'due')

const RETRY_COLUMNS = {
  batch_id: 'int',
  lane: 'smallint',
  seq: 'int',
  n: 'smallint',
  counted: 'smallint',
  after_ms: 'bigint',
  reason: 'smallint',
}
const SUCCESSOR_COLUMNS = { batch_id: 'int', successor_seq: 'int' }
const TRUNK_COLUMNS = { trunk_id: 'int', ended: 'int' }
const FIGURE_COLUMNS = {
  batch_id: 'int',
  talk_ms: 'bigint',
  ...Object.fromEntries(MOVED.map((column) => [column, 'int'])),
}
const FIRST_RETRY = 3
const FIRST_SUCCESSOR = FIRST_RETRY + Object.keys(RETRY_COLUMNS).length
const FIRST_TRUNK = FIRST_SUCCESSOR + Object.keys(SUCCESSOR_COLUMNS).length
const FIRST_FIGURE = FIRST_TRUNK + Object.keys(TRUNK_COLUMNS).length
const FIRST_EVENT_COLUMN = FIRST_FIGURE + Object.keys(FIGURE_COLUMNS).length
const [BATCH_IDS, SEQS, NS, KINDS, CODES, TIMES] = parameters(FIRST_EVENT_COLUMN, 6)
const ENDED = FIRST_EVENT_COLUMN + 6

/** Rides batch_state_pkey and, where calls ended, trunk_state_pkey; for successors lane_pkey and what `untouchedSql` says. */
const CALL_FIGURES = `WITH again AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, r.batch_id, r.lane, $2::timestamptz + r.after_ms * interval '1 ms', r.seq, r.n, r.counted, r.reason
   FROM (SELECT ${unnestSql(RETRY_COLUMNS, FIRST_RETRY)}) r),
 chained AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, d.batch_id, x.lane, $2::timestamptz, d.successor_seq, 1, 0, 5
   FROM (SELECT ${unnestSql(SUCCESSOR_COLUMNS, FIRST_SUCCESSOR)}) d JOIN lane x ON ${sameKeySql('x', { batch_id: 'd.batch_id' })} AND d.successor_seq >= x.first_seq AND d.successor_seq < x.last_seq
   WHERE x.closed_as IS NULL AND ${untouchedSql('d')} RETURNING batch_id),
 s AS (UPDATE batch_state b SET due = b.due + f.due + (SELECT count(*) FROM chained c WHERE c.batch_id = f.batch_id)::int,
     settled = b.settled + f.final, talk_ms = b.talk_ms + f.talk_ms, ${COUNTED.map((column) => `${column} = b.${column} + f.${column}`).join(', ')},
     status = CASE WHEN b.settled + f.final = b.total AND b.status IN (2, 3) THEN 4 ELSE b.status END,
     completed_at = CASE WHEN b.settled + f.final = b.total AND b.completed_at IS NULL THEN $2::timestamptz ELSE b.completed_at END
   FROM (SELECT ${unnestSql(FIGURE_COLUMNS, FIRST_FIGURE)}) f WHERE ${sameKeySql('b', { batch_id: 'f.batch_id' })}
   RETURNING b.batch_id, b.status = 4 AND b.settled = b.total AS completed),
 tr AS (UPDATE trunk_state x SET live = x.live - c.ended FROM (SELECT ${unnestSql(TRUNK_COLUMNS, FIRST_TRUNK)}) c
   WHERE x.organization_id = $1::int AND x.trunk_id = c.trunk_id),
 done AS MATERIALIZED (SELECT array_agg(batch_id) AS batch_ids, ARRAY[count(*)::int] AS many FROM s WHERE completed),
 packed AS (SELECT nullif(${BATCH_IDS}::int[] || done.batch_ids, '{}') AS batch_ids,
     ${SEQS}::int[] || array_fill(0, many) AS seqs,
     ${NS}::smallint[] || array_fill(0::smallint, many) AS ns,
     ${KINDS}::smallint[] || array_fill(${EVENT_KINDS['batch-completed']}::smallint, many) AS kinds, ${CODES}::smallint[] || array_fill(0::smallint, many) AS codes,
     ${TIMES}::int[] || array_fill(0, many) AS ats FROM done),
 ${packedBlockSql(`(-$${ENDED}::int)`)}
SELECT 1`

/**
 * What follows from calls whose rows a transaction has written: figures of batches move, slots are free, retries and successors
 * stand in `due`, events are logged. One statement for all of them, under the gate.
 */
export class CallFigures {
  readonly #events = new CallEvents()
  readonly #byBatch = new Map<number, Figures>()
  readonly #endedByTrunk = new Map<number, number>()
  readonly #retried: EndedCall[] = []
  readonly #followed: EndedCall[] = []
  #ended = 0

  addProgress({ events, moves }: ProgressColumns): void {
    this.#events.append(events)
    for (const [batchId, byState] of moves) {
      const { moved } = this.#figuresOf(batchId)
      for (const [state, count] of byState.entries()) if (count !== 0) moved[STATE_COLUMNS[state]!] += count
    }
  }

  addEnds(calls: readonly EndedCall[]): void {
    this.#ended += calls.length
    for (const call of calls) {
      const isFinal = call.retryAfterMs < 0
      this.#events.addSteps(call, ANSWERED)
      const kind = EVENT_KINDS[isFinal ? 'recipient-finished' : 'attempt-ended']
      this.#events.add(call, { kind, code: call.dispositionCode, ms: call.endedMs })
      this.#endedByTrunk.set(call.trunkId, (this.#endedByTrunk.get(call.trunkId) ?? 0) + 1)
      const figures = this.#figuresOf(call.batchId)
      const { moved } = figures
      moved.live--
      moved[STATE_COLUMNS[call.savedState]!]--
      if (call.answeredMs >= 0) figures.talkMs += call.endedMs - call.answeredMs
      if (call.dispositionCode === NOT_SENT_CODE) moved.attempts--
      if (isFinal) {
        moved.final++
        const outcome = DIAL_OUTCOME_COLUMNS.get(call.dispositionCode)
        if (outcome !== undefined) moved[outcome]++
        if (call.successorSeq !== null) this.#followed.push(call)
      } else {
        moved.due++
        this.#retried.push(call)
      }
    }
  }

  statement({ organizationId, now, nowEpochMs }: Gate): Statement {
    const retried = this.#retried
    const followed = this.#followed
    const trunks = [...this.#endedByTrunk]
    const batches = [...this.#byBatch]
    return {
      name: 'call_figures',
      text: CALL_FIGURES,
      values: [
        organizationId,
        now,
        int4Array(retried, (call) => call.batchId),
        int2Array(retried, (call) => call.lane),
        int4Array(retried, (call) => call.seq),
        int2Array(retried, (call) => call.n + 1),
        int2Array(retried, (call) => call.counted - (call.dispositionCode === NOT_SENT_CODE ? 1 : 0)),
        int8Array(retried, (call) => BigInt(call.retryAfterMs)),
        int2Array(retried, (call) => call.dueReasonCode),
        int4Array(followed, (call) => call.batchId),
        int4Array(followed, (call) => call.successorSeq!),
        int4Array(trunks, ([trunkId]) => trunkId),
        int4Array(trunks, ([, ended]) => ended),
        int4Array(batches, ([batchId]) => batchId),
        int8Array(batches, ([, { talkMs }]) => BigInt(talkMs)),
        ...MOVED.map((column) => int4Array(batches, ([, { moved }]) => moved[column])),
        ...this.#events.columns(),
        this.#events.times(nowEpochMs),
        this.#ended,
      ],
    }
  }

  #figuresOf(batchId: number): Figures {
    let figures = this.#byBatch.get(batchId)
    if (figures === undefined) {
      figures = { talkMs: 0, moved: { ...NOTHING_MOVED } }
      this.#byBatch.set(batchId, figures)
    }
    return figures
  }
}

interface Figures {
  talkMs: number
  readonly moved: Record<Moved, number>
}

const NOTHING_MOVED = Object.fromEntries(MOVED.map((column) => [column, 0])) as Record<Moved, number>
