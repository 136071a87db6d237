import { type Cause, codeOfCause } from '../model/cause.ts'
import { codeOfOutcome } from '../model/disposition.ts'
import type { ImportOutcome, NewLane } from '../store/insert-batch.ts'
import type { StagedRange } from '../store/staged-recipients.ts'

/** Why a recipient is final from the import on. */
export interface ImportVerdict {
  readonly outcome: ImportOutcome
  readonly cause: Cause
}

/** How recipients of a lane are called, where that is not the batch's own way. */
export interface LaneRoute {
  readonly trunkId: number
  /** Digits without the plus; null: nobody is called from it. */
  readonly callerDigits: number | null
  /** Null: who speaks for the batch. */
  readonly agentId: number | null
  /** Null: as often as the batch says. */
  readonly attemptsMax: number | null
}

/** Recipients of one kind while they arrive. Its index is the lane number in the stage. */
interface StagingLane {
  readonly route: LaneRoute | null
  readonly zones: readonly string[]
  /** Not in line: has a not-before of its own, or waits behind the same number. */
  readonly apart: boolean
  readonly verdict: ImportVerdict | null
  count: number
}

/** Where everything goes once all recipients are known. */
export interface LaneLayout {
  readonly lanes: readonly NewLane[]
  readonly ranges: readonly (StagedRange & { readonly batchLane: number })[]
  readonly total: number
  readonly settled: Record<ImportOutcome, number>
}

const FINAL_ORDER = { 'not-allowed': 0, 'invalid-number': 1, duplicate: 2 } as const satisfies Record<
  ImportOutcome,
  number
>
/** More lanes than a smallint can number would need as many zones as there are not. */
const STAGING_LANES_MAX = 32_000

/**
 * Gives each recipient its place while the list arrives, when the sizes of lanes are not known yet: a staging lane and
 * an ordinal in it. {@link LaneBook.layout} then turns staging lanes into contiguous ranges: first those in line of
 * each route and set of zones, behind them those of the same that stand apart, and last of all those that are final.
 */
export class LaneBook {
  readonly #lanes: StagingLane[] = []
  readonly #laneByKey = new Map<string, number>()
  /** Lanes by the very array of their zones, in line and apart: most recipients share a few arrays. */
  readonly #known = {
    inLine: new WeakMap<readonly string[], number>(),
    apart: new WeakMap<readonly string[], number>(),
  }

  /** The place of a recipient who may be called; without a route in the way of the batch. */
  place(zones: readonly string[], apart: boolean, route: LaneRoute | null = null): { lane: number; position: number } {
    const key = () => `${apart ? 'apart' : 'line'} ${keyOf({ route, zones })}`
    if (route !== null) return this.#next(this.#laneOf(key(), { route, zones, apart, verdict: null }))
    const known = apart ? this.#known.apart : this.#known.inLine
    let lane = known.get(zones)
    if (lane === undefined) {
      lane = this.#laneOf(key(), { route, zones, apart, verdict: null })
      known.set(zones, lane)
    }
    return this.#next(lane)
  }

  /** The place of a recipient who is final. */
  placeFinal(verdict: ImportVerdict): { lane: number; position: number } {
    const lane = { route: null, zones: [], apart: false, verdict }
    return this.#next(this.#laneOf(`final ${verdict.outcome} ${verdict.cause}`, lane))
  }

  layout(): LaneLayout {
    const lanes: NewLane[] = []
    const ranges: (StagedRange & { batchLane: number })[] = []
    const settled: Record<ImportOutcome, number> = { duplicate: 0, 'invalid-number': 0, 'not-allowed': 0 }
    let seq = 1
    for (const [inLine, apart] of this.#openPairs()) {
      const batchLane = lanes.length
      const firstSeq = seq
      if (inLine !== undefined) ranges.push({ lane: inLine, firstSeq, chained: true, batchLane })
      const endSeq = firstSeq + this.#countOf(inLine)
      if (apart !== undefined) ranges.push({ lane: apart, firstSeq: endSeq, chained: true, batchLane })
      seq = endSeq + this.#countOf(apart)
      const { route, zones } = this.#lanes[(inLine ?? apart)!]!
      const place = { firstSeq, endSeq, lastSeq: seq }
      lanes.push({ lane: batchLane, route, zones, ...place, closedAs: null, closedCause: null })
    }
    for (const { lane, verdict, count } of this.#finalLanes()) {
      const batchLane = lanes.length
      ranges.push({ lane, firstSeq: seq, chained: false, batchLane })
      lanes.push({
        lane: batchLane,
        route: null,
        zones: [],
        firstSeq: seq,
        endSeq: seq + count,
        lastSeq: seq + count,
        closedAs: codeOfOutcome(verdict.outcome),
        closedCause: codeOfCause(verdict.cause),
      })
      settled[verdict.outcome] += count
      seq += count
    }
    return { lanes, ranges, total: seq - 1, settled }
  }

  #laneOf(key: string, lane: Omit<StagingLane, 'count'>): number {
    const known = this.#laneByKey.get(key)
    if (known !== undefined) return known
    const number = this.#lanes.length
    if (number >= STAGING_LANES_MAX) throw new Error('A batch has too many lanes')
    this.#laneByKey.set(key, number)
    this.#lanes.push({ ...lane, count: 0 })
    return number
  }

  #next(lane: number): { lane: number; position: number } {
    return { lane, position: this.#lanes[lane]!.count++ }
  }

  /** For each route and set of zones its staging lane in line and the one apart, in the order of their first recipients. */
  #openPairs(): (readonly [inLine: number | undefined, apart: number | undefined])[] {
    const pairs = new Map<string, [number | undefined, number | undefined]>()
    for (const [number, lane] of this.#lanes.entries()) {
      if (lane.verdict !== null) continue
      const key = keyOf(lane)
      const pair = pairs.get(key) ?? [undefined, undefined]
      pair[lane.apart ? 1 : 0] = number
      pairs.set(key, pair)
    }
    return [...pairs.values()]
  }

  /** Duplicates come last of all, so that a reader who does not count them can stop before them. */
  #finalLanes(): { lane: number; verdict: ImportVerdict; count: number }[] {
    const final = this.#lanes.flatMap(({ verdict, count }, lane) =>
      verdict === null ? [] : [{ lane, verdict, count }],
    )
    return final.sort((a, b) => FINAL_ORDER[a.verdict.outcome] - FINAL_ORDER[b.verdict.outcome])
  }

  #countOf(lane: number | undefined): number {
    return lane === undefined ? 0 : this.#lanes[lane]!.count
  }
}

function keyOf({ route, zones }: Pick<StagingLane, 'route' | 'zones'>): string {
  const way =
    route === null ? '' : `${route.trunkId}/${route.callerDigits}/${route.agentId ?? ''}/${route.attemptsMax ?? ''}`
  return `${way} ${zones.join(' ')}`
}
