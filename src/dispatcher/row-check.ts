import type { IdCipher } from '../model/id-cipher.ts'
import type { OwnCall } from '../store/live-calls.ts'
import type { LiveCall } from './live-call.ts'

/**
 * Organizations in which a live row of this node is not as the node remembers it. The rows were read without any gate: one
 * whose call ended meanwhile looks like one that memory lost, so whoever finds a difference reads them again under the gate.
 */
export function organizationsToRead(
  rows: readonly OwnCall[],
  { ids, callOf }: { ids: IdCipher; callOf: (organizationId: number, ref: string) => LiveCall | undefined },
): ReadonlySet<number> {
  const refs = ids.encodeAll(
    rows.map(({ organizationId, batchId, seq, n }) => ({ kind: 'attempt' as const, organizationId, batchId, seq, n })),
  )
  return new Set(
    rows
      .filter((row, index) => differs(row, callOf(row.organizationId, refs[index]!)))
      .map((row) => row.organizationId),
  )
}

/** The row is not held, or knows something that the copy does not: a request to end the call, or what ends it. */
function differs(row: OwnCall, call: LiveCall | undefined): boolean {
  if (!call) return true
  return (row.hangUpAsked && !call.hangUpAsked) || (row.canBeEnded && call.carrierState === null)
}
