import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection } from '../../src/store/database.ts'
import { createTestDatabase } from '../database.ts'

/** The program as `npm run build` leaves it. */
const PROGRAM = path.resolve(import.meta.dirname, '../../dist/cli/main.js')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with everything written so far as soon as it matches. */
  saw(pattern: RegExp): Promise<string>
}

let folder: string
let server: Running
let environment: Record<string, string>
let url: string
let apiKey: string

function run(args: readonly string[], more: Record<string, string> = {}): Running {
  const env = { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...environment, ...more }
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let look = (): void => undefined
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    look()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  const saw = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      look = () => {
        if (pattern.test(stdout)) resolve(stdout)
      }
      look()
      ended.then(() => reject(new Error(`It ended without ${pattern}:\n${stdout}\n${stderr}`)))
    })
  return { child, ended, saw }
}

function carillon(...args: string[]): Promise<Ended> {
  return run(args).ended
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function listOf(name: string, endings: readonly string[]): string {
  const file = path.join(folder, name)
  const rows = endings.map((ending, index) => `+1415555${String(index).padStart(2, '0')}${ending},Zoë ${index}`)
  fs.writeFileSync(file, ['phone_number,first_name', ...rows, ''].join('\n'))
  return file
}

async function setSpeed(speed: number): Promise<void> {
  const [trunk] = jsonLines((await carillon('trunk', 'list')).stdout)
  const response = await fetch(`${url}/carillon/v1/trunks/${String(trunk?.id)}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ settings: { speed } }),
  })
  expect(response.status).toBe(200)
}

beforeAll(async () => {
  if (!fs.existsSync(PROGRAM)) throw new Error('The program is not built: run `npm run build` first.')
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-cli-'))
  const database = await createTestDatabase({ empty: true })
  environment = { CARILLON_DATA_DIR: path.join(folder, 'data'), CARILLON_LOG_LEVEL: 'warn' }
  server = run(['start'], { PORT: '0', DATABASE_URL: database.connectionString })
  const banner = await server.saw(/key on disk/)
  url = /address +(http:\S+)/.exec(banner)?.[1] ?? ''
  apiKey = /API key +(crl_\S+)/.exec(banner)?.[1] ?? ''
  environment.DATABASE_URL = database.connectionString
  await setSpeed(200)
})

afterAll(async () => {
  server.child.kill('SIGTERM')
  const { code, stderr } = await server.ended
  fs.rmSync(folder, { recursive: true, force: true })
  expect({ code, stopped: stderr.includes('Carillon has stopped.') }).toEqual({ code: 0, stopped: true })
})

describe('carillon', () => {
  it('start leaves the first key to its owner alone', () => {
    const file = path.join(folder, 'data', 'first-key.json')
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({ url, apiKey })
  })

  it('call calls everyone without any settings and writes JSON lines and the results', async () => {
    const list = listOf('january.csv', ['10', '11', '70', '80', '85', '90', '93'])
    fs.appendFileSync(list, 'nonsense,Bad Row\n')
    const { code, stdout, stderr } = await carillon('call', list, '--results', 'out.csv')
    expect({ code, stderr }).toEqual({ code: 0, stderr: `Results: ${path.join(folder, 'out.csv')}\n` })
    const lines = jsonLines(stdout)
    expect(lines[0]).toMatchObject({ type: 'batch-created', name: 'january.csv', recipients: 7, rejectedRows: 1 })
    expect(lines.at(-1)).toMatchObject({
      type: 'batch-ended',
      status: 'completed',
      figures: {
        settled: 7,
        attempts: 7,
        outcomes: { answered: 2, busy: 1, 'no-answer': 1, voicemail: 1, rejected: 1, failed: 1 },
      },
    })
    const results = fs.readFileSync(path.join(folder, 'out.csv'), 'utf8')
    // Without its plus, which spreadsheets take for the beginning of a formula.
    expect(results).toContain('\n14155550010,Zoë 0,ended,answered,')
    expect(fs.statSync(path.join(folder, 'out.csv')).mode & 0o077).toBe(0)

    const batchId = String(lines[0]?.batchId)
    expect((await carillon('batch', 'results', batchId)).stdout).toBe(results)
    expect((await carillon('batch', 'rejected', batchId)).stdout).toContain('nonsense')
    const people = jsonLines((await carillon('batch', 'results', batchId, '--format', 'jsonl')).stdout)
    expect(people).toHaveLength(7)
    expect(jsonLines((await carillon('batch', 'list')).stdout).map(({ id }) => id)).toContain(batchId)

    const [retried] = jsonLines((await carillon('batch', 'retry', batchId, 'busy', 'no-answer')).stdout)
    expect(retried).toMatchObject({ type: 'batch-changed', batchId, status: 'running' })
    const watched = await carillon('batch', 'watch', batchId)
    expect(jsonLines(watched.stdout).at(-1)).toMatchObject({
      type: 'batch-ended',
      figures: { settled: 7, attempts: 9 },
    })
  })

  it('Ctrl-C leaves the batch running and says how to come back; then it is paused, resumed and cancelled', async () => {
    await setSpeed(1)
    const calling = run(['call', listOf('slow.csv', Array<string>(40).fill('10')), '--concurrency', '2'])
    const seen = await calling.saw(/batch-progress/)
    const batchId = String(jsonLines(seen)[0]?.batchId)
    calling.child.kill('SIGINT')
    const { code, stderr } = await calling.ended
    expect(code).toBe(130)
    expect(stderr).toContain(`carillon batch watch ${batchId}`)

    const status = async (...args: string[]): Promise<unknown> =>
      jsonLines((await carillon('batch', ...args)).stdout)[0]
    expect(await status('show', batchId)).toMatchObject({ status: 'running' })
    expect(await status('pause', batchId)).toMatchObject({ type: 'batch-changed', status: 'paused' })
    expect(await status('resume', batchId)).toMatchObject({ status: 'running' })
    expect(await status('cancel', batchId)).toMatchObject({ status: 'cancelled' })
    const refused = await carillon('batch', 'resume', batchId)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^carillon: A batch that is cancelled cannot be asked to resume\.\n {2}\S/)
    await setSpeed(200)
  })

  it('suppress keeps people from being called', async () => {
    expect((await carillon('suppress', '+14155550012', '--reason', 'asked by mail')).code).toBe(0)
    fs.writeFileSync(path.join(folder, 'dnc.csv'), 'phone\n+14155550113\n')
    expect(jsonLines((await carillon('suppress', '--file', 'dnc.csv')).stdout)[0]).toMatchObject({ added: 1 })
    const listed = jsonLines((await carillon('suppress', '--list')).stdout)
    expect(listed.map(({ number }) => number).sort()).toEqual(['+14155550012', '+14155550113'])
    const { stdout } = await carillon('call', listOf('february.csv', ['12', '13', '14']))
    expect(jsonLines(stdout).at(-1)).toMatchObject({ figures: { outcomes: { suppressed: 2, answered: 1 } } })
    expect((await carillon('suppress', '--remove', '+14155550012', '+14155550113')).code).toBe(0)
    expect((await carillon('suppress', '--list')).stdout).toBe('')
  })

  it('erase takes a person off every list within seconds, and keeps them from being called', async () => {
    const made = jsonLines((await carillon('call', listOf('erased.csv', ['21', '22']))).stdout)[0]
    const results = async () => (await carillon('batch', 'results', String(made?.batchId))).stdout
    expect(await results()).toContain('14155550021')
    const { code, stdout } = await carillon('erase', '+14155550021')
    expect(code).toBe(0)
    const [erasure] = jsonLines(stdout) as { id: string; finishedAt: string | null }[]
    const headers = { authorization: `Bearer ${apiKey}` }
    const read = async () => (await fetch(`${url}/carillon/v1/erasures/${erasure!.id}`, { headers })).json()
    await expect.poll(read, { timeout: 30_000 }).toMatchObject({ recipients: 1, finishedAt: expect.any(String) })
    expect(await results()).not.toContain('4155550021')
    expect(await results()).toContain('14155550122')
    const again = await carillon('call', listOf('again.csv', ['21']))
    expect(jsonLines(again.stdout).at(-1)).toMatchObject({ figures: { outcomes: { suppressed: 1 } } })

    const refused = await carillon('erase', 'Zoë')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^carillon: .*Zoë.*\n {2}\S/)
  })

  it('adds trunks, numbers and agents, and calls through them by name', async () => {
    const settings = ['--carrier', 'loopback', '--settings', '{"speed": 200}']
    expect((await carillon('trunk', 'add', '--name', 'Second', ...settings)).code).toBe(0)
    expect((await carillon('number', 'add', '+14155550199', '--trunk', 'second')).code).toBe(0)
    const words = ['--name', 'Greeter', '--text', 'Hello {first_name}, this is Ames Dental.', '--alias', 'greeter-1']
    expect((await carillon('agent', 'add', ...words)).code).toBe(0)
    const list = listOf('march.csv', ['10'])
    const ambiguous = await carillon('call', list)
    expect(ambiguous.code).toBe(2)
    expect(ambiguous.stderr).toMatch(/There are several agents.*\n.*Greeter/)
    const { code, stdout } = await carillon('call', list, '--agent', 'greeter', '--trunk', 'Second')
    expect(code).toBe(0)
    const made = jsonLines(stdout)[0]
    const [shown] = jsonLines((await carillon('batch', 'show', String(made?.batchId))).stdout)
    expect(shown).toMatchObject({ callerNumber: '+14155550199', agent: { name: 'Greeter' }, trunk: { name: 'Second' } })
  })

  it('makes keys that work until they are revoked', async () => {
    const [made] = jsonLines((await carillon('key', 'add', '--name', 'nightly')).stdout)
    const { token, key } = made as { token: string; key: { id: string } }
    expect((await run(['key', 'list'], { CARILLON_API_KEY: token }).ended).stdout).toContain('nightly')
    expect((await carillon('key', 'revoke', key.id)).code).toBe(0)
    const refused = await run(['key', 'list'], { CARILLON_API_KEY: token }).ended
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('No valid API key was given.')
  })

  it('makes keys for some addresses alone', async () => {
    const add = (...ranges: string[]) =>
      carillon('key', 'add', '--name', 'office', ...ranges.flatMap((range) => ['--allow-from', range]))
    const elsewhere = jsonLines((await add('203.0.113.0/24', '2001:db8::/32')).stdout)[0] as { token: string }
    expect((await run(['key', 'list'], { CARILLON_API_KEY: elsewhere.token }).ended).code).toBe(1)
    const here = jsonLines((await add('127.0.0.0/8', '::1')).stdout)[0] as { token: string }
    const { stdout } = await run(['key', 'list'], { CARILLON_API_KEY: here.token }).ended
    expect(stdout).toContain('"allowedAddresses":["203.0.113.0/24","2001:db8::/32"]')
    const refused = await add('203.0.113.7', 'office')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('allowedAddresses[1] must be an IP address or a range')
  })

  it('keeps an anchor of the audit log, and says when the log is not what it was', async () => {
    const sql = await openConnection(environment.DATABASE_URL!)
    await carillon('key', 'add', '--name', 'noted')
    await sql.query(`UPDATE audit_unsealed SET at = at - interval '10 min'`)
    // The server's housekeeper comes every five seconds.
    await expect.poll(async () => (await carillon('audit', 'anchor')).code, { timeout: 30_000 }).toBe(0)
    const anchor = (await carillon('audit', 'anchor')).stdout.trim()
    expect(anchor).toMatch(/^1:[0-9a-f]{64}$/)
    const whole = await carillon('audit', 'verify', '--anchor', anchor)
    expect(whole.code).toBe(0)
    expect(jsonLines(whole.stdout)[0]).toMatchObject({ seals: 1, lateEntries: 0, fault: null })

    const forge = (action: string) => sql.query('UPDATE audit_entry SET action = $1 WHERE entry_id = 1', [action])
    const action = (await sql.query('SELECT action FROM audit_entry WHERE entry_id = 1')).rows[0].action
    await forge('key.revoked')
    const changed = await carillon('audit', 'verify')
    expect(changed.code).toBe(1)
    expect(jsonLines(changed.stdout)[0]).toMatchObject({ fault: { kind: 'seal-differs', seal: 1 } })
    await forge(action)
    await sql.end()
    expect((await carillon('audit', 'verify', '--anchor', 'nonsense')).stderr).toContain('anchor must be')
  })

  it('doctor sees a database that forgets', async () => {
    const { code, stdout } = await carillon('doctor', '--json')
    const findings = jsonLines(stdout)
    expect(findings.find(({ text }) => String(text).includes('fsync is off'))).toMatchObject({ level: 'bad' })
    expect(findings.find(({ text }) => String(text).includes('The clock here is'))).toMatchObject({ level: 'ok' })
    expect(findings.find(({ text }) => String(text).includes('the organization default'))).toMatchObject({
      level: 'ok',
    })
    expect(code).toBe(1)
  })

  it.each([
    [['bogus'], 'unknown command'],
    [['call'], 'missing required argument'],
    [['call', 'people.csv', '--concurrency', 'many'], 'not a whole number'],
    [['suppress'], 'Give numbers or a file'],
    [['agent', 'list', '--url', 'nowhere'], 'is not an address'],
    [['agent', 'list', '--url', 'https://calls.example.com'], 'No API key is known'],
  ])('%j is not understood', async (args, text) => {
    const { code, stdout, stderr } = await carillon(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(text)
  })

  it('says that no server is there', async () => {
    const { code, stderr } = await carillon('agent', 'list', '--url', 'http://127.0.0.1:1')
    expect(code).toBe(1)
    expect(stderr).toMatch(/No Carillon answers at http:\/\/127.0.0.1:1 .*\n.*carillon start/)
  })
})

it('the demo calls 200 people on a database of its own and proves it, in 80 columns', async () => {
  const demo = await run(['demo'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', PORT: '8080' }).ended
  expect({ code: demo.code, proofs: demo.stdout.match(/^ {2}(yes|NO ) .*$/gm)?.length }).toEqual({ code: 0, proofs: 6 })
  expect(demo.stdout).toMatch(/curl -X POST "http:\/\/127\.0\.0\.1:\d+\/v1\/api\/batch-calls"/)
  expect(demo.stdout).toContain('all 200 people have an outcome')
  expect(demo.stdout).toContain('nobody was called twice')
  expect(demo.stdout).toContain("the network's own log: asked 200 times, to call 200 numbers")
  expect(demo.stdout).not.toMatch(/ NO {2}/)
  expect(Math.max(...demo.stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80)
  const results = /^ {2}(\S+results\.csv)$/m.exec(demo.stdout)?.[1] ?? ''
  expect(fs.readFileSync(results, 'utf8').trimEnd().split('\n')).toHaveLength(201)
  expect(fs.readdirSync(path.dirname(results)).sort()).toEqual(['network.jsonl', 'people.csv', 'results.csv'])
  fs.rmSync(path.dirname(results), { recursive: true })
})

it('a start on a port that is taken makes nothing whose key would be lost', async () => {
  const data = path.join(folder, 'never')
  const { code, stderr } = await run(['start'], { PORT: new URL(url).port, CARILLON_DATA_DIR: data }).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/^carillon: The port \d+ is in use by another program\.\n {2}Set PORT /)
  expect(fs.existsSync(data)).toBe(false)
})
