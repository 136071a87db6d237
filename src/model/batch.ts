/** The states of a batch; the position is the code in the database. */
export const BATCH_STATUSES = ['draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled'] as const
export type BatchStatus = (typeof BATCH_STATUSES)[number]

export const BATCH_STATUS_CODE = {
  draft: 0,
  scheduled: 1,
  running: 2,
  paused: 3,
  completed: 4,
  cancelled: 5,
} as const satisfies Record<BatchStatus, number>

export type BatchVerb = 'start' | 'pause' | 'resume' | 'cancel'

/** What each verb makes of each status; `null` is refused, the same status is a repeated request and harmless. */
export const BATCH_TRANSITIONS = {
  start: { draft: 'running', scheduled: 'running', running: 'running', paused: null, completed: null, cancelled: null },
  pause: { draft: null, scheduled: 'paused', running: 'paused', paused: 'paused', completed: null, cancelled: null },
  resume: { draft: null, scheduled: null, running: 'running', paused: 'running', completed: null, cancelled: null },
  cancel: {
    draft: 'cancelled',
    scheduled: 'cancelled',
    running: 'cancelled',
    paused: 'cancelled',
    completed: null,
    cancelled: 'cancelled',
  },
} as const satisfies Record<BatchVerb, Record<BatchStatus, BatchStatus | null>>

/** What to do with a later row of the same number: not call it again, or call it after the one before is final. */
export type DuplicateNumbers = 'skip' | 'call'
