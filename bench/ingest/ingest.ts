import fs from 'node:fs'
import path from 'node:path'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say, sayTable } from '../support/progress.ts'
import type { ResourceUse } from '../support/resource-watch.ts'
import { type DatabaseUnderTest, type ServerUnderTest, startServerUnderTest } from '../support/server-under-test.ts'
import { median, round } from '../support/statistics.ts'
import { startWorker, type Worker } from '../support/workers.ts'
import { COUNTRIES, makeCsvFile } from './csv-file.ts'

const MEBIBYTE = 1_048_576
/** Code of `invalid-number` and `duplicate` in batch_state's columns. */

interface IngestResult extends ResourceUse {
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly postgresCpuSeconds: number
  /** Rows with a telephone number that exists and was not there before. */
  readonly valid: number
}

/**
 * A whole file through the API of a started server: from the first byte sent to the answer that the batch exists. Beside
 * it what one would write with the usual libraries, without HTTP, into the same PostgreSQL.
 */
export async function benchIngest(options: BenchOptions): Promise<void> {
  const server = await startServerUnderTest({ parentFolder: options.folder, settings: options.postgresSettings })
  try {
    const machine = describeMachine(server.folder)
    const rounds = options.rounds ?? (options.quick ? 1 : 3)
    const { file, rows } = makeCsvFile((options.quick ? 2 : 20) * MEBIBYTE)
    say(`A file of ${round(file.length / MEBIBYTE, 1)} MiB with ${rows.toLocaleString('en')} rows`)
    const ours: IngestResult[] = []
    const usual: IngestResult[] = []
    const broken: string[] = []
    for (let turn = 1; turn <= rounds; turn++) {
      ours.push(await ingestByApi(server, { file, rows, broken, options }))
      usual.push(await ingestByUsualStack(server, { file, rows }))
      say(`round ${turn}: Carillon ${ours.at(-1)!.seconds} s, usual stack ${usual.at(-1)!.seconds} s`)
      if (ours.at(-1)!.valid !== usual.at(-1)!.valid) {
        say(`note: Carillon takes ${ours.at(-1)!.valid} numbers for valid, libphonenumber-js ${usual.at(-1)!.valid}`)
      }
    }
    const results = { carillon: middle(ours), usualStack: middle(usual) }
    print(results)
    const sizes = { fileBytes: file.length, rows, rounds }
    conclude({ bench: 'ingest', machine, postgres: server.version, sizes, ...results, broken }, options.save)
  } finally {
    await server.stop()
  }
}

interface First {
  readonly url: string
  readonly apiKey: { readonly token: string } | null
}

async function ingestByApi(
  server: ServerUnderTest,
  task: { file: Buffer; rows: number; broken: string[]; options: BenchOptions },
): Promise<IngestResult> {
  const database = await server.database({ migrated: false })
  let worker: Worker | undefined
  try {
    const logFile = path.join(server.folder, 'ingest.log')
    worker = await startWorker({
      program: new URL('./node.ts', import.meta.url),
      args: [JSON.stringify({ databaseUrl: database.url, name: 'bench', logFile })],
      nodeFlags: ['--expose-gc', ...task.options.nodeFlags],
      ...(task.options.runtime === undefined ? {} : { runtime: task.options.runtime }),
    })
    const first = await worker.ask<First>('first')
    await database.client.query('UPDATE organization SET allowed_countries = $1', [COUNTRIES])
    // The code is warm on a server that runs; a small file before the measured one sees to that.
    await upload(first, makeCsvFile(MEBIBYTE / 2).file, 'warm up')
    await database.client.query('CHECKPOINT')
    const postgresBefore = server.cpuSeconds()
    await worker.ask('watch')
    const from = performance.now()
    await upload(first, task.file, 'measured')
    const seconds = (performance.now() - from) / 1000
    const used = await worker.ask<ResourceUse>('used')
    const postgresCpuSeconds = round(server.cpuSeconds() - postgresBefore, 2)
    const valid = await countStored(database, task)
    return {
      seconds: round(seconds, 2),
      rowsPerSecond: round(task.rows / seconds),
      ...used,
      postgresCpuSeconds,
      valid,
    }
  } finally {
    await worker?.stop()
    await database.drop()
  }
}

async function upload({ url, apiKey }: First, file: Buffer, name: string): Promise<void> {
  const form = new FormData()
  form.set('name', name)
  form.set('agent', 'announcement')
  // Far away, so that nothing is dialled while it is measured.
  form.set('startAt', new Date(Date.now() + 86_400_000).toISOString())
  form.set('file', new Blob([file], { type: 'text/csv' }), 'people.csv')
  const headers = { authorization: `Bearer ${apiKey!.token}` }
  const answer = await fetch(`${url}/carillon/v1/batches`, { method: 'POST', body: form, headers })
  if (answer.status !== 201) throw new Error(`The file was answered with ${answer.status}: ${await answer.text()}`)
}

/** Every row of the file is a recipient, dialled or not, or a rejected row. Returns how many have a number of their own. */
async function countStored({ client }: DatabaseUnderTest, task: { rows: number; broken: string[] }): Promise<number> {
  const { rows } = await client.query(
    `SELECT s.total, s.invalid_number, s.duplicate, b.rejected_rows,
       (SELECT count(*)::int FROM recipient r WHERE (r.organization_id, r.batch_id) = (b.organization_id, b.batch_id)) AS stored
     FROM batch b JOIN batch_state s USING (organization_id, batch_id) WHERE b.name = 'measured'`,
  )
  const { total, stored, invalid_number: invalid, duplicate, rejected_rows: rejected } = rows[0]
  if (total + rejected !== task.rows) {
    task.broken.push(`${total} recipients and ${rejected} rejected rows, and the file has ${task.rows} rows`)
  }
  if (stored !== total) task.broken.push(`${stored} recipients are stored, ${total} are counted`)
  return total - invalid - duplicate
}

async function ingestByUsualStack(
  server: ServerUnderTest,
  task: { file: Buffer; rows: number },
): Promise<IngestResult> {
  const database = await server.database({ migrated: false })
  const file = path.join(server.folder, 'people.csv')
  fs.writeFileSync(file, task.file)
  let worker: Worker | undefined
  try {
    worker = await startWorker({
      program: new URL('./usual-stack.ts', import.meta.url),
      args: [JSON.stringify({ databaseUrl: database.url, file })],
      nodeFlags: ['--expose-gc'],
    })
    await database.client.query('CHECKPOINT')
    const postgresBefore = server.cpuSeconds()
    const from = performance.now()
    const {
      stored,
      refused: _refused,
      ...used
    } = await worker.ask<ResourceUse & { stored: number; refused: number }>('import')
    const seconds = (performance.now() - from) / 1000
    const postgresCpuSeconds = round(server.cpuSeconds() - postgresBefore, 2)
    const rowsPerSecond = round(task.rows / seconds)
    return { seconds: round(seconds, 2), rowsPerSecond, ...used, postgresCpuSeconds, valid: stored }
  } finally {
    await worker?.stop()
    await database.drop()
  }
}

function middle(results: readonly IngestResult[]): IngestResult {
  const of = (key: keyof IngestResult, digits: number) => round(median(results.map((result) => result[key])), digits)
  return {
    seconds: of('seconds', 2),
    rowsPerSecond: of('rowsPerSecond', 0),
    cpuSeconds: of('cpuSeconds', 2),
    postgresCpuSeconds: of('postgresCpuSeconds', 2),
    rssGrowthMb: of('rssGrowthMb', 0),
    longestBlockMs: of('longestBlockMs', 1),
    valid: of('valid', 0),
  }
}

function print(results: { carillon: IngestResult; usualStack: IngestResult }): void {
  const row = (label: string, each: IngestResult) => [
    label,
    each.seconds,
    each.rowsPerSecond,
    each.cpuSeconds,
    each.postgresCpuSeconds,
    each.rssGrowthMb,
    each.longestBlockMs,
    each.valid,
  ]
  sayTable([
    ['', 'seconds', 'rows/s', 'Node CPU s', 'PostgreSQL CPU s', 'RSS growth MiB', 'longest block ms', 'valid'],
    row('Carillon, through its API', results.carillon),
    row('csv-parse + libphonenumber-js + INSERT', results.usualStack),
  ])
}
