import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDeviations } from '../deviations.ts'
import { API_KEY, startTrilletServer, type TrilletServer, WORKSPACE_ID } from '../trillet-server.ts'

/**
 * The samples that the product's page prints are run as they are; only host and credentials are replaced. The answer
 * is held against the printed one, and every difference must stand in docs/reference/deviations.md.
 */

const run = promisify(execFile)
const PRINTED = JSON.parse(
  fs.readFileSync(
    new URL('../../src/dialects/trillet/fixtures/start-batch-calls.answer.json', import.meta.url),
    'utf8',
  ),
) as Record<string, unknown>
const ROWS = 150
/** Where the printed Node.js sample finds its packages, when they are installed. */
const NODE_PATH = [path.resolve('node_modules'), process.env.NODE_PATH ?? ''].join(path.delimiter)

let server: TrilletServer
let folder: string

beforeAll(async () => {
  server = await startTrilletServer()
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-samples-'))
  const rows = Array.from(
    { length: ROWS },
    (_, at) => `+1415555${String(at).padStart(4, '0')},Ada,Byron,a${at}@example.com,gold`,
  )
  const file = `phone_number,first_name,last_name,email,plan\n${rows.join('\n')}\n`
  fs.writeFileSync(path.join(folder, 'batch-calls.csv'), file)
})
afterAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true })
  await server.close()
})

function sampleOf(name: string): string {
  const text = fs.readFileSync(new URL(`../clients/${name}`, import.meta.url), 'utf8')
  return text
    .replaceAll('https://api.trillet.ai', server.baseUrl)
    .replaceAll('YOUR_API_KEY', API_KEY)
    .replaceAll('YOUR_WORKSPACE_ID', WORKSPACE_ID)
}

/** What a program printed, run in the folder that has the file. */
async function printedBy(command: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(command, [...args], { cwd: folder, env: { ...process.env, NODE_PATH } })
  // Python prints a dict in its own way.
  const json = stdout.trim().startsWith("{'") ? stdout.replaceAll("'", '"').replaceAll('None', 'null') : stdout
  return JSON.parse(json) as Record<string, unknown>
}

async function runSample(name: string, command: string): Promise<Record<string, unknown>> {
  const file = path.join(folder, name.replace(/\.txt$/, ''))
  fs.writeFileSync(file, sampleOf(name))
  return printedBy(command, [file])
}

function expectPrintedAnswer(answer: Record<string, unknown>): void {
  const deviations = readDeviations('Trillet').filter((entry) => entry.answer === 'POST /v1/api/batch-calls 200')
  const added = deviations.filter(({ difference }) => difference === 'added').map(({ key }) => key)
  const otherwise = new Map(
    deviations.filter(({ difference }) => difference === 'value').map((entry) => [entry.key, entry.sent!]),
  )
  // In both directions: what is sent and not listed, and what is listed and not sent.
  expect(Object.keys(answer).sort()).toEqual([...Object.keys(PRINTED), ...added].sort())
  for (const [key, value] of Object.entries(PRINTED)) {
    expect(typeof answer[key]).toBe(typeof value)
    const pattern = otherwise.get(key)
    if (pattern === undefined) expect(answer[key]).toBe(value)
    else {
      expect(answer[key]).not.toBe(value)
      expect(answer[key]).toMatch(new RegExp(pattern))
    }
  }
}

const CURLS = [
  'Basic batch call',
  'Scheduled batch call with smart callback',
  'With verbose output for debugging',
  'With scheduled time and smart callback',
]

describe('curl', () => {
  it.each(CURLS)('%s', async (title) => {
    const commands = sampleOf('trillet-curl.sh').split(/^# /m)
    const command = commands.find((text) => text.startsWith(`${title}\n`))!.slice(title.length)
    expectPrintedAnswer(await printedBy('bash', ['-c', command]))
  })

  it('runs every command of the page', () => {
    expect(sampleOf('trillet-curl.sh').match(/^# .*/gm)).toEqual(CURLS.map((title) => `# ${title}`))
  })

  it('is told about a file of one byte too many', async () => {
    fs.writeFileSync(
      path.join(folder, 'large.csv'),
      Buffer.concat([fs.readFileSync(path.join(folder, 'batch-calls.csv')), Buffer.alloc(20 * 1_048_576, '\n')]),
    )
    const headers = ['-H', `x-api-key: ${API_KEY}`, '-H', `x-workspace-id: ${WORKSPACE_ID}`]
    const form = ['-F', 'file=@large.csv', '-F', 'agentId=agent_123456']
    const answer = await run(
      'curl',
      ['-s', '-w', ' %{http_code}', ...headers, ...form, `${server.baseUrl}/v1/api/batch-calls`],
      { cwd: folder },
    )
    expect(answer.stdout).toMatch(/^\{"error":"File size exceeds 20MB limit",.*\} 413$/)
  })
})

/** The printed samples need packages that are not the project's; where they are missing, the stand-in runs alone. */
async function has(probe: () => unknown): Promise<boolean> {
  try {
    await probe()
    return true
  } catch {
    return false
  }
}

const programs: [string, string][] = [
  ['trillet-fetch.mjs', process.execPath],
  ['trillet-urllib.py', 'python3'],
]
const { resolve } = createRequire(import.meta.url)
if (await has(() => [resolve('axios'), resolve('form-data')]))
  programs.push(['trillet-axios.cjs.txt', process.execPath])
if (await has(() => run('python3', ['-c', 'import requests']))) programs.push(['trillet-requests.py', 'python3'])

describe('programs', () => {
  it.each(programs)('%s', async (name, command) => {
    expectPrintedAnswer(await runSample(name, command))
  })
})

it('stores the retries and the dynamic variables of the samples', async () => {
  const { rows } = await server.pool.query(
    'SELECT retry_policy, columns, dialect FROM batch ORDER BY batch_id DESC LIMIT 1',
  )
  const rule = { gapsSeconds: [86_400] }
  expect(rows[0].dialect).toBe('trillet')
  expect(rows[0].columns).toEqual(['phone_number', 'first_name', 'last_name', 'email', 'plan'])
  expect(rows[0].retry_policy).toEqual({ maxAttempts: 3, rules: { busy: rule, failed: rule, 'no-answer': rule } })
})
