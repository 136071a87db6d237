import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { people } from '../command-world.ts'
import { type Received, webhookReceiver } from '../webhook-receiver.ts'
import { webhookWorld } from '../webhook-world.ts'

const idsOf = (received: readonly Received[]) => received.map(({ headers }) => headers['webhook-id'] as string)

/** A node in a process of its own. */
function nodeProcess(connectionString: string) {
  const program = fileURLToPath(new URL('../programs/deliver-webhooks.ts', import.meta.url))
  const loader = fileURLToPath(new URL('../run-typescript.mjs', import.meta.url))
  const child = spawn(process.execPath, ['--import', loader, program, connectionString], { stdio: 'ignore' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

test('several nodes at once deliver everything once, and each recipient in order', { timeout: 60_000 }, async () => {
  const world = await webhookWorld()
  const receivers = await Promise.all([webhookReceiver(), webhookReceiver(), webhookReceiver()])
  for (const receiver of receivers) {
    receiver.answer = (response) => setTimeout(() => response.writeHead(200).end(), Math.random() * 5)
    await world.hook({ url: receiver.url })
  }
  await world.makeBatch(people(60))
  const calls = await world.claim(100)
  await world.answer(calls)
  await world.end(calls, { disposition: 'answered' })
  const nodes = [world.node(), world.node(), world.node()]
  await Promise.all(nodes.map((node) => node.deliverDue()))
  // A node that found every endpoint taken has gone: one more look when all are done.
  await nodes[0]!.deliverDue()
  const expected = 2 + calls.length * 5
  for (const { received, open } of receivers) {
    expect(received).toHaveLength(expected)
    expect(new Set(idsOf(received)).size).toBe(expected)
    expect(open.most).toBeLessThanOrEqual(16)
    const kinds = new Map<string, string[]>()
    for (const { body } of received) kinds.set(body.recipientId, [...(kinds.get(body.recipientId) ?? []), body.kind])
    kinds.delete(null as never)
    for (const ofOne of kinds.values()) {
      expect(ofOne).toEqual([
        'attempt-dialing',
        'attempt-accepted',
        'attempt-ringing',
        'attempt-answered',
        'recipient-finished',
      ])
    }
  }
})

test('a long log is delivered once, also what ends while results are written', { timeout: 120_000 }, async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  await world.makeBatch(people(1))
  await world.hook({ url: receiver.url, kinds: ['attempt-dialing'] })
  const all = (value: string) => `array_fill(${value}, ARRAY[100])`
  await world.sql(
    `INSERT INTO event_block SELECT g.organization_id, g.block_no + i, g.at, ${all('g.batch_id')}, ARRAY(SELECT i * 100 + x FROM generate_series(1, 100) x),
       ${all('1::smallint')}, ${all('1::smallint')}, ${all('0::smallint')}, ${all('0')}
     FROM (SELECT organization_id, block_no, carillon_now() AS at, (SELECT min(batch_id) FROM batch) AS batch_id FROM gate) g,
       generate_series(1, 20) i`,
  )
  await world.sql('UPDATE gate SET block_no = block_no + 20')
  await world.node().deliverDue()
  expect(receiver.received).toHaveLength(2_000)
  expect(new Set(idsOf(receiver.received)).size).toBe(2_000)
})

test('what a node had sent when it was killed is sent again by another one, with the same ids', {
  timeout: 60_000,
}, async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  // It takes some and then says nothing more: the node dies with requests under way.
  receiver.answer = (response, _, nth) => {
    if (nth <= 20) response.writeHead(200).end()
  }
  const { id } = await world.hook({ url: receiver.url })
  await world.makeBatch(people(30))
  await world.claim(100)
  const doomed = nodeProcess(world.connectionString)
  await expect.poll(() => receiver.open.now, { timeout: 30_000 }).toBeGreaterThan(5)
  doomed.kill('SIGKILL')
  await new Promise((gone) => doomed.once('exit', gone))
  // What it had written is read to the end before its connections are seen to close.
  await expect.poll(() => receiver.open.now, { timeout: 10_000 }).toBe(0)
  const before = new Set(idsOf(receiver.received))
  receiver.answer = 200
  const survivor = world.node()
  await survivor.deliverDue()
  // Nobody can know whether the dead node still sends, so its lease has to run out first.
  expect(new Set(idsOf(receiver.received)).size).toBe(before.size)
  await world.sql(`UPDATE webhook_endpoint SET lease_until = carillon_now()`)
  await survivor.deliverDue()
  expect(new Set((await world.deliveries(id)).map(({ status }) => status))).toEqual(new Set(['delivered']))
  const ids = idsOf(receiver.received)
  const twice = ids.filter((one, index) => ids.indexOf(one) !== index)
  expect(new Set(ids).size).toBe((await world.deliveries(id)).length)
  // Only what was sent before the kill can come again.
  expect(twice.length).toBeGreaterThan(0)
  for (const one of twice) expect(before).toContain(one)
})

test('a node that stops gives its endpoints free at once', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  receiver.answer = () => undefined
  await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  await world.makeBatch(people(1))
  const leaving = world.node()
  leaving.start()
  await expect.poll(() => receiver.open.now, { timeout: 10_000 }).toBe(1)
  await leaving.stop()
  receiver.answer = 200
  await world.node().deliverDue()
  expect(idsOf(receiver.received)).toEqual([idsOf(receiver.received)[0], idsOf(receiver.received)[0]])
})

test('webhooks are delivered without being asked for, soon after the event', { timeout: 20_000 }, async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  const node = world.node()
  node.start()
  await world.makeBatch(people(1))
  await expect.poll(() => receiver.received.length, { timeout: 10_000 }).toBe(1)
  expect(node.counters).toMatchObject({ delivered: 1, failed: 0 })
})
