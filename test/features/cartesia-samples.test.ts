import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  AGENT,
  API_KEY,
  type CartesiaServer,
  FIRST_VERSION,
  NUMBER,
  numberEndingIn,
  startCartesiaServer,
} from '../cartesia-server.ts'

/** The sample that the product's page prints is run as it is; host, credentials, placeholders and the date are replaced. */
const run = promisify(execFile)
const SAMPLE = fs.readFileSync(new URL('../clients/cartesia-curl.sh', import.meta.url), 'utf8')
let server: CartesiaServer

beforeAll(async () => {
  server = await startCartesiaServer()
})
afterAll(() => server.close())

const sampleAt = (scheduledAt: string) =>
  SAMPLE.replace('https://api.cartesia.ai', server.url)
    .replace('<token>', API_KEY)
    .replace('<cartesia-version>', FIRST_VERSION)
    .replace('"agent_id": "<string>"', `"agent_id": "${AGENT}"`)
    .replace('"from_number_id": "<string>"', `"from_number_id": "${NUMBER}"`)
    .replace('"to_number": "<string>"', `"to_number": "${numberEndingIn('10')}"`)
    .replace('2023-11-07T05:31:56Z', scheduledAt)
const printedBy = async (sample: string) => JSON.parse((await run('bash', ['-c', sample])).stdout)

it('curl makes a batch that is really dialled, and the printed date is refused', async () => {
  const past = await printedBy(sampleAt('2023-11-07T05:31:56Z'))
  expect(past).toMatchObject({ title: 'Bad Request', message: expect.stringContaining('scheduled_at') })
  const made = await printedBy(sampleAt(new Date(Date.now() + 1_500).toISOString()))
  expect(made).toMatchObject({ id: expect.stringMatching(/^acb_/), status: 'pending', target_concurrency_limit: 2 })
  const done = await server.until(`/agents/calls/batches/${made.id}`, (batch) => batch.total_calls_finished === 1)
  expect(done).toMatchObject({ status: 'completed', recipients: [{ status: 'completed', metadata: {} }] })
})
