import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../database.ts'
import { webhookReceiver } from '../webhook-receiver.ts'

/** The program as `npm run build` leaves it. */
const PROGRAM = path.resolve(import.meta.dirname, '../../dist/cli/main.js')

interface Program {
  readonly child: ChildProcess
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
  readonly saw: (pattern: RegExp) => Promise<RegExpExecArray>
}

function run(args: readonly string[], options: { cwd: string; env: Record<string, string> }): Program {
  const child = spawn(process.execPath, [PROGRAM, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  const saw = async (pattern: RegExp) => {
    await expect.poll(() => pattern.test(stdout), { timeout: 60_000 }).toBe(true)
    return pattern.exec(stdout)!
  }
  return { child, ended, saw }
}

test('with the program alone: an address is told of a batch, and of an event again', { timeout: 120_000 }, async () => {
  if (!fs.existsSync(PROGRAM)) throw new Error('The program is not built: run `npm run build` first.')
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-webhooks-'))
  const database = await createTestDatabase({ empty: true })
  const env = {
    PATH: process.env.PATH ?? '',
    CARILLON_DATA_DIR: path.join(cwd, 'data'),
    CARILLON_LOG_LEVEL: 'warn',
    CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8',
    CARILLON_SECRET_KEY: 'k'.repeat(40),
    DATABASE_URL: database.connectionString,
  }
  const server = run(['start'], { cwd, env: { ...env, PORT: '0' } })
  onTestFinished(async () => {
    server.child.kill('SIGTERM')
    await server.ended
    fs.rmSync(cwd, { recursive: true, force: true })
  })
  await server.saw(/key on disk/)
  const carillon = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(args, { cwd, env }).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  const receiver = await webhookReceiver()
  const kinds = ['--kind', 'batch-created', '--kind', 'recipient-finished', '--kind', 'batch-completed']
  const [made] = await carillon('webhook', 'add', receiver.url, '--name', 'CRM', ...kinds)
  const { webhook, secret } = made as unknown as { webhook: { id: string }; secret: string }
  fs.writeFileSync(path.join(cwd, 'people.csv'), 'phone_number\n+14155550270\n+14155550271\n')
  await carillon('call', 'people.csv')
  await expect.poll(() => receiver.received.length, { timeout: 30_000 }).toBe(4)
  const verifier = new Webhook(secret)
  for (const { text, headers } of receiver.received) verifier.verify(text, headers as Record<string, string>)
  expect(receiver.received.map(({ body }) => [body.kind, body.outcome])).toEqual(
    expect.arrayContaining([
      ['batch-created', null],
      ['recipient-finished', 'busy'],
      ['batch-completed', null],
    ]),
  )

  expect(await carillon('webhook', 'list')).toMatchObject([{ id: webhook.id, name: 'CRM', status: 'active' }])
  await expect
    .poll(async () => (await carillon('webhook', 'deliveries', webhook.id, '--status', 'delivered')).length)
    .toBe(4)
  const [newest] = await carillon('webhook', 'deliveries', webhook.id, '--limit', '1')
  expect(await carillon('webhook', 'resend', webhook.id, String(newest!.eventId))).toEqual([{ resent: 1 }])
  await expect.poll(() => receiver.received.length, { timeout: 30_000 }).toBe(5)
  expect(receiver.received[4]!.headers['webhook-id']).toBe(newest!.eventId)
  expect(await carillon('webhook', 'resend', webhook.id, '--failed')).toEqual([{ resent: 0 }])
  expect(await carillon('webhook', 'stop', webhook.id)).toMatchObject([{ status: 'disabled' }])
  expect(await carillon('webhook', 'resume', webhook.id)).toMatchObject([{ status: 'active' }])
  await carillon('webhook', 'remove', webhook.id)
  const doctor = await run(['doctor', '--json'], { cwd, env }).ended
  expect(doctor.stdout).toContain('Webhooks and trunks may reach private networks: 127.0.0.0/8')
})
