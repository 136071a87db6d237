import { expect, test } from 'vitest'
import type { DispatchStore } from '../../src/store/dispatch-store.ts'
import type { LaneState } from '../../src/store/lane-states.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { type DispatchWorld, dispatchWorld, numbersEnding, retryBusy, until } from '../dispatch-world.ts'
import { HandCarrier, nonsense } from '../hand-carrier.ts'

/** A node of a world of its own, whose carrier says what a test has it say. */
class LateWorld {
  readonly world: DispatchWorld
  carrier!: HandCarrier

  constructor(world: DispatchWorld) {
    this.world = world
  }

  async addNode(store?: DispatchStore) {
    return this.world.addNode({
      store,
      openCarrier: (context) => {
        this.carrier = new HandCarrier(context)
        return this.carrier
      },
    })
  }

  async one(text: string) {
    return (await this.world.ask(text))[0]
  }

  /** Has the only call of a batch placed. */
  async placeOne(options: Partial<Parameters<DispatchWorld['addBatch']>[0]> = {}): Promise<string> {
    await this.world.addBatch({ numbers: numbersEnding([0]), ...options })
    await until(async () => this.carrier?.placed.length >= 1, 'placed')
    return this.carrier.placed[0]!.ref
  }

  /** The only call of a batch, about which its carrier said nothing until this node gave it up. */
  async giveUpOne(): Promise<string> {
    await this.addNode()
    const ref = await this.placeOne()
    await this.untilUnknown()
    return ref
  }

  untilUnknown() {
    return until(async () => (await this.one('SELECT unknown FROM batch_state')).unknown === 1, 'unknown')
  }
}

/** Several at a time: each waits for seconds until a call is given up. */
function it(name: string, run: (late: LateWorld) => Promise<void>): void {
  test.concurrent(name, async ({ onTestFinished }) => {
    const world = await dispatchWorld()
    onTestFinished(() => world.close())
    await run(new LateWorld(world))
  })
}

function signal() {
  let give!: () => void
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return { give, given }
}

it('nonsense of a carrier about a call that ended unknown is kept as far as it can be', async (late) => {
  const ref = await late.giveUpOne()
  await late.carrier.tell(nonsense(ref, Date.now()))
  expect(await late.one('SELECT answered, unknown FROM batch_state')).toEqual({ answered: 1, unknown: 0 })
  expect(await late.one('SELECT spoken_text FROM attempt')).toEqual({ spoken_text: 'Hello\ufffd\ufffd' })
})

it('an intent without an answer ends unknown, and is corrected when the truth comes', async (late) => {
  const ref = await late.giveUpOne()
  await late.carrier.end(ref, 'busy')
  expect(await late.one('SELECT unknown, busy, settled, live FROM batch_state')).toEqual({
    unknown: 0,
    busy: 1,
    settled: 1,
    live: 0,
  })
  const events = await late.world.ask('SELECT unnest(kind) AS kind FROM event_block ORDER BY block_no')
  expect(events.map((event) => event.kind)).toEqual([1, 6, 26, 7])
  expect(late.carrier.placed).toHaveLength(1)
})

it('the truth that comes while `unknown` is being written corrects it', async (late) => {
  const store = new PostgresDispatchStore(late.world.connectionString)
  const underGate = store.underGate.bind(store)
  const held = signal()
  const released = signal()
  store.underGate = async (...args) => {
    const result = await underGate(...args)
    if ((await late.one('SELECT unknown FROM batch_state')).unknown === 1) {
      held.give()
      await released.given
    }
    return result
  }
  await late.addNode(store)
  const ref = await late.placeOne()
  await held.given
  const told = late.carrier.end(ref, 'busy')
  released.give()
  await told
  expect(await late.one('SELECT unknown, busy, settled FROM batch_state')).toEqual({ unknown: 0, busy: 1, settled: 1 })
})

for (const when of ['at once', 'after the node has heard of that']) {
  it(`a call that is live again leaves its batch paused, when it came to its end in a pause, ${when}`, async (late) => {
    const store = new PostgresDispatchStore(late.world.connectionString)
    const underGate = store.underGate.bind(store)
    let heard = false
    store.underGate = async (...args) => {
      const result = await underGate(...args)
      const { lanes = [] } = (result ?? {}) as { lanes?: Promise<LaneState[]> | [] }
      if ((await lanes).some(({ batchStatus }) => batchStatus === 4)) heard = true
      return result
    }
    const node = await late.addNode(store)
    const ref = await late.placeOne({ retryPolicy: retryBusy })
    await late.world.ask('UPDATE batch_state SET status = 3, paused = true')
    await until(async () => (await late.one('SELECT status FROM batch_state')).status === 4, 'the end')
    if (when !== 'at once') {
      node.wake(1)
      await until(async () => heard, 'the node to hear of it')
    }
    await late.carrier.answer(ref)
    expect(await late.one('SELECT status, live, completed_at FROM batch_state')).toEqual({
      status: 3,
      live: 1,
      completed_at: null,
    })
    await late.carrier.end(ref, 'busy')
    await until(async () => (await late.one('SELECT due FROM batch_state')).due === 1, 'a next dial that waits')
    expect(await late.one('SELECT status FROM batch_state')).toEqual({ status: 3 })
  })
}

it('a call that rings after it was given up is live again, and its end counts', async (late) => {
  const ref = await late.giveUpOne()
  await late.carrier.answer(ref)
  expect(await late.one('SELECT unknown, live, settled FROM batch_state')).toEqual({ unknown: 0, live: 1, settled: 0 })
  expect(await late.one('SELECT live FROM gate')).toEqual({ live: 1 })
  await until(async () => (await late.one('SELECT talking FROM batch_state')).talking === 1, 'talking')
  await late.carrier.end(ref)
  expect(await late.one('SELECT answered, live, settled, status, talking FROM batch_state')).toEqual({
    answered: 1,
    live: 0,
    settled: 1,
    status: 4,
    talking: 0,
  })
  expect(late.carrier.hungUp).toEqual([])
})

it('a call that somebody asked to end is ended when it turns out to be alive after it was given up', async (late) => {
  await late.addNode()
  const ref = await late.placeOne()
  await late.world.ask('UPDATE live_call SET hang_up_asked = true')
  await late.untilUnknown()
  const before = late.carrier.hungUp.length
  await late.carrier.answer(ref)
  await until(async () => late.carrier.hungUp.length > before, 'its end')
  expect(late.carrier.hungUp.at(-1)).toBe(ref)
  expect(await late.one('SELECT hang_up_asked FROM live_call')).toEqual({ hang_up_asked: true })
})

it('the truth about an unknown call moves no figures once somebody has asked for another dial', async (late) => {
  const ref = await late.giveUpOne()
  // As a retry by hand leaves it: due in an hour, so that nothing moves by itself.
  await late.world.ask(`WITH d AS (INSERT INTO due SELECT 1, 1, 0, now() + interval '1 h', 1, 2, 1, 6)
    UPDATE batch_state SET due = 1, settled = 0, unknown = 0, status = 2`)
  await late.carrier.end(ref, 'busy')
  expect(await late.one('SELECT unknown, busy, settled, due FROM batch_state')).toEqual({
    unknown: 0,
    busy: 0,
    settled: 0,
    due: 1,
  })
  expect(await late.one('SELECT disposition FROM attempt')).toEqual({ disposition: 3 })
})

it('the truth about an unknown call counts also when the dial after it was never sent', async (late) => {
  const ref = await late.giveUpOne()
  // As a cancel leaves a retry by hand whose intent was not sent.
  await late.world.ask(`INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, disposition, cause, answered_by, claimed_at, ended_ms, node_id)
    SELECT organization_id, batch_id, seq, 2, counted, trunk_id, 10, cause, answered_by, claimed_at, ended_ms, node_id FROM attempt`)
  await late.carrier.end(ref, 'busy')
  expect(await late.one('SELECT unknown, busy, settled FROM batch_state')).toEqual({ unknown: 0, busy: 1, settled: 1 })
  expect(await late.one('SELECT disposition FROM attempt WHERE n = 1')).toEqual({ disposition: 3 })
})

it('news that bring a call back to life are acknowledged when its row has them', async (late) => {
  const ref = await late.giveUpOne()
  await late.carrier.answer(ref)
  expect(await late.one('SELECT state, answered_ms IS NOT NULL AS is_answered FROM live_call')).toEqual({
    state: 4,
    is_answered: true,
  })
})

it('a call that comes back to life withdraws the dial that somebody has asked for meanwhile', async (late) => {
  const ref = await late.giveUpOne()
  await late.world.ask(`WITH d AS (INSERT INTO due SELECT 1, 1, 0, now() + interval '1 h', 1, 2, 1, 6)
    UPDATE batch_state SET due = 1, settled = 0, unknown = 0, status = 2`)
  await late.carrier.answer(ref)
  expect(await late.one('SELECT unknown, settled, due, live FROM batch_state')).toEqual({
    unknown: 0,
    settled: 0,
    due: 0,
    live: 1,
  })
  await late.carrier.end(ref)
  expect(await late.one('SELECT answered, settled, live, status FROM batch_state')).toEqual({
    answered: 1,
    settled: 1,
    live: 0,
    status: 4,
  })
  expect(await late.one('SELECT count(*)::int AS rows FROM due')).toEqual({ rows: 0 })
})
