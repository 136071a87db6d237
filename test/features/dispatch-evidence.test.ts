import { afterEach, expect, it } from 'vitest'
import { type DispatchWorld, dispatchWorld, numbersEnding, until } from '../dispatch-world.ts'
import { HandCarrier, nonsense } from '../hand-carrier.ts'

let world: DispatchWorld

afterEach(() => world.close())

async function worldWithHandCarrier(options: Parameters<typeof dispatchWorld>[0] = {}) {
  world = await dispatchWorld(options)
  let carrier!: HandCarrier
  const node = await world.addNode({
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

async function untilPlaced(carrier: () => HandCarrier, count: number) {
  await until(async () => carrier()?.placed.length >= count, `${count} placed`)
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
