import { afterEach, expect, it } from 'vitest'
import { createTestDatabase } from '../database.ts'
import { ask, startNode } from './node.ts'
import { answer, answerInDialog, keepSequence, recv, scenario } from './scenario.ts'
import { freePort, startSipp } from './sipp.ts'
import { unreliableWire } from './unreliable-wire.ts'

const CALLER = '+14155550100'
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function until<T>(holds: () => Promise<T | null | false>): Promise<T> {
  for (;;) {
    const found = await holds()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Numbers that end in 5 to 9 ring forever, the others answer and stay. */
const exchange = scenario('exchange', [
  recv('INVITE', {
    action: `${keepSequence}<ereg regexp="[5-9]@" search_in="hdr" header="To:" assign_to="rings"/>`,
  }),
  answer(100, 'Trying'),
  answer(180, 'Ringing'),
  '<nop next="ringing" test="rings"/>',
  answer(200, 'OK', { sdp: true }),
  recv('ACK'),
  recv('BYE'),
  answerInDialog(200, 'OK'),
  '<nop next="end"/>',
  '<label id="ringing"/>',
  recv('CANCEL'),
  answerInDialog(200, 'OK'),
  recv('BYE'),
  answerInDialog(481, 'Call Does Not Exist'),
  '<label id="end"/>',
  '<nop/>',
])

it('the calls of a node that is killed are ended by another one, once each, and nobody is called twice', async () => {
  const database = await createTestDatabase()
  cleanUps.push(() => database.drop())
  const port = await freePort()
  // sipp answers where the INVITE came from; behind one wire that is where the survivor is heard too.
  const wire = await unreliableWire(port, () => 1)
  cleanUps.push(() => wire.close())
  const sipp = await startSipp({ scenario: exchange, port, contact: `127.0.0.1:${wire.port}` })
  cleanUps.push(() => sipp.stop())

  const victim = await startNode(database.connectionString, '26000-26999')
  cleanUps.push(() => victim.stop())
  const settings = { host: '127.0.0.1', port: wire.port, probe: false }
  const limits = { concurrency: 20, callsPerSecond: 50 }
  const trunk = await ask(victim.url, '/trunks', { name: 'exchange', carrier: 'sip', settings, ...limits })
  await ask(victim.url, '/numbers', { number: CALLER, trunkId: trunk.id })
  const speech = { text: 'Hello, this is the library.', waitForKeySeconds: 60 }
  const agent = await ask(victim.url, '/agents', {
    name: 'library',
    kind: 'announcement',
    settings: speech,
    defaultNumber: CALLER,
  })
  const recipients = Array.from({ length: 10 }, (_, index) => ({ to: `+1415555300${index}` }))
  const { batch } = await ask(victim.url, '/batches', { agent: agent.id, recipients, ringTimeoutSeconds: 80 })
  await until(async () => {
    const { figures } = await ask(victim.url, `/batches/${batch.id}`)
    return figures.talking === 5 && figures.ringing === 5
  })

  const survivor = await startNode(database.connectionString, '27000-27999')
  cleanUps.push(() => survivor.stop())
  await victim.stop()
  const done = await until(async () => {
    const now = await ask(survivor.url, `/batches/${batch.id}`)
    return now.status === 'completed' && now
  })
  expect(done.figures.outcomes).toMatchObject({ answered: 5, failed: 5, unknown: 0 })
  const { items } = await ask(survivor.url, `/batches/${batch.id}/recipients`)
  expect(items.every(({ cause }: { cause: string }) => cause === 'node-lost')).toBe(true)

  const received = sipp.messages().filter(({ direction }) => direction === 'received')
  const of = (method: string) =>
    received.filter(({ startLine }) => startLine.startsWith(`${method} `)).map((message) => message.header('Call-ID'))
  expect(new Set(of('INVITE')).size).toBe(10)
  expect(of('CANCEL')).toHaveLength(5)
  expect(new Set(of('CANCEL')).size).toBe(5)
  expect(new Set(of('BYE')).size).toBe(10)
}, 60_000)
