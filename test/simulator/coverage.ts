/** The rare paths that a full run must have taken, and what each is. */
export const RARE_PATHS = {
  'node-killed': 'a node died with calls of its own',
  'node-stalled': 'a node stood still for longer than its lease',
  'node-suspended': 'the machine of a node slept, which only the wall clock shows',
  'lease-lost': 'a node came back and was taken for dead',
  'node-stopped': 'a node was asked to stop and left its calls to others',
  'late-request': 'a create-call was written or arrived after its deadline',
  'deadline-abort': 'an intent was too old to be sent',
  'stopped-before-send': 'an intent was not sent because its node stops',
  'callback-before-answer': 'a callback came before the answer to its create-call',
  'answer-lost': 'the answer to a create-call was lost although the call exists',
  'error-after-placing': 'the carrier answered with an error and had placed the call',
  'rang-late': 'the carrier queued a call and rang later',
  'callback-lost': 'a callback never came',
  'callback-doubled': 'a callback came twice',
  'callback-elsewhere': 'a callback came to a node that does not own the call',
  adopted: 'a survivor took over a call',
  'found-by-look-up': 'a look-up found a call whose answer was missing',
  'look-up-failed': 'a look-up failed',
  unknown: 'an attempt ended unknown',
  corrected: 'the outcome of an unknown attempt was corrected',
  revived: 'the call of an unknown attempt came back to life',
  'terminal-conflict': 'evidence contradicted a definite end',
  'commit-unknown-applied': 'a commit was applied and its answer was lost',
  'commit-unknown-lost': 'a commit was lost on the way',
  'claim-disowned': 'a claim whose answer was lost was taken back',
  'stale-copies': 'a node wrote from a copy that another had overtaken',
  'lined-up': 'the next transaction of a busy node waited behind the one before',
  'held-too-long': 'a node that had written rows before it got its gate gave way',
  'gate-taken': 'a node left a taken gate alone',
  'database-down': 'the database was away',
  'breaker-opened': 'a trunk failed until it got no more calls',
  'trunk-back': 'a shut trunk answered a probe',
  'number-in-call': 'a number was in another call and waited',
  chained: 'the next row of the same number was dialled after the one before',
  retried: 'a person was dialled again by the retry policy',
  'retried-by-hand': 'a person was dialled again because somebody asked',
  suppressed: 'a suppressed number was not dialled',
  paused: 'a batch was paused while it ran',
  'paused-again': 'a batch that came to its end while it was paused was brought back by late evidence',
  cancelled: 'a batch was cancelled with people waiting',
  expired: 'a batch expired with people waiting',
  'limit-lowered': 'a limit was lowered below what lived',
  'window-shut': 'a batch waited for its calling window',
  'summer-time': 'a window was judged across a change of the clocks',
  throttled: 'a call began as soon as its throttle allowed it',
  'not-before': 'a person was not to be called before a time of their own',
  'hang-up-asked': 'a call was hung up because somebody asked for its end',
  'orphan-ended': 'a call whose sound was gone with its node was ended by another one',
  'hung-up': 'a call that should not be was hung up',
} as const

export type RarePath = keyof typeof RARE_PATHS

/** How often each rare path was taken. */
export class Coverage {
  readonly counts = new Map<RarePath, number>()

  hit(path: RarePath, times = 1): void {
    if (times > 0) this.counts.set(path, (this.counts.get(path) ?? 0) + times)
  }

  add(other: Iterable<readonly [RarePath, number]>): void {
    for (const [path, times] of other) this.hit(path, times)
  }

  get missing(): RarePath[] {
    return (Object.keys(RARE_PATHS) as RarePath[]).filter((path) => !this.counts.has(path))
  }
}
