import type { BatchStatus } from '../model/batch.ts'
import type { Outcome } from '../model/disposition.ts'

/** What the commands read of the answers of the native API; instants are ISO 8601 texts. */
export interface BatchDocument {
  readonly id: string
  readonly name: string
  readonly status: BatchStatus
  readonly createdAt: string
  readonly startAt?: string | null
  readonly startedAt?: string | null
  readonly completedAt?: string | null
  readonly callerNumber?: string | null
  readonly agent?: { readonly id: string; readonly name: string }
  readonly trunk?: { readonly id: string; readonly name: string; readonly carrier?: string }
  readonly rejectedRows: number
  readonly figures: Figures
  readonly waiting?: WaitingDocument | null
}

export interface Figures {
  readonly total: number
  readonly waiting: number
  readonly due: number
  readonly live: number
  readonly settled: number
  readonly dialing: number
  readonly accepted: number
  readonly ringing: number
  readonly talking: number
  readonly attempts: number
  readonly talkSeconds: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
}

/** Why nobody (more) is being called now. */
export interface WaitingDocument {
  readonly reason: string
  readonly text: string
  readonly nextTryAt?: string | null
}
