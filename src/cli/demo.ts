import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { readJudgeLog } from '../carriers/loopback/judge-log.ts'
import { type LoopbackServer, startLoopbackServer } from '../carriers/loopback/listen.ts'
import { systemClock } from '../clock.ts'
import { type Config, loadConfig } from '../config.ts'
import { createLogger } from '../logger.ts'
import { type RunningServer, startServer } from '../main.ts'
import { ApiClient } from './api-client.ts'
import type { BatchDocument } from './api-types.ts'
import { CliError, EXIT, type ExitCode } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { DEMO_WORDS, type DemoPerson, demoPeople, peopleCsv } from './demo-people.ts'
import {
  exampleLines,
  networkProof,
  type Proof,
  proofLines,
  proofsOf,
  type RecipientDocument,
  rowsOfResults,
  stopProof,
  tookText,
} from './demo-report.ts'
import { listenForInterrupt } from './interrupt.ts'
import { saveResults } from './save-results.ts'
import { summaryLines } from './summary.ts'
import { watchBatch } from './watch-batch.ts'

const SPEED = 10
const LINES = 40
const CALLS_PER_SECOND = 12
const AGENT = 'reminder'
/** A demo that takes longer than this has stalled. */
const LONGEST_MS = 120_000

/** The main job from end to end, on a telephone network that rings nobody. Ends by itself within a minute. */
export async function demo(context: CliContext): Promise<ExitCode> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-demo-'))
  const interrupt = listenForInterrupt()
  const patience = AbortSignal.timeout(LONGEST_MS)
  let server: RunningServer | undefined
  let network: LoopbackServer | undefined
  try {
    introduce(context)
    const secret = randomBytes(18).toString('base64url')
    const logFile = path.join(folder, 'network.jsonl')
    network = await startLoopbackServer({ port: 0, secret, clock: systemClock, speed: SPEED, logFile })
    server = await startDemoServer(folder, context)
    const stop = AbortSignal.any([interrupt.signal, patience])
    const exitCode = await run({ server, network: { url: network.url, secret, logFile }, folder, context, stop })
    if (exitCode !== EXIT.interrupted || interrupt.signal.aborted) return exitCode
    throw new CliError(`The demo was not through after ${LONGEST_MS / 1000} s.`, {
      remedy: 'Try again with CARILLON_LOG_LEVEL=info to see what the server does.',
    })
  } finally {
    interrupt.release()
    await server?.stop()
    await network?.close()
    fs.rmSync(path.join(folder, 'data'), { recursive: true, force: true })
  }
}

interface Demo {
  readonly server: RunningServer
  /** The simulated telephone network stands outside of the server and writes down what it is asked to do. */
  readonly network: { readonly url: string; readonly secret: string; readonly logFile: string }
  readonly folder: string
  readonly context: CliContext
  /** Aborted by Ctrl-C, or when it takes too long. */
  readonly stop: AbortSignal
}

async function run(demo: Demo): Promise<ExitCode> {
  const { server, folder, context, stop } = demo
  const { terminal } = context
  const { first } = server
  if (first.apiKey === null || first.trunkId === null) throw new CliError('The new server made no first key.')
  const client = new ApiClient({ url: server.url, key: first.apiKey.token })
  await prepare(client, first.trunkId, demo)
  const people = demoPeople()
  const list = path.join(folder, 'people.csv')
  fs.writeFileSync(list, peopleCsv(people))
  showList(people, list, context)
  await upload(demo, list)
  terminal.line()
  // Made in one dialect, read in another: here it goes by its native id.
  const [made] = (await client.get<{ items: readonly BatchDocument[] }>('/batches', { limit: 1 })).items
  if (made === undefined) throw new CliError('The list was taken and is not there.')
  const { batch, interrupted } = await watchBatch({
    client,
    batchId: made.id,
    terminal,
    interrupt: stop,
    plain: 'text',
  })
  if (interrupted || batch === undefined) {
    terminal.note('The demo was ended; nobody was really called.')
    return EXIT.interrupted
  }
  return report({ client, batch, people, demo })
}

function introduce({ terminal }: CliContext): void {
  const { paint } = terminal.style
  terminal.line(paint.bold('Carillon calls a list of people, everyone once, and knows how each call ended.'))
  terminal.line(paint.dim('This demo runs the real server and database on a simulated telephone network.'))
  terminal.line(paint.dim('No telephone rings anywhere.'))
  terminal.line()
}

async function startDemoServer(folder: string, { terminal, environment }: CliContext): Promise<RunningServer> {
  const startedMs = systemClock.monotonicMs()
  // PostgreSQL runs as a user of its own when this is root, and has to get through the folder.
  fs.chmodSync(folder, 0o711)
  const dataFolder = path.join(folder, 'data')
  const config: Config = {
    ...loadConfig(settingsOf(environment)),
    port: 0,
    host: '127.0.0.1',
    dataFolder,
    // The simulated network runs beside it.
    allowPrivateTargets: ['127.0.0.0/8'],
  }
  const server = await startServer(config, createLogger({ level: config.logLevel, destination: process.stderr }))
  const took = tookText((systemClock.monotonicMs() - startedMs) / 1000)
  terminal.line(`A server with its own PostgreSQL runs at ${server.url} (in ${took})`)
  return server
}

/** None of what is set for the server of this machine, so that the demo never touches it. */
function settingsOf(environment: CliContext['environment']): Record<string, string | undefined> {
  return { CARILLON_LOG_LEVEL: environment.CARILLON_LOG_LEVEL ?? 'silent' }
}

async function prepare(client: ApiClient, trunkId: string, { network }: Demo): Promise<void> {
  await client.patch(`/trunks/${trunkId}`, {
    settings: { url: network.url, secret: network.secret },
    concurrency: LINES,
    callsPerSecond: CALLS_PER_SECOND,
  })
  await client.post('/agents', {
    name: 'Appointment reminder',
    kind: 'announcement',
    settings: { text: DEMO_WORDS, waitForKeySeconds: 6, stopKey: '9' },
    aliases: [AGENT],
  })
}

function showList(people: readonly DemoPerson[], file: string, { terminal }: CliContext): void {
  const { paint } = terminal.style
  const [header = '', ...rows] = peopleCsv(people.slice(0, 2)).trimEnd().split('\n')
  terminal.line(`A list of ${people.length} people: ${file}`)
  terminal.line(paint.dim(`  ${header}`))
  for (const row of rows) terminal.line(paint.dim(`  ${row}`))
  terminal.line(paint.dim('  ...'))
  terminal.line()
}

/** The way a client of Trillet does it: only the address is another one. */
async function upload({ server, context }: Demo, list: string): Promise<void> {
  const { terminal } = context
  const { paint } = terminal.style
  const apiKey = server.first.apiKey?.token ?? ''
  const workspaceId = server.first.organizationId ?? ''
  const address = `${server.url}/v1/api/batch-calls`
  terminal.line("Uploaded as Trillet's clients do; only the address is ours:")
  const command = [
    `KEY=${apiKey}`,
    `curl -X POST "${address}" \\`,
    `  -H "x-api-key: $KEY" \\`,
    `  -H "x-workspace-id: ${workspaceId}" \\`,
    `  -F "file=@${list}" \\`,
    `  -F "agentId=${AGENT}"`,
  ]
  for (const line of command) terminal.line(`  ${paint.cyan(line)}`)
  const form = new FormData()
  form.append('file', new Blob([fs.readFileSync(list)], { type: 'text/csv' }), 'people.csv')
  form.append('agentId', AGENT)
  const headers = { 'x-api-key': apiKey, 'x-workspace-id': workspaceId }
  const response = await fetch(address, { method: 'POST', headers, body: form })
  const answer = (await response.json()) as Readonly<Record<string, unknown>>
  if (!response.ok) {
    throw new CliError(`The upload was answered ${response.status}: ${JSON.stringify(answer)}`)
  }
  for (const name of ['batchId', 'totalCalls', 'status', 'message']) {
    terminal.line(paint.dim(`  ${name}: ${String(answer[name])}`))
  }
}

interface Reporting {
  readonly client: ApiClient
  readonly batch: BatchDocument
  readonly people: readonly DemoPerson[]
  readonly demo: Demo
}

async function report({ client, batch, people, demo }: Reporting): Promise<ExitCode> {
  const { terminal } = demo.context
  const { style } = terminal
  const heading = (text: string): void => terminal.line(`\n${style.paint.bold(text)}`)
  const recipients = await client.list<RecipientDocument>(`/batches/${batch.id}/recipients`, { limit: 1000 })
  heading('How it went')
  for (const line of summaryLines(batch.figures, style)) terminal.line(line)
  heading('Some of the calls')
  for (const line of await exampleLines(client, recipients, { batchId: batch.id, style })) terminal.line(line)
  const results = await saveResults(client, {
    batchId: batch.id,
    kind: 'csv',
    file: path.join(demo.folder, 'results.csv'),
  })
  heading('Is it true?')
  const rows = rowsOfResults(fs.readFileSync(results, 'utf8'))
  const witnessed = await readJudgeLog(demo.network.logFile)
  const suppressed = await client.list<{ number: string }>('/suppressions', { limit: 1000 })
  const proofs: Proof[] = [
    ...proofsOf(batch, rows, people),
    networkProof(witnessed, people.length),
    stopProof(recipients, suppressed),
  ]
  for (const line of proofLines(proofs, style)) terminal.line(line)
  heading('What is left')
  terminal.line(`  ${results}`)
  terminal.line(style.paint.dim("  Everyone and their outcome. Beside it: the list, and the network's own log."))
  heading('What next')
  for (const [command, meaning] of NEXT) terminal.line(`  ${command.padEnd(33)} ${style.paint.dim(meaning)}`)
  return proofs.every(({ holds }) => holds) ? EXIT.ok : EXIT.failed
}

const NEXT = [
  ['npm start', 'a server of your own, on port 8080'],
  ['npx carillon call people.csv', 'your list, simulated until there is a trunk'],
  ['npx carillon trunk add --help', 'a real carrier'],
  ['npx carillon doctor', 'what is well and what is not'],
] as const
