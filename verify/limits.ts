/** What the trunk and the batch of every verification may do, and the speed of the network. */
export const LIMITS = {
  concurrency: 50,
  callsPerSecond: 100,
  /** Makes a call of fourteen seconds last half a second, so that both limits are reached. */
  speed: 30,
} as const

/** For many people in a short time: several calls may begin at one instant, so that the database's commits set the pace. */
export const LONG_LIMITS = { concurrency: 200, callsPerSecond: 1000, speed: 30 } as const

/** Calls over a SIP trunk last as long as in life, about a second here, so that both limits are reached. */
export const TRUNK_LIMITS = { concurrency: 24, callsPerSecond: 40, ringTimeoutSeconds: 5 } as const
