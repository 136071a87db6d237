import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { people } from '../command-world.ts'
import { webhookWorld } from '../webhook-world.ts'

/** The receiver of the guide, word for word, in a process of its own. */
function receiverOfGuide(environment: Record<string, string>): ChildProcess {
  const guide = readFileSync(new URL('../../docs/guides/webhooks.md', import.meta.url), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(guide)![1]!
  const env = { PATH: process.env.PATH, ...environment }
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  await new Promise((closed) => server.close(closed))
  return port
}

test('the receiver of the guide takes genuine webhooks and refuses others', { timeout: 30_000 }, async () => {
  const world = await webhookWorld()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/carillon`
  const { id, secret } = await world.hook({ url, kinds: ['batch-created', 'batch-started'] })
  let printed = ''
  receiverOfGuide({ WEBHOOK_SECRET: secret, PORT: String(port) }).stdout!.on('data', (chunk) => {
    printed += chunk
  })
  const reachable = () =>
    fetch(url, { method: 'POST', body: '{}' }).then(
      ({ status }) => status,
      () => 0,
    )
  await expect.poll(reachable, { timeout: 15_000 }).toBe(401)
  const forged = {
    'webhook-id': '1.1',
    'webhook-timestamp': String(Date.now() / 1_000),
    'webhook-signature': 'v1,none',
  }
  expect((await fetch(url, { method: 'POST', body: '{}', headers: forged })).status).toBe(401)

  await world.makeBatch(people(1))
  await world.node().deliverDue()
  const deliveries = await world.deliveries(id)
  expect(deliveries.map(({ status, httpStatus }) => [status, httpStatus])).toEqual([
    ['delivered', 204],
    ['delivered', 204],
  ])
  await expect.poll(() => printed.trim().split('\n').length).toBe(2)
  for (const { eventId } of deliveries) expect(printed).toContain(`${eventId} {"id":"${eventId}"`)
})
