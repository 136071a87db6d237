/**
 * Kinds of entries in the event log; the number is the code in the database and is never reused.
 * `attempt-ended` is followed by another attempt; `recipient-finished` ends the recipient, with or without a call
 * (attempt number 0), and comes exactly once for each.
 */
export const EVENT_KINDS = {
  'attempt-dialing': 1,
  'attempt-accepted': 2,
  'attempt-ringing': 3,
  'attempt-answered': 4,
  'attempt-ended': 5,
  'recipient-finished': 6,
  'recipient-outcome-corrected': 7,
  'recipient-reopened': 8,
  'batch-created': 20,
  'batch-started': 21,
  'batch-paused': 22,
  'batch-resumed': 23,
  'batch-cancelled': 24,
  'batch-expired': 25,
  'batch-completed': 26,
  'lane-closed': 27,
  'batch-replaced': 28,
} as const

export type EventKind = keyof typeof EVENT_KINDS

const KIND_BY_CODE = new Map<number, EventKind>(
  Object.entries(EVENT_KINDS).map(([kind, code]) => [code, kind as EventKind]),
)

export function eventKindFromCode(code: number): EventKind {
  const kind = KIND_BY_CODE.get(code)
  if (!kind) throw new Error(`event log holds the unknown kind ${code}`)
  return kind
}
