// Mistakes that a simulator worth its name must notice. Each takes one safeguard out of the text as it is loaded; where
// two guards stand behind one another, both go, since either alone keeps the promise. The text in `find` must stand in
// the file exactly once, so that a mistake cannot rot unnoticed.
const CYCLE = 'src/dispatcher/cycle.ts'
const DISPATCHER = 'src/dispatcher/dispatcher.ts'
const MIRROR = 'src/dispatcher/organization-mirror.ts'
const RECONCILE = 'src/dispatcher/reconcile.ts'
const LIVE_CALL = 'src/dispatcher/live-call.ts'
const CLAIM = 'test/simulator/memory-claim.ts'
const ENDS = 'test/simulator/memory-ends.ts'

/** @type {readonly { name: string, what: string, changes: readonly { file: string, find: string, put: string }[] }[]} */
export const MISTAKES = [
  {
    name: 'dial-before-commit',
    what: 'the call is sent before its intent is committed',
    changes: [
      {
        file: CYCLE,
        find: 'if (lanes.length > 0) claims.push(transaction.claim(source, { nodeId: options.nodeId, lanes }))',
        put: `if (lanes.length > 0) {
          const claim = transaction.claim(source, { nodeId: options.nodeId, lanes })
          claim.then((claimed) => options.dialAtOnce(claimed, gate, plan.askedAt), () => undefined)
          claims.push(claim)
        }`,
      },
      {
        file: DISPATCHER,
        find: 'learnTrunks: (trunks) => this.#learnTrunks(desk.organizationId, trunks),',
        put: `learnTrunks: (trunks) => this.#learnTrunks(desk.organizationId, trunks),
        dialAtOnce: (claimed, gate, askedAt) =>
          newCalls(desk, claimed, { ids: this.#options.ids, claimedAtEpochMs: gate.nowEpochMs }).forEach((call, index) =>
            dial(desk, { call, claim: claimed[index], options: { ...this.#options, carriers: this.#carriers }, askedAt })),`,
      },
      {
        file: DISPATCHER,
        find: 'else dial(desk, { call, claim: claimed[index]!, options: this.#tools, askedAt })',
        put: '',
      },
    ],
  },
  {
    name: 'dial-unacknowledged',
    what: 'the call is sent although the answer to the commit is lost',
    changes: [
      { file: CYCLE, find: 'let claimedAtEpochMs: number | null = null', put: 'let seen = null' },
      { file: CYCLE, find: 'if (plan.claims.length > 0) claimedAtEpochMs = gate.nowEpochMs', put: 'seen = plan' },
      {
        file: CYCLE,
        find: 'if (error instanceof CommitUnknown) desk.doubt(claimedAtEpochMs)',
        put: `if (error instanceof CommitUnknown && seen) {
          const claimed = (await Promise.all(seen.claims)).flat()
          return { ...seen, inbox: taken.inbox, places: [], claimed, lanes: await seen.lanes, trunks: await seen.trunks }
        }`,
      },
    ],
  },
  {
    name: 'redial-on-take-over',
    what: 'whoever takes a call over dials it again, as a queue would',
    changes: [
      {
        file: DISPATCHER,
        find: 'this.#endOrphan(desk.calls.get(ref)!, row.carrierState)',
        put: `if (row.state === 1) this.#carriers.get(desk.organizationId, row.trunkId)?.place({ ref, to: '+1', from: '+1',
          ringTimeoutSeconds: 5, maxCallSeconds: 20, speech: { text: '', waitForKeySeconds: 0 }, sendWithinMs: 5000 })`,
      },
    ],
  },
  {
    name: 'create-call-repeated',
    what: 'a create-call that was answered with an error is sent again, as vendors libraries do',
    changes: [
      {
        file: 'test/simulator/node-carrier.ts',
        find: 'if (answer === null || !node.alive) return',
        put: 'if (answer === null && node.alive) this.#send(request)\n    if (answer === null || !node.alive) return',
      },
    ],
  },
  {
    name: 'no-deadline',
    what: 'an intent is sent however old it is',
    changes: [{ file: 'src/dispatcher/dial.ts', find: 'if (sendWithinMs <= 0) {', put: 'if (sendWithinMs < -1e9) {' }],
  },
  {
    name: 'deadline-from-claim',
    what: 'the deadline counts from when the claim was answered, not from before the time was read',
    changes: [
      {
        file: CYCLE,
        find: 'return { gate, inbox: taken!.inbox, askedAt,',
        put: 'return { gate, inbox: taken.inbox, askedAt: options.stamp(),',
      },
      { file: CYCLE, find: '< CLAIM_WITHIN_MS', put: '< 1e9' },
    ],
  },
  {
    name: 'no-answer-is-failure',
    what: 'a create-call without an answer counts as a failed call',
    changes: [{ file: RECONCILE, find: "'unknown', 'lookup-missed'", put: "'failed', 'carrier-error'" }],
  },
  {
    name: 'no-reconciler',
    what: 'nobody asks what became of silent calls',
    changes: [
      { file: RECONCILE, find: 'for (const call of this.#options.calls()) {', put: 'for (const call of []) {' },
    ],
  },
  {
    name: 'no-take-over',
    what: 'the calls of a dead node stay its own',
    changes: [{ file: CYCLE, find: 'chores.adopt ? await transaction.adoptOrphans(options.nodeId) : []', put: '[]' }],
  },
  {
    name: 'last-write-wins',
    what: 'whatever a carrier said last is what counts',
    changes: [
      {
        file: LIVE_CALL,
        find: 'if (state <= this.reachedState) return false',
        put: 'if (state === this.reachedState) return false',
      },
      {
        file: LIVE_CALL,
        find: 'this.reachedState > this.savedState ||',
        put: 'this.reachedState !== this.savedState ||',
      },
    ],
  },
  {
    name: 'last-end-wins',
    what: 'a later end replaces a definite one',
    changes: [
      {
        file: 'src/model/attempt-transitions.ts',
        find: "return recorded === 'unknown' ? 'correct' : 'conflict'",
        put: "return 'correct'",
      },
      {
        file: 'test/simulator/memory-late.ts',
        find: 'if (!attempt || attempt.disposition !== UNKNOWN) return false',
        put: 'if (!attempt) return false',
      },
    ],
  },
  {
    name: 'late-truth-dropped',
    what: 'what is learnt of an unknown call after it was given up changes nothing',
    changes: [
      {
        file: 'src/model/attempt-transitions.ts',
        find: "return recorded === 'unknown' ? 'correct' : 'conflict'",
        put: "return 'stale'",
      },
    ],
  },
  {
    name: 'unknown-retried',
    what: 'a person whose call ended unknown is dialled again',
    changes: [
      {
        file: 'src/model/retry-policy.ts',
        find: 'const rule = isRetryable(ended.disposition) ? policy.rules[ended.disposition] : undefined',
        put: "const rule = ended.disposition === 'unknown' ? policy.rules.busy : isRetryable(ended.disposition) ? policy.rules[ended.disposition] : undefined",
      },
    ],
  },
  {
    name: 'status-not-checked',
    what: 'a paused batch goes on',
    changes: [
      { file: CLAIM, find: '!batch || batch.status !== BATCH_STATUS_CODE.running', put: '!batch' },
      { file: MIRROR, find: 'batch.status === BATCH_STATUS_CODE.running && mayRetry', put: 'mayRetry' },
    ],
  },
  {
    name: 'stop-answered-early',
    what: 'a pause, cancel or suppression is answered while an intent may still be sent',
    changes: [{ file: 'test/simulator/operator.ts', find: 'if (unsent === 0) return', put: 'if (unsent >= 0) return' }],
  },
  {
    name: 'window-not-checked',
    what: 'people are called outside the calling window',
    changes: [{ file: MIRROR, find: 'if (!lane.open) return 0', put: '' }],
  },
  {
    name: 'window-end-ignored',
    what: 'a telephone may ring past the end of the window',
    changes: [
      {
        file: MIRROR,
        find: 'Math.min(SEND_DEADLINE_MS, lane.windowUntilEpochMs - nowEpochMs - ringTimeoutSeconds * 1000)',
        put: 'SEND_DEADLINE_MS',
      },
    ],
  },
  {
    name: 'suppression-not-checked',
    what: 'a suppressed number is dialled',
    changes: [{ file: CLAIM, find: "one.fate = 'suppressed'", put: "one.fate = 'claimed'" }],
  },
  {
    name: 'limit-not-compared',
    what: 'the calls at once of the organization are not limited',
    changes: [
      { file: CLAIM, find: '() => gate.liveMax - gate.live', put: '() => 1_000' },
      { file: MIRROR, find: 'Math.min(CLAIM_MAX, this.liveMax - this.live + freed.total)', put: 'CLAIM_MAX' },
    ],
  },
  {
    name: 'rate-not-compared',
    what: 'the calls per second of a trunk are not limited',
    changes: [
      { file: CLAIM, find: 'Math.floor(tokensAt(trunk, now) + 1e-6)', put: '1_000' },
      { file: MIRROR, find: 'this.#tokensAt.get(trunkId) ?? 0', put: '0' },
    ],
  },
  {
    name: 'slot-leaked',
    what: 'a call that ends leaves its slot of the trunk taken',
    changes: [{ file: ENDS, find: 'journal.set(tables.trunks, trunkId, { ...trunk, live: trunk.live - 1 })', put: '' }],
  },
  {
    name: 'number-guard-missing',
    what: 'a number that is in a call is called again',
    changes: [{ file: CLAIM, find: 'else if (twin || tables.live.has(numberHash))', put: 'else if (twin)' }],
  },
  {
    name: 'lost-claim-kept',
    what: 'a claim whose answer was lost stays as it is',
    changes: [{ file: CYCLE, find: 'chores.disown ? findLostRows(desk, own, options) : []', put: '[]' }],
  },
  {
    name: 'take-over-disowned',
    what: 'a take-over whose commit was not answered is said to be not sent',
    changes: [
      {
        file: CYCLE,
        find: 'const claimed = lost.filter((row) => desk.doubtfulClaims.has(row.claimedAtEpochMs))',
        put: 'const claimed = lost',
      },
    ],
  },
  {
    name: 'idle-batches-not-read',
    what: 'a node never looks again at a batch in which it knew of nobody waiting',
    changes: [{ file: MIRROR, find: 'lanes.length + IDLE_LANES_MAX', put: 'lanes.length' }],
  },
  {
    name: 'wall-clocks-compared',
    what: 'a silent call is given up by the wall clocks of two machines',
    changes: [
      {
        file: RECONCILE,
        find: 'const silentMs = this.#options.clock.monotonicMs() - call.newsAtMonotonicMs\n    if (call.misses < 3',
        put: 'const silentMs = this.#options.clock.nowEpochMs() - call.claimedAtEpochMs\n    if (call.misses < 3',
      },
    ],
  },
  {
    name: 'chained-twice',
    what: 'the next row of a number enters the line whenever the one before becomes final',
    changes: [{ file: CLAIM, find: 'if (touched) return false', put: '' }],
  },
  {
    name: 'throttle-not-compared',
    what: 'calls start as if there were no throttle',
    changes: [
      {
        file: MIRROR,
        find: 'const allowed = throttleId === null ? quantum : (throttled.get(throttleId) ?? quantum)',
        put: 'const allowed = quantum',
      },
    ],
  },
  {
    name: 'throttled-starts-forgotten',
    what: 'a throttle is not told of the calls that were claimed under it',
    changes: [{ file: CYCLE, find: 'mirror.isThrottled(asked) ?', put: 'asked.length < 0 ?' }],
  },
  {
    name: 'not-before-ignored',
    what: 'people are called before their own time',
    changes: [
      { file: CLAIM, find: ' && row.dueAt <= now,', put: ',' },
      {
        file: MIRROR,
        find: 'lane.nextDueEpochMs !== null && lane.nextDueEpochMs <= options.nowEpochMs',
        put: 'lane.nextDueEpochMs !== null',
      },
    ],
  },
  {
    name: 'lane-terms-ignored',
    what: 'everyone of a list is called as often as the list says, whatever their lane says',
    changes: [
      {
        file: 'src/dispatcher/call-rows.ts',
        find: 'attemptsMax: batch.lanes.get(call.lane)?.attemptsMax ?? null',
        put: 'attemptsMax: null',
      },
    ],
  },
  {
    name: 'hang-up-forgotten',
    what: 'a request to end a call is stored, and nobody acts on it',
    changes: [
      {
        file: DISPATCHER,
        find: 'for (const call of result.hangUps) if (!call.hangUpAsked) this.#hangUp(call)',
        put: '',
      },
      { file: DISPATCHER, find: 'if (call.hangUpAsked && call.ending === null) this.#hangUp(call)', put: '' },
    ],
  },
  {
    name: 'hang-up-forgotten-with-unknown',
    what: 'a call whose end was asked is left to itself when it turns out to be alive after it was taken for lost',
    changes: [
      {
        file: 'test/simulator/memory-late.ts',
        find: 'carrierState: null,\n    hangUpAsked,',
        put: 'carrierState: null,\n    hangUpAsked: false,',
      },
    ],
  },
  {
    name: 'orphan-left',
    what: 'a call whose sound was gone with its node is left to itself',
    changes: [{ file: DISPATCHER, find: 'this.#endOrphan(desk.calls.get(ref)!, row.carrierState)', put: '' }],
  },
  {
    name: 'orphan-told-late-left',
    what: 'a call that could not be ended when it was taken over is left to itself, although its slow first node told how',
    changes: [
      { file: CYCLE, find: 'return row.carrierState !== null && held()?.carrierState === null', put: 'return false' },
      {
        file: 'src/dispatcher/organization-desk.ts',
        find: 'return call.takenOver && call.carrierState !== null',
        put: 'return false',
      },
    ],
  },
  {
    name: 'pause-forgotten-at-the-end',
    what: 'a batch that came to its end while it was paused runs when late evidence brings it back',
    changes: [{ file: 'test/simulator/memory-late.ts', find: 'batch.paused ? paused : running', put: 'running' }],
  },
]
