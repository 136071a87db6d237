import { afterEach, expect, it } from 'vitest'
import type { DispatchStore } from '../../src/store/dispatch-store.ts'
import type { LaneState } from '../../src/store/lane-states.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { type DispatchWorld, dispatchWorld, numbersEnding, retryBusy, until } from '../dispatch-world.ts'
import { HandCarrier } from '../hand-carrier.ts'

let world: DispatchWorld

afterEach(() => world.close())

async function worldWithHandCarrier(options: Parameters<typeof dispatchWorld>[0] = {}) {
  world = await dispatchWorld(options)
  return nodeWithHandCarrier()
}

async function nodeWithHandCarrier(store?: DispatchStore) {
  let carrier!: HandCarrier
  const node = await world.addNode({
    store,
    openCarrier: (context) => {
      carrier = new HandCarrier(context)
      return carrier
    },
  })
  return { node, carrier: () => carrier }
}

async function one(text: string) {
  return (await world.ask(text))[0]
}

function signal() {
  let give!: () => void
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return { give, given }
}

async function untilPlaced(carrier: () => HandCarrier, count: number) {
  await until(async () => carrier()?.placed.length >= count, `${count} placed`)
}

/** The only call of a batch, about which its carrier said nothing until this node gave it up. */
async function callThatEndedUnknown() {
  const { carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0]) })
  await untilPlaced(carrier, 1)
  await until(async () => (await one('SELECT unknown FROM batch_state')).unknown === 1, 'unknown')
  return { carrier, ref: carrier().placed[0]!.ref }
}

it('late, doubled and reordered evidence changes nothing it should not', async () => {
  const { carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0]) })
  await untilPlaced(carrier, 1)
  const { ref } = carrier().placed[0]!
  await carrier().answer(ref)
  await carrier().accept(ref)
  await carrier().accept(ref)
  expect(await one('SELECT state, carrier_call_id FROM live_call')).toEqual({ state: 4, carrier_call_id: `C${ref}` })
  expect(await one('SELECT talking, live FROM batch_state')).toEqual({ talking: 1, live: 1 })
  await carrier().end(ref)
  await carrier().end(ref, 'busy')
  await carrier().answer(ref)
  expect(await one('SELECT answered, busy, live, settled, status FROM batch_state')).toEqual({
    answered: 1,
    busy: 0,
    live: 0,
    settled: 1,
    status: 4,
  })
  expect(world.dispatchers[0]!.counters.terminalConflicts).toBe(1)
})

/** Of a carrier that is confused: no text that PostgreSQL keeps, and no instant of this world. */
const nonsense = (ref: string, atEpochMs: number) => {
  const texts = { carrierCallId: 'C\0\ud800', eventKey: `${atEpochMs}\0`, spokenText: 'Hello\0\udfff' }
  return { ref, kind: 'ended', atEpochMs, disposition: 'answered', cause: 'callee-hung-up', ...texts } as const
}

it('nonsense of a carrier about one call holds up no other, and is kept as far as it can be', async () => {
  const { carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0, 1, 2]) })
  await untilPlaced(carrier, 3)
  const [first, second, third] = carrier().placed.map(({ ref }) => ref)
  await Promise.all([
    carrier().tell(nonsense(first!, -1e300)),
    carrier().tell(nonsense(second!, 1e300)),
    carrier().end(third!, 'busy'),
  ])
  expect(await one('SELECT answered, busy, live, status FROM batch_state')).toMatchObject({
    answered: 2,
    busy: 1,
    live: 0,
  })
  expect(
    await world.ask(`SELECT DISTINCT carrier_call_id, spoken_text FROM attempt WHERE carrier_call_id IS NOT NULL`),
  ).toEqual([{ carrier_call_id: 'C\ufffd\ufffd', spoken_text: 'Hello\ufffd\ufffd' }])
  expect(world.dispatchers[0]!.counters.cyclesFailed).toBe(0)
})

it('the same about a call that ended unknown', async () => {
  const { carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0]) })
  await untilPlaced(carrier, 1)
  await until(async () => (await one('SELECT unknown FROM batch_state')).unknown === 1, 'unknown')
  await carrier().tell(nonsense(carrier().placed[0]!.ref, Date.now()))
  expect(await one('SELECT answered, unknown FROM batch_state')).toEqual({ answered: 1, unknown: 0 })
  expect(await one('SELECT spoken_text FROM attempt')).toEqual({ spoken_text: 'Hello\ufffd\ufffd' })
})

it('an intent without an answer ends unknown, and is corrected when the truth comes', async () => {
  const { carrier, ref } = await callThatEndedUnknown()
  await carrier().end(ref, 'busy')
  expect(await one('SELECT unknown, busy, settled, live FROM batch_state')).toEqual({
    unknown: 0,
    busy: 1,
    settled: 1,
    live: 0,
  })
  const events = await world.ask('SELECT unnest(kind) AS kind FROM event_block ORDER BY block_no')
  expect(events.map((event) => event.kind)).toEqual([1, 6, 26, 7])
  expect(carrier().placed).toHaveLength(1)
})

it('the truth that comes while `unknown` is being written corrects it', async () => {
  world = await dispatchWorld()
  const store = new PostgresDispatchStore(world.connectionString)
  const underGate = store.underGate.bind(store)
  const held = signal()
  const released = signal()
  store.underGate = async (...args) => {
    const result = await underGate(...args)
    if ((await one('SELECT unknown FROM batch_state')).unknown === 1) {
      held.give()
      await released.given
    }
    return result
  }
  const { carrier } = await nodeWithHandCarrier(store)
  await world.addBatch({ numbers: numbersEnding([0]) })
  await untilPlaced(carrier, 1)
  await held.given
  const told = carrier().end(carrier().placed[0]!.ref, 'busy')
  released.give()
  await told
  expect(await one('SELECT unknown, busy, settled FROM batch_state')).toEqual({ unknown: 0, busy: 1, settled: 1 })
})

it.each([
  ['at once', false],
  ['after the node has heard of that', true],
])(
  'a call that is live again leaves its batch paused, when it came to its end in a pause, %s',
  async (_, toBeHeard) => {
    world = await dispatchWorld()
    const store = new PostgresDispatchStore(world.connectionString)
    const underGate = store.underGate.bind(store)
    let heard = false
    store.underGate = async (...args) => {
      const result = await underGate(...args)
      const { lanes = [] } = (result ?? {}) as { lanes?: Promise<LaneState[]> | [] }
      if ((await lanes).some(({ batchStatus }) => batchStatus === 4)) heard = true
      return result
    }
    const { node, carrier } = await nodeWithHandCarrier(store)
    await world.addBatch({ numbers: numbersEnding([0]), retryPolicy: retryBusy })
    await untilPlaced(carrier, 1)
    const { ref } = carrier().placed[0]!
    await world.ask('UPDATE batch_state SET status = 3, paused = true')
    await until(async () => (await one('SELECT status FROM batch_state')).status === 4, 'the end')
    if (toBeHeard) {
      node.wake(1)
      await until(async () => heard, 'the node to hear of it')
    }
    await carrier().answer(ref)
    expect(await one('SELECT status, live, completed_at FROM batch_state')).toEqual({
      status: 3,
      live: 1,
      completed_at: null,
    })
    await carrier().end(ref, 'busy')
    await until(async () => (await one('SELECT due FROM batch_state')).due === 1, 'a next dial that waits')
    expect(await one('SELECT status FROM batch_state')).toEqual({ status: 3 })
  },
)

it('a call that rings after it was given up is live again, and its end counts', async () => {
  const { carrier, ref } = await callThatEndedUnknown()
  await carrier().answer(ref)
  expect(await one('SELECT unknown, live, settled FROM batch_state')).toEqual({ unknown: 0, live: 1, settled: 0 })
  expect(await one('SELECT live FROM gate')).toEqual({ live: 1 })
  await until(async () => (await one('SELECT talking FROM batch_state')).talking === 1, 'talking')
  await carrier().end(ref)
  expect(await one('SELECT answered, live, settled, status, talking FROM batch_state')).toEqual({
    answered: 1,
    live: 0,
    settled: 1,
    status: 4,
    talking: 0,
  })
  expect(carrier().hungUp).toEqual([])
})

it('a call that somebody asked to end is ended when it turns out to be alive after it was given up', async () => {
  const { carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0]) })
  await untilPlaced(carrier, 1)
  const { ref } = carrier().placed[0]!
  await world.ask('UPDATE live_call SET hang_up_asked = true')
  await until(async () => (await one('SELECT unknown FROM batch_state')).unknown === 1, 'unknown')
  const before = carrier().hungUp.length
  await carrier().answer(ref)
  await until(async () => carrier().hungUp.length > before, 'its end')
  expect(carrier().hungUp.at(-1)).toBe(ref)
  expect(await one('SELECT hang_up_asked FROM live_call')).toEqual({ hang_up_asked: true })
})

it('one number is never in two calls, whichever batches ask for it', async () => {
  const { carrier } = await worldWithHandCarrier()
  const numbers = numbersEnding([1, 2, 3])
  await world.addBatch({ numbers })
  await world.addBatch({ numbers })
  await untilPlaced(carrier, 3)
  for (const { ref } of carrier().placed) await carrier().accept(ref)
  await until(async () => (await one('SELECT sum(due)::int AS due FROM batch_state')).due === 3, 'the others wait')
  expect(new Set(carrier().placed.map((request) => request.to)).size).toBe(3)
  for (const { ref } of [...carrier().placed]) await carrier().end(ref)
  await untilPlaced(carrier, 6)
  for (const { ref } of carrier().placed.slice(3)) await carrier().end(ref)
  expect(await world.ask('SELECT answered, due, live, status FROM batch_state')).toEqual([
    { answered: 3, due: 0, live: 0, status: 4 },
    { answered: 3, due: 0, live: 0, status: 4 },
  ])
})

it('a trunk that fails five times in a row gets no calls until it answers a probe', async () => {
  const { carrier, node } = await worldWithHandCarrier({ liveMax: 1 })
  await until(async () => node.nodeId > 0, 'started')
  await world.addBatch({ numbers: numbersEnding(Array.from({ length: 30 }, () => 5)) })
  await untilPlaced(carrier, 1)
  carrier().reachable = false
  const refuse = ({ ref }: { ref: string }) =>
    void carrier().tell({ ref, kind: 'not-sent', cause: 'trunk-unreachable', atEpochMs: Date.now() })
  carrier().onPlace = refuse
  refuse(carrier().placed[0]!)
  await until(
    async () => (await one('SELECT blocked_until IS NOT NULL AS blocked FROM trunk_state')).blocked,
    'blocked',
  )
  const placed = carrier().placed.length
  expect(placed).toBe(5)
  await until(
    async () => (await one("SELECT blocked_until > now() + interval '6 s' AS longer FROM trunk_state")).longer,
    'probed in vain',
  )
  expect(carrier().placed.length).toBe(placed)
  carrier().reachable = true
  carrier().onPlace = ({ ref }) => void carrier().end(ref)
  await until(async () => (await one('SELECT status FROM batch_state')).status === 4, 'completed')
  expect(await one('SELECT answered, unknown, failed FROM batch_state')).toEqual({
    answered: 30,
    unknown: 0,
    failed: 0,
  })
})

it('keeps to the calls per second of the trunk', async () => {
  const { carrier } = await worldWithHandCarrier({ callsPerSecond: 40 })
  const times: number[] = []
  await world.addBatch({ numbers: numbersEnding([5]) })
  await untilPlaced(carrier, 1)
  carrier().onPlace = ({ ref }) => {
    times.push(performance.now())
    void carrier().end(ref)
  }
  await carrier().end(carrier().placed[0]!.ref)
  await world.addBatch({ numbers: numbersEnding(Array.from({ length: 80 }, () => 7)) })
  await until(async () => times.length === 80, 'all placed')
  for (let i = 40; i < times.length; i++) expect(times[i]! - times[i - 40]!).toBeGreaterThan(900)
})

it('a node whose copy of a call is stale reads its row and writes the news all the same', async () => {
  const { node, carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0, 0, 0]) })
  await untilPlaced(carrier, 3)
  const [first, second, third] = carrier().placed.map(({ ref }) => ref) as [string, string, string]
  await carrier().accept(first)
  // What another node would have written of the same call, behind this node's back.
  await world.ask('UPDATE live_call SET state = 3, ringing_ms = 5 WHERE state = 2')
  await world.ask('UPDATE batch_state SET accepted = accepted - 1, ringing = ringing + 1')
  // All in one transaction: one stale copy must not harm the other calls, nor be acknowledged unwritten.
  await Promise.all([carrier().answer(first), carrier().accept(second), carrier().end(third, 'busy')])
  expect(await world.ask('SELECT state, ringing_ms FROM live_call ORDER BY state')).toMatchObject([
    { state: 2 },
    { state: 4, ringing_ms: 5 },
  ])
  expect(await one('SELECT dialing, accepted, ringing, talking, live, busy FROM batch_state')).toEqual({
    dialing: 0,
    accepted: 1,
    ringing: 0,
    talking: 1,
    live: 2,
    busy: 1,
  })
  await Promise.all([carrier().end(first), carrier().end(second, 'busy')])
  expect(await one('SELECT answered, busy, live, settled, status FROM batch_state')).toEqual({
    answered: 1,
    busy: 2,
    live: 0,
    settled: 3,
    status: 4,
  })
  expect(node.counters.cyclesFailed).toBe(0)
  const [{ events }] = await world.ask(
    'SELECT count(*)::int AS events FROM event_block e CROSS JOIN LATERAL unnest(e.kind) k WHERE k IN (4, 6)',
  )
  expect(events).toBe(4)
})

it('a call whose row was changed behind this node and asks for its end is hung up as soon as the row is read', async () => {
  const { carrier } = await worldWithHandCarrier()
  await world.addBatch({ numbers: numbersEnding([0]) })
  await untilPlaced(carrier, 1)
  const { ref } = carrier().placed[0]!
  await carrier().accept(ref)
  await world.ask('UPDATE live_call SET state = 3, ringing_ms = 5, hang_up_asked = true')
  await world.ask('UPDATE batch_state SET accepted = accepted - 1, ringing = ringing + 1')
  await carrier().answer(ref)
  expect(carrier().hungUp).toContain(ref)
})

/** Calls whose row says at least that they were accepted; some are over by the time it is asked. */
const WRITTEN = 'SELECT ((SELECT count(*) FROM live_call WHERE state >= 2) + (SELECT count(*) FROM attempt))::int AS n'

it('news of a call are acknowledged when they are committed, however many wait with them', async () => {
  const count = 4_000
  const { carrier } = await worldWithHandCarrier({ liveMax: count, trunkLiveMax: count, callsPerSecond: 1_000_000 })
  await world.addBatch({ numbers: numbersEnding(Array.from({ length: count }, () => 0)), concurrency: count })
  await untilPlaced(carrier, count)
  const early: string[] = []
  let told = 0
  await Promise.all(
    carrier().placed.map(async ({ ref }) => {
      await carrier().accept(ref)
      // As many as are acknowledged now: more of them are while the question is on its way.
      const acknowledged = ++told
      const [row] = acknowledged % 500 === 0 ? await world.ask(WRITTEN) : []
      if (row && row.n < acknowledged) early.push(`${acknowledged} acknowledged, ${row.n} written`)
      await carrier().answer(ref)
      await carrier().end(ref)
    }),
  )
  expect(early).toEqual([])
  expect(await one('SELECT answered, live, settled, status FROM batch_state')).toEqual({
    answered: count,
    live: 0,
    settled: count,
    status: 4,
  })
})

it('the truth about an unknown call moves no figures once somebody has asked for another dial', async () => {
  const { carrier, ref } = await callThatEndedUnknown()
  // As a retry by hand leaves it: due in an hour, so that nothing moves by itself.
  await world.ask(`WITH d AS (INSERT INTO due SELECT 1, 1, 0, now() + interval '1 h', 1, 2, 1, 6)
    UPDATE batch_state SET due = 1, settled = 0, unknown = 0, status = 2`)
  await carrier().end(ref, 'busy')
  expect(await one('SELECT unknown, busy, settled, due FROM batch_state')).toEqual({
    unknown: 0,
    busy: 0,
    settled: 0,
    due: 1,
  })
  expect(await one('SELECT disposition FROM attempt')).toEqual({ disposition: 3 })
})

it('the truth about an unknown call counts also when the dial after it was never sent', async () => {
  const { carrier, ref } = await callThatEndedUnknown()
  // As a cancel leaves a retry by hand whose intent was not sent.
  await world.ask(`INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, disposition, cause, answered_by, claimed_at, ended_ms, node_id)
    SELECT organization_id, batch_id, seq, 2, counted, trunk_id, 10, cause, answered_by, claimed_at, ended_ms, node_id FROM attempt`)
  await carrier().end(ref, 'busy')
  expect(await one('SELECT unknown, busy, settled FROM batch_state')).toEqual({ unknown: 0, busy: 1, settled: 1 })
  expect(await one('SELECT disposition FROM attempt WHERE n = 1')).toEqual({ disposition: 3 })
})

it('news that bring a call back to life are acknowledged when its row has them', async () => {
  const { carrier, ref } = await callThatEndedUnknown()
  await carrier().answer(ref)
  expect(await one('SELECT state, answered_ms IS NOT NULL AS is_answered FROM live_call')).toEqual({
    state: 4,
    is_answered: true,
  })
})

it('a call that comes back to life withdraws the dial that somebody has asked for meanwhile', async () => {
  const { carrier, ref } = await callThatEndedUnknown()
  await world.ask(`WITH d AS (INSERT INTO due SELECT 1, 1, 0, now() + interval '1 h', 1, 2, 1, 6)
    UPDATE batch_state SET due = 1, settled = 0, unknown = 0, status = 2`)
  await carrier().answer(ref)
  expect(await one('SELECT unknown, settled, due, live FROM batch_state')).toEqual({
    unknown: 0,
    settled: 0,
    due: 0,
    live: 1,
  })
  await carrier().end(ref)
  expect(await one('SELECT answered, settled, live, status FROM batch_state')).toEqual({
    answered: 1,
    settled: 1,
    live: 0,
    status: 4,
  })
  expect(await one('SELECT count(*)::int AS rows FROM due')).toEqual({ rows: 0 })
})
