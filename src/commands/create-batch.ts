import type { DuplicateNumbers } from '../model/batch.ts'
import type { CallingWindow } from '../model/calling-window.ts'
import type { RetryPolicy } from '../model/retry-policy.ts'
import type { Actor, CommandContext, JsonObject, JsonValue } from './context.ts'
import type { BatchView, RejectedRowView } from './views.ts'

export interface BatchInput {
  /** By default the name of the file, else the date. */
  readonly name?: string
  /** The wire format that asks. */
  readonly dialect: string
  /** Id in any spelling, or alias. */
  readonly agent: string
  /** Id, alias or E.164 of a number; by default the agent's, else the organization's. */
  readonly callerNumber?: string
  /** 5..80, by default 30. */
  readonly ringTimeoutSeconds?: number
  /** 1..28800, by default 600. */
  readonly maxCallSeconds?: number
  /** Calls at once; by default as many as the organization may have. */
  readonly concurrency?: number
  /** Checked here, whatever its shape. */
  readonly callingWindow?: CallingWindow | null
  /** Checked here, whatever its shape; by default everyone is dialled once. */
  readonly retryPolicy?: RetryPolicy
  readonly duplicateNumbers?: DuplicateNumbers
  /** Null or absent: now. */
  readonly startAt?: Date | null
  /** What a start in the past means: a refusal (the default) or now. */
  readonly pastStart?: 'refuse' | 'now'
  /** Waits for `startBatch`. */
  readonly draft?: boolean
  readonly expiresAt?: Date | null
  readonly metadata?: JsonObject | null
  readonly dialectFields?: JsonObject | null
  /** `accept` (default) leaves bad rows of a file out and reports them; `reject` refuses the file. */
  readonly onBadRows?: 'accept' | 'reject'
}

export interface RecipientInput {
  /** E.164 with the plus. */
  readonly to: string
  readonly variables?: JsonObject | null
  readonly metadata?: JsonValue
  /** Not called before. */
  readonly notBefore?: Date | null
  /** The zone the person is in; by default the zones the number may be in. */
  readonly timezone?: string | null
}

export type RecipientSource =
  | { readonly recipients: readonly RecipientInput[]; /** Path of the list in the request, for errors. */ readonly path?: string }
  | { readonly file: AsyncIterable<Buffer>; readonly fileName?: string; readonly phoneColumn?: string; readonly maxBytes?: number }

export interface CreatedBatch {
  readonly batch: BatchView
  /** The first 100. */
  readonly rejectedRows: readonly RejectedRowView[]
  readonly warnings: readonly string[]
}

/** Stores the whole batch or, on any error, nothing. */
export function createBatch(_c: CommandContext, _actor: Actor, _input: BatchInput, _source: RecipientSource): Promise<CreatedBatch> {
  throw new Error('not filled in')
}
