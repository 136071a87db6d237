import { ZONE_SETS as GENERATED_SETS, ZONE_RUNS } from './number-zones.generated.ts'

/** Every set of candidate zones that occurs, each sorted. */
export const ZONE_SETS: readonly (readonly string[])[] = GENERATED_SETS

/** The set of a number whose zone is unknown: it has no members, so no calling window can be open in it. */
export const UNKNOWN_ZONE_SET = 0

const FIRST_PREFIX = 10_000
const setOfPrefix = new Uint16Array(100_000)
const runs = ZONE_RUNS.trim()
  .split(' ')
  .map((run) => run.split(':').map(Number) as [number, number])
for (const [index, [prefix, set]] of runs.entries()) setOfPrefix.fill(set, prefix, runs[index + 1]?.[0])

/**
 * Which time zones the holder of a number may be in, as an index into {@link ZONE_SETS}.
 *
 * The set holds every zone of the number's area code, or of its country where numbers belong to no place, so a call is
 * polite only when it is so in all of them. It is {@link UNKNOWN_ZONE_SET} for numbers that may be anywhere (toll-free,
 * satellite, area codes in no list). An area code is a presumption: people move and keep their number. About 5 ns.
 */
export function zoneSetOf(digits: number): number {
  return setOfPrefix[leadingFive(digits)]!
}

/** The zones of {@link zoneSetOf}; empty when unknown. All names are current IANA names. */
export function zonesOf(digits: number): readonly string[] {
  return ZONE_SETS[zoneSetOf(digits)]!
}

function leadingFive(digits: number): number {
  if (digits >= 1e10) {
    if (digits < 1e11) return Math.floor(digits / 1e6)
    if (digits < 1e12) return Math.floor(digits / 1e7)
    if (digits < 1e13) return Math.floor(digits / 1e8)
    if (digits < 1e14) return Math.floor(digits / 1e9)
    return digits < 1e15 ? Math.floor(digits / 1e10) : 0
  }
  let rest = digits
  while (rest >= 1e5) rest = Math.floor(rest / 10)
  return rest >= FIRST_PREFIX ? rest : 0
}
