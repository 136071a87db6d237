/** What a dispatcher has counted since its start; read by the metrics. */
export class DispatcherCounters {
  cycles = 0
  cyclesFailed = 0
  dialed = 0
  ended = 0
  notSent = 0
  unknown = 0
  terminalConflicts = 0
  corrected = 0
  unmatchedEvents = 0
  adopted = 0
  /** Organizations whose latest cycle failed, with how many failed in a row and the code or name of the last error. */
  readonly failing = new Map<number, { failures: number; error: string }>()

  cycleDone(organizationId: number): void {
    this.cycles++
    if (this.failing.size > 0) this.failing.delete(organizationId)
  }

  cycleFailed(organizationId: number, error: unknown): void {
    this.cyclesFailed++
    const failures = (this.failing.get(organizationId)?.failures ?? 0) + 1
    this.failing.set(organizationId, { failures, error: codeOf(error) })
  }
}

/** Texts of errors may hold values, codes and names do not. */
function codeOf(error: unknown): string {
  const { code, name } = error instanceof Error ? (error as Error & { code?: unknown }) : {}
  return typeof code === 'string' ? code : (name ?? 'unknown')
}
