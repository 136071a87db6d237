import { int8Array, tidArray } from './binary-array.ts'
import type { RowPlace } from './row-place.ts'

/** A live call whose row is to be changed. */
export interface LocatedCall {
  readonly numberHash: bigint
  /** Null: not known. */
  readonly place: RowPlace | null
}

/**
 * How a statement finds the live rows `l` of the calls of its CTE `t` (batch_id, seq, n, was, and as its parameter $3 the
 * column that it looks by), if they are still what the caller believes.
 */
export interface LiveRowSearch {
  /** Part of the statement's name. */
  readonly name: string
  /** What `t` selects of $3. */
  readonly column: string
  readonly sql: string
  parameter(calls: readonly LocatedCall[]): Buffer
}

const SAME_CALL = 'l.batch_id = t.batch_id AND l.seq = t.seq AND l.n = t.n AND l.state = t.was'

/**
 * By the key, compared by BETWEEN, which the planner can answer by a probe of live_call_pkey and in no other way. With `=` it
 * may walk that index from end to end and look every live call up in `t`: it did so when the plan was made while `live_call`
 * was empty, and kept that plan.
 */
const BY_KEY: LiveRowSearch = {
  name: 'by_key',
  column: 'unnest($3::bigint[]) AS hash',
  sql: `(l.organization_id, l.number_hash) BETWEEN ($1::int, t.hash) AND ($1::int, t.hash) AND ${SAME_CALL}`,
  parameter: (calls) => int8Array(calls, (call) => call.numberHash),
}

/**
 * By the place alone, without any index: 4.0 µs a row with its update, against 5.8 by the key (docs/decisions/0020). With
 * `organization_id = $1` the planner may walk the live rows of the organization and look each up in `t`, as above.
 */
const BY_PLACE: LiveRowSearch = {
  name: 'by_place',
  column: 'unnest($3::tid[]) AS place',
  sql: `l.ctid = t.place AND l.organization_id + 0 = $1::int AND ${SAME_CALL}`,
  parameter: (calls) => tidArray(calls, (call) => call.place!),
}

/** One statement for each way to find its rows. */
export function eachSearch<T>(make: (search: LiveRowSearch) => T): { byKey: T; byPlace: T } {
  return { byKey: make(BY_KEY), byPlace: make(BY_PLACE) }
}

/** Which of them serves these calls: the places of all of them are known, or not. */
export function searchFor<T>(calls: readonly LocatedCall[], { byKey, byPlace }: { byKey: T; byPlace: T }): T {
  return calls.every((call) => call.place !== null) ? byPlace : byKey
}
