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
}
