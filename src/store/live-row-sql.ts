import { int4Array, int8Array, tidArray } from './binary-array.ts'
import type { RowPlace } from './row-place.ts'
import { sameKeySql } from './same-key-sql.ts'

/** A live call whose row is to be changed. */
export interface LocatedCall {
  readonly numberHash: bigint
  /** Null: not known. */
  readonly place: RowPlace | null
}

/**
 * How a statement finds the live rows `l` of its calls, and the values of each. It takes its calls as columns, an array each.
 * Its first parameter is what it looks by, sorted, and the next one says for each of these which of the calls it is, counted
 * from 1.
 *
 * All rows come from one scan by their places, and each row finds its values itself, by a binary search in the first. There is
 * nothing to join, hence nothing that a planner could join the wrong way round. A nested loop that looks each call up by its place asks
 * the kernel for the length of the table each time, which cost 2 µs of 8 a row with its update on a virtual machine.
 */
export interface LiveRowSearch {
  /** Part of the statement's name. */
  readonly name: string
  readonly rows: string
  /** Which of the calls a row is, if it is any of them. */
  readonly index: string
  /** What an UPDATE of the rows returns. */
  readonly returning: string
  /** Of what was returned: where the rows lie now, in the order of what they were looked for by. */
  readonly places: string
  compare(a: LocatedCall, b: LocatedCall): number
  parameter(calls: readonly LocatedCall[]): Buffer
}

const indexOf = (column: string, first: number) => `($${first + 1}::int[])[width_bucket(${column}, $${first})]`

/** With `organization_id = $1` the planner might walk the live rows of the organization instead. */
const lyingAt = (places: string) => `l.ctid = ANY(${places}) AND l.organization_id + 0 = $1::int`

const byPlace = (first: number): LiveRowSearch => ({
  name: 'by_place',
  rows: lyingAt(`$${first}::tid[]`),
  index: indexOf('l.ctid', first),
  returning: 'l.ctid, l.state',
  // The scan goes through the places in their order.
  places: 'array_agg(ctid)::text',
  compare: (a, b) => a.place! - b.place!,
  parameter: (calls) => tidArray(calls, (call) => call.place!),
})

const placesOfKeys = (first: number) => `ARRAY(SELECT k.ctid FROM unnest($${first}::bigint[]) t(hash), live_call k
     WHERE ${sameKeySql('k', { number_hash: 't.hash' })})`

const byKey = (first: number): LiveRowSearch => ({
  name: 'by_key',
  rows: lyingAt(placesOfKeys(first)),
  index: indexOf('l.number_hash', first),
  returning: 'l.ctid, l.state, l.number_hash',
  places: 'array_agg(ctid ORDER BY number_hash)::text',
  compare: (a, b) => (a.numberHash < b.numberHash ? -1 : 1),
  parameter: (calls) => int8Array(calls, (call) => call.numberHash),
})

/** One statement for each way to find its rows; the parameters of the search are $`first` and the next. */
export function eachSearch<T>(first: number, make: (search: LiveRowSearch) => T): { byKey: T; byPlace: T } {
  return { byKey: make(byKey(first)), byPlace: make(byPlace(first)) }
}

/** Which of them serves these calls: the places of all of them are known, or not. */
export function searchFor<T>(calls: readonly LocatedCall[], { byKey, byPlace }: { byKey: T; byPlace: T }): T {
  return calls.every((call) => call.place !== null) ? byPlace : byKey
}

/** The two parameters of a search. */
export class SearchColumns {
  /** Which of the calls the first that is looked for is, the second, and so on; counted from 0. */
  readonly order: readonly number[]
  readonly parameters: readonly Buffer[]

  constructor(calls: readonly LocatedCall[], search: Pick<LiveRowSearch, 'compare' | 'parameter'>) {
    const order = calls.map((_, index) => index).sort((a, b) => search.compare(calls[a]!, calls[b]!))
    this.order = order
    this.parameters = [search.parameter(order.map((index) => calls[index]!)), int4Array(order, (index) => index + 1)]
  }
}
