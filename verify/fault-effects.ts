import type { RecipientRow } from './evidence.ts'
import type { FaultKind, FaultRecord } from './faults.ts'
import type { CourtRecord } from './judge.ts'

/** A fault that is over. */
export interface HealedFault extends FaultRecord {
  readonly healedAtEpochMs: number
}

/** A dial that did not come this soon after a fault is another fault's affair. */
const RECOVERY_WITHIN_MS = 60_000
/** After its intent was committed a request may be sent for five seconds, and its answer be waited for fifteen more. */
const IN_DOUBT_MS = 20_000
/** What is held up stays so for a moment after it was mended. */
const AFTERMATH_MS = 2000
/** What cannot lose the answer to a COMMIT or to a request. */
const HARMLESS: readonly FaultKind[] = ['cut-callbacks', 'kill-sink', 'refuse-webhooks']

/** How long after a fault nobody was dialled: the longest pause that begins within a second of it. */
export function recoveryMs({ requests }: CourtRecord, { atEpochMs }: FaultRecord): number {
  let longest = 0
  for (const [index, request] of requests.entries()) {
    const next = requests[index + 1]
    if (next === undefined || request.atEpochMs > atEpochMs + 1000) break
    if (next.atEpochMs < atEpochMs) continue
    longest = Math.max(longest, next.atEpochMs - Math.max(atEpochMs, request.atEpochMs))
  }
  return Math.min(longest, RECOVERY_WITHIN_MS)
}

/** Attempts that are `unknown` although nothing was wrong while a request of theirs could be under way. */
export function unexplained(recipients: readonly RecipientRow[], faults: readonly HealedFault[]): string[] {
  const harmful = faults.filter(({ kind }) => !HARMLESS.includes(kind))
  return recipients.flatMap(({ seq, attempts }) =>
    attempts.flatMap(({ n, disposition, claimedAtEpochMs: claimedAt }) => {
      if (disposition !== 'unknown') return []
      const explained = harmful.some(
        ({ atEpochMs, healedAtEpochMs }) =>
          atEpochMs <= claimedAt + IN_DOUBT_MS && healedAtEpochMs + AFTERMATH_MS >= claimedAt,
      )
      return explained ? [] : [`dial ${n} of recipient ${seq} is unknown, and no fault explains it`]
    }),
  )
}
