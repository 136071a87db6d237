import type { AttemptKey } from '../../src/model/attempt-key.ts'
import type { CallingWindow } from '../../src/model/calling-window.ts'
import type { DispatchStore } from '../../src/store/dispatch-store.ts'
import type { Tables } from './memory-rows.ts'

/**
 * What stands behind the nodes: the store, and what commands do under the gate. In memory or PostgreSQL; neither knows
 * of faults or of other transactions at the same time, both are added in front of them.
 */
export interface ServerSide {
  readonly kind: 'memory' | 'postgres'
  openStore(): DispatchStore
  readonly commands: Commands
  /** Every row of an organization as it is committed. */
  readTables(organizationId: number): Promise<Tables>
  /** In memory: the rows themselves, for checks at each step; else null. */
  peek(organizationId: number): Tables | null
  /** What the product's own recount finds wrong, where it can run. */
  recount(organizationId: number): Promise<readonly string[]>
  close(): Promise<void>
}

/** Each is one transaction under the organization's gate. */
export interface Commands {
  pause(organizationId: number, batchId: number): Promise<void>
  resume(organizationId: number, batchId: number): Promise<void>
  cancel(organizationId: number, batchId: number): Promise<void>
  suppress(organizationId: number, numbers: readonly number[]): Promise<void>
  /** Dials people with these outcomes once more; returns how many there are. */
  retry(organizationId: number, batchId: number, outcomes: readonly number[]): Promise<number>
  setLimits(organizationId: number, limits: LimitChange): Promise<void>
  setWindow(organizationId: number, batchId: number, window: CallingWindow | null): Promise<void>
  /** Marks a live call as one that is to be ended; false: it does not live (any more). */
  hangUp(organizationId: number, attempt: AttemptKey): Promise<boolean>
  /** Intents that may still be sent. */
  countUnsent(organizationId: number, of: { batchId?: number; numberHashes?: readonly string[] }): Promise<number>
}

export interface LimitChange {
  readonly liveMax?: number
  readonly batch?: { readonly batchId: number; readonly liveMax: number }
  readonly trunk?: { readonly trunkId: number; readonly liveMax: number }
}
