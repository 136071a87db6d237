/**
 * Calls that somebody joins over a connection of their own, between whoever holds the connection and whoever holds the
 * call. Neither knows the other's protocol.
 */

/** Somebody at the other end of a connection, as the call sees them. Nothing here throws or waits. */
export interface JoiningCaller {
  /** At which they want to hear. */
  readonly samplesPerSecond: number
  /** How much sound they keep before they play it. */
  readonly bufferMs: number
  /** 20 ms of sound, linear, 16 bits, mono. False: their connection takes no more now, and this was not sent. */
  hear(samples: Int16Array): boolean
  /** The agent begins to say this. */
  onSpeaking(text: string): void
  /** The agent has nothing more to say for now. */
  onListening(): void
  /** What they have not played yet is not to be heard any more. */
  forgetUnheard(): void
  /** The call is over; the connection is to be closed. Told once, and never after `onLeft`. */
  end(why: CallerEnding): void
}

/**
 * `over`: said all, too long, or ended by a user. `stopping`: the server shuts down. `failed`: the agent cannot speak.
 * `stalled`: they took nothing for too long. `abandoned`: the server was taken for dead, and another one ended the call.
 */
export type CallerEnding = 'over' | 'stopping' | 'failed' | 'stalled' | 'abandoned'

/** The call that was joined, as the connection sees it. What comes after its end is ignored. */
export interface CallJoined {
  /** One key of `0-9*#`. */
  onKey(key: string): void
  /**
   * They are gone. `hung-up`: they took leave. `silent`: no sound of theirs came for too long. `lost`: the connection
   * broke, or cannot go on.
   */
  onLeft(how: 'hung-up' | 'silent' | 'lost'): void
}

/** Whether a call waits here for somebody: `elsewhere` also when it is over, or not placed yet. */
export type Seat = 'free' | 'taken' | 'elsewhere'
