/** Which dial of which recipient, within an organization. */
export interface AttemptKey {
  readonly batchId: number
  readonly seq: number
  /** The first dial is 1. */
  readonly n: number
}
