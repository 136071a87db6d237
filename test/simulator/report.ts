import type { SeedResult } from './simulation.ts'
import type { HistoryLine } from './virtual-world.ts'

const LINES_MAX = 60
const ABOUT_ALL = /^(node-\d+|database|world)$/

/** What a person needs to understand a violation: what happened to whom, in order, with the times of the run. */
export function reportOf(result: SeedResult): string {
  const lines = [`seed ${result.seed}: ${result.violations.length} violations`]
  for (const { invariant, about, what } of result.violations.slice(0, 5)) {
    lines.push(`  ${invariant} ${named(result, about)}: ${what}`)
  }
  const first = result.violations[0]
  if (!first) return lines.join('\n')
  const person = personOf(named(result, first.about))
  const number = [...result.attempts.values()].find((one) => personOf(named(result, one.ref)) === person)?.number
  const batch = person.split(':')[0]
  const matters = ({ about }: HistoryLine) => {
    const name = named(result, about)
    return ABOUT_ALL.test(name) || personOf(name) === person || name === batch || name === number
  }
  const matching = result.history.filter(matters)
  if (matching.length > LINES_MAX) lines.push(`  (the last ${LINES_MAX} of ${matching.length} lines)`)
  for (const { atMs, about, what } of matching.slice(-LINES_MAX)) {
    lines.push(`  ${(atMs / 1000).toFixed(3).padStart(8)} s  ${named(result, about).padEnd(10)} ${what}`)
  }
  return lines.join('\n')
}

/** An attempt's reference as `organization/batch:seq:n`; everything else stays. */
function named(result: SeedResult, about: string): string {
  const parts = result.attempts.get(about)?.parts
  return parts ? `${parts.organizationId}/${parts.batchId}:${parts.seq}:${parts.n}` : about
}

function personOf(name: string): string {
  return name.split(':').slice(0, 2).join(':')
}
