// A list of people goes through the curl of a client to a SIP trunk that is sipp. What sipp wrote down is the judge: every
// attempt is one Call-ID and every Call-ID one attempt, everyone was called as often as the configuration says, outcomes
// and figures agree, and whoever answered heard their own announcement. Needs sipp and curl.
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { carrierKind } from '../src/carriers/registry.ts'
import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { startServer } from '../src/main.ts'
import type { Prompt } from '../src/media/prompt.ts'
import type { Voices } from '../src/voices/voices.ts'
import { readCommandLine } from '../test/command-line.ts'
import { startSipp } from '../test/sip/sipp.ts'
import { toneVoices } from '../test/sip/trunk-bench.ts'
import { judge, type Report } from './sip/judge.ts'
import { codeOf, exchangeScenario, type Person, peopleOf } from './sip/people.ts'
import { type Recorder, startRecorder } from './sip/recorder.ts'

const COUNT = 180
const KEY = 'key-of-a-client-0123456789abcdef'
const AGENT = 'agent_123456'
const CALLER = '+14155550100'
/** With `--installed-voice` the product's own voices speak, and say hardly more than a name and a code: by those texts differ. */
const { 'installed-voice': installedVoice } = readCommandLine(
  {
    name: 'npm run verify:sip --',
    does: `Sends a list through the curl of a client to a SIP trunk that is sipp, whose log judges: who was called how often, how it
ended, and what was heard. Needs sipp and curl.`,
  },
  { 'installed-voice': { type: 'boolean', default: false, means: "the product's own voices speak, not tones" } },
)
const TEXT = installedVoice
  ? '{code}. {first_name}. {code}!'
  : 'Hello {first_name}, this is the city library. Your book is ready.'
const RETRIES = '{"enabled":true,"maxAttempts":2,"gaps":[{"days":0,"hours":0.001}]}'

const folder = mkdtempSync(path.join(tmpdir(), 'carillon-verify-sip-'))
// PostgreSQL's own user must be able to pass through.
chmodSync(folder, 0o711)
const prompts = new Map<string, Prompt>()
const sounds = toneVoices(1.5)
/** Voices that keep what they made, so that it can be compared with what was heard. */
function keeping(voices: Voices): Voices {
  return {
    async prepare(request, withinMs) {
      const prompt = await voices.prepare(request, withinMs)
      prompts.set(request.text, prompt)
      return prompt
    },
  }
}

const recorder = await startRecorder()
const sipp = await startSipp({
  scenario: exchangeScenario(),
  arguments: ['-key', 'ear', String(recorder.port), '-l', '500'],
})
const server = await startServer(
  loadConfig({
    PORT: '0',
    PATH: process.env.PATH,
    CARILLON_DATA_DIR: path.join(folder, 'data'),
    CARILLON_BOOTSTRAP_API_KEY: KEY,
    CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8',
    CARILLON_SIP_ADDRESSES: '127.0.0.1',
    CARILLON_MEDIA_PORTS: '24000-29999',
  }),
  createLogger({ level: process.env.VERIFY_LOG ?? 'error' }),
  { carrierKind: withVoices },
)
let report: Report
try {
  report = await run(peopleOf(COUNT), recorder)
} finally {
  await server.stop()
  await sipp.stop()
  recorder.close()
  rmSync(folder, { recursive: true, force: true })
}
for (const line of report.lines) console.log(line)
for (const fault of report.faults) console.log(`WRONG  ${fault}`)
console.log(report.faults.length === 0 ? 'verify:sip passed' : `verify:sip FAILED: ${report.faults.length} faults`)
process.exit(report.faults.length === 0 ? 0 : 1)

function withVoices(name: string) {
  const kind = carrierKind(name)
  if (kind === undefined || name !== 'sip') return kind
  return {
    ...kind,
    // A voice that makes each text unmistakable, unless the real ones are to be heard.
    open: (settings: unknown, context: Parameters<typeof kind.open>[1]) =>
      kind.open(settings, { ...context, voices: keeping(installedVoice ? context.voices : sounds) }),
  }
}

async function run(people: readonly Person[], ear: Recorder): Promise<Report> {
  const organization = await prepareTrunk()
  const startedAt = performance.now()
  const batchId = await upload(people, organization)
  const batch = await completed(batchId)
  const seconds = (performance.now() - startedAt) / 1000
  const recipients = await allRecipients(batchId)
  const details = []
  for (const { id } of recipients) {
    const { recipient, attempts } = await api(`/batches/${batchId}/recipients/${id}`)
    // Of what was not sent, because the voice took too long, the peer must know nothing: its Call-ID would be a stranger.
    const sent = attempts.filter(({ disposition }: { disposition: string }) => disposition !== 'not-sent')
    details.push({ to: recipient.number, outcome: recipient.outcome, attempts: sent })
  }
  return judge({ people, batch, details, messages: sipp.messages(), recorder: ear, prompts, seconds, text: TEXT })
}

async function prepareTrunk(): Promise<string> {
  const me = await api('/me')
  const settings = { host: '127.0.0.1', port: sipp.port, probe: false }
  const trunk = await api('/trunks', {
    name: 'exchange',
    carrier: 'sip',
    settings,
    concurrency: 60,
    callsPerSecond: 40,
  })
  await api('/numbers', { number: CALLER, trunkId: trunk.id })
  const announcement = { text: TEXT, waitForKeySeconds: 0 }
  await api('/agents', {
    name: 'library',
    kind: 'announcement',
    settings: announcement,
    defaultNumber: CALLER,
    aliases: [AGENT],
  })
  return me.organization.id
}

async function upload(people: readonly Person[], organization: string): Promise<string> {
  const file = path.join(folder, 'batch-calls.csv')
  writeFileSync(
    file,
    ['phone,first_name,code', ...people.map((person) => `${person.number},${person.name},${codeOf(person)}`)].join(
      '\n',
    ),
  )
  const form = ['-F', `file=@${file}`, '-F', `agentId=${AGENT}`, '-F', `smartCallbackConfig=${RETRIES}`]
  const headers = ['-H', `x-api-key: ${KEY}`, '-H', `x-workspace-id: ${organization}`]
  const { stdout } = await promisify(execFile)('curl', [
    '-sS',
    '-X',
    'POST',
    `${server.url}/v1/api/batch-calls`,
    ...headers,
    ...form,
  ])
  const answer = JSON.parse(stdout)
  if (answer.totalCalls !== people.length) throw new Error(`The upload was answered with ${stdout}`)
  const { items } = await api('/batches')
  return items[0].id
}

async function completed(batchId: string) {
  for (;;) {
    const batch = await api(`/batches/${batchId}`)
    if (batch.status === 'completed') return batch
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

async function allRecipients(batchId: string): Promise<{ id: string }[]> {
  const all = []
  let cursor = ''
  for (;;) {
    const page = await api(`/batches/${batchId}/recipients?limit=100${cursor}`)
    all.push(...page.items)
    if (!page.nextCursor) return all
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers of the HTTP API, looked at field by field
async function api(where: string, body?: object): Promise<any> {
  const response = await fetch(`${server.url}/carillon/v1${where}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`)
  return response.json()
}
