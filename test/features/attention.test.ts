import { expect, onTestFinished, test } from 'vitest'
import { agentKind } from '../../src/agents/registry.ts'
import { AttentionWatch } from '../../src/attention-watch.ts'
import { loopback } from '../../src/carriers/loopback/carrier.ts'
import { checkApi } from '../../src/cli/doctor-api.ts'
import { systemClock } from '../../src/clock.ts'
import { dialects } from '../../src/dialects/registry.ts'
import { Dispatcher } from '../../src/dispatcher/dispatcher.ts'
import { buildServer } from '../../src/http/server.ts'
import { createLogger } from '../../src/logger.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { AttentionKind } from '../../src/model/attention.ts'
import { openConnection } from '../../src/store/database.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { people } from '../command-world.ts'
import { until } from '../dispatch-world.ts'
import { loopbackTargets } from '../loopback-targets.ts'
import { noSound } from '../no-sound.ts'
import { webhookReceiver } from '../webhook-receiver.ts'
import { webhookWorld } from '../webhook-world.ts'

const MINUTE_MS = 60_000

/** One organization, its API on a port, a dispatcher that a test may start, and the three places where trouble shows. */
async function watchedWorld() {
  const world = await webhookWorld()
  const { context, first, connectionString } = world
  const quiet = { info() {}, warn() {}, error() {} }
  const dispatcher = new Dispatcher({
    store: new PostgresDispatchStore(connectionString),
    clock: systemClock,
    ids: context.secrets.ids,
    log: quiet,
    nodeName: 'node-in-trouble',
    openCarrier: (_organizationId, trunk, report) =>
      loopback.open(loopback.settings.parse(trunk.settings), {
        clock: systemClock,
        report,
        log: quiet,
        targets: loopbackTargets,
        callbackUrl: '',
        ...noSound,
      }),
    agentKind,
  })
  const logged: string[] = []
  const watch = new AttentionWatch({
    commands: context,
    clock: systemClock,
    log: { info: (_, message) => logged.push(message), warn: (_, message) => logged.push(message) },
    failing: () => ({
      nodeId: dispatcher.nodeId,
      cycles: [...dispatcher.counters.failing].map(([organizationId, trouble]) => ({ organizationId, ...trouble })),
    }),
  })
  const metrics = createMetrics({ dispatcher, webhooks: world.node(), attention: watch, databases: {}, ...noSound })
  const server = buildServer({
    dialects,
    commands: context,
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    publicUrl: () => '',
    region: 'US',
    checkReady: async () => ({ ready: true, problems: [] }),
    metrics,
    onCarrierCallback: async () => ({ status: 403 }),
  })
  const url = await server.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    await server.close()
  })
  const key = first.apiKey!.token

  async function api() {
    const answer = await fetch(`${url}/carillon/v1/attention`, { headers: { authorization: `Bearer ${key}` } })
    expect(answer.status).toBe(200)
    return ((await answer.json()) as { items: Record<string, unknown>[] }).items
  }

  /** The finding as the API tells it, after the metrics and `doctor` have shown it too. */
  async function seen(kind: AttentionKind) {
    const found = (await api()).filter((item) => item.kind === kind)
    expect(found, kind).toHaveLength(1)
    await watch.walk()
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toContain(`carillon_attention{kind="${kind}"} 1\n`)
    const findings = await checkApi({ url, key }, {})
    const [level] = findings
      .filter(({ check, text }) => check === 'attention' && text.includes(kind))
      .map((each) => each.level)
    expect(level).toBe(found[0]!.level)
    return found[0]!
  }

  const later = async (minutes: number) => world.setTime(new Date(Date.now() + minutes * MINUTE_MS))
  return { ...world, api, seen, later, dispatcher, watch, logged, url, key }
}

test('nothing needs attention while all is well', async () => {
  const world = await watchedWorld()
  await world.makeBatch(people(3))
  expect(await world.api()).toEqual([])
  expect((await checkApi(world, {})).find(({ check }) => check === 'attention')?.level).toBe('ok')
  await world.watch.walk()
  expect(await (await fetch(`${world.url}/metrics`)).text()).toContain('carillon_attention{kind="gate-held"} 0\n')
})

test('outcomes that are not known', async () => {
  const world = await watchedWorld()
  const batch = await world.makeBatch(people(3))
  await world.end(await world.claim(2), { disposition: 'unknown' })
  expect(await world.seen('unknown-outcomes')).toMatchObject({ level: 'warning', count: 2, objectId: batch.id })
})

test('a call that lives far beyond its longest', async () => {
  const world = await watchedWorld()
  const batch = await world.makeBatch(people(1), { maxCallSeconds: 600, ringTimeoutSeconds: 30 })
  await world.answer(await world.claim(1))
  await world.later(15)
  expect((await world.api()).map(({ kind }) => kind)).not.toContain('call-overlong')
  await world.later(17)
  expect(await world.seen('call-overlong')).toMatchObject({ level: 'bad', count: 1 })
  expect(batch.id).toBeTruthy()
})

test('an intent that the carrier never answered', async () => {
  const world = await watchedWorld()
  await world.makeBatch(people(2), { ringTimeoutSeconds: 30 })
  await world.claim(2)
  await world.later(1)
  expect((await world.api()).map(({ kind }) => kind)).not.toContain('intent-overdue')
  await world.later(3)
  expect(await world.seen('intent-overdue')).toMatchObject({ level: 'warning', count: 2 })
})

test('a batch that nobody dials, and why', async () => {
  const world = await watchedWorld()
  const batch = await world.makeBatch(people(5))
  await world.later(9)
  expect((await world.api()).map(({ kind }) => kind)).not.toContain('batch-stalled')
  await world.later(11)
  expect(await world.seen('batch-stalled')).toMatchObject({ count: 5, objectId: batch.id, reason: 'in-line' })
})

test('a batch outside of its calling window waits as it was asked to', async () => {
  const world = await watchedWorld()
  const hour = new Date(Date.now() + 12 * 3_600_000).getUTCHours()
  const at = (hours: number) => `${String(hours % 24).padStart(2, '0')}:00`
  await world.makeBatch(people(5), {
    callingWindow: { zone: 'UTC', ranges: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: at(hour), to: at(hour + 1) }] },
  })
  await world.later(11)
  expect((await world.api()).map(({ kind }) => kind)).toEqual(['no-live-node'])
})

test('people who are due for long', async () => {
  const world = await watchedWorld()
  const batch = await world.makeBatch(people(2))
  const [one] = await world.claim(1)
  await world.end([one!], { disposition: 'busy', retryAfterMs: 1_000 })
  await world.answer(await world.claim(1))
  await world.later(12)
  expect(await world.seen('due-overdue')).toMatchObject({ count: 1, objectId: batch.id, reason: 'in-line' })
})

test('a start that nobody made happen', async () => {
  const world = await watchedWorld()
  const batch = await world.makeBatch(people(1), { startAt: new Date(Date.now() + MINUTE_MS) })
  await world.later(3)
  expect(await world.seen('batch-not-turned')).toMatchObject({ objectId: batch.id })
  expect(await world.seen('no-live-node')).toMatchObject({ level: 'bad' })
})

test('a trunk whose breaker is open', async () => {
  const world = await watchedWorld()
  const [trunk] = await world.sql('SELECT trunk_id, trunk_uuid FROM trunk')
  await world.dispatch((_gate, transaction) =>
    transaction.setTrunkHealth(trunk!.trunk_id as number, { failuresInRow: 5, blockedForMs: 60_000 }),
  )
  expect(await world.seen('trunk-blocked')).toMatchObject({ objectId: trunk!.trunk_uuid })
})

test('a gate that somebody holds', async () => {
  const world = await watchedWorld()
  const holder = await openConnection(world.connectionString, 'holds-the-gate')
  await holder.query('BEGIN')
  await holder.query('SELECT FROM gate FOR UPDATE')
  expect(await world.seen('gate-held')).toMatchObject({ level: 'bad' })
  await holder.query('ROLLBACK')
  await holder.end()
  expect(await world.api()).toEqual([])
  await world.watch.walk()
  expect(world.logged).toEqual(['Needs attention', 'Needs no attention any more'])
})

test('cycles that fail on a node, until they do not', async () => {
  const world = await watchedWorld()
  await world.makeBatch(people(1))
  await world.sql('ALTER TABLE live_call ADD CONSTRAINT nothing_lives CHECK (false) NOT VALID')
  await world.dispatcher.start()
  await until(async () => world.dispatcher.counters.failing.size > 0, 'a failed cycle')
  await world.watch.walk()
  expect(await world.seen('cycles-failing')).toMatchObject({ level: 'bad', reason: '23514' })
  const metrics = async () => (await fetch(`${world.url}/metrics`)).text()
  expect(await metrics()).toContain('carillon_organizations_failing 1\n')
  expect(await metrics()).toContain('carillon_lease_valid 1\n')
  await world.sql('ALTER TABLE live_call DROP CONSTRAINT nothing_lives')
  await until(async () => world.dispatcher.counters.failing.size === 0, 'a cycle that works')
  await world.watch.walk()
  expect((await world.api()).map(({ kind }) => kind)).not.toContain('cycles-failing')
  await world.dispatcher.stop()
})

test('an endpoint that is gone', async () => {
  const world = await watchedWorld()
  const receiver = await webhookReceiver()
  receiver.answer = 410
  const { id } = await world.hook({ url: receiver.url })
  await world.makeBatch(people(1))
  await world.node().deliverDue()
  expect(await world.seen('webhook-paused')).toMatchObject({ level: 'bad', objectId: id })
})

test('an endpoint that nobody tells anything', async () => {
  const world = await watchedWorld()
  const { id } = await world.hook({ url: 'http://127.0.0.1:9/' })
  await world.end(await world.claim(0), { disposition: 'busy' })
  await world.makeBatch(people(1))
  await world.end(await world.claim(1), { disposition: 'busy' })
  await world.later(11)
  expect(await world.seen('webhook-late')).toMatchObject({ level: 'warning', objectId: id })
})
