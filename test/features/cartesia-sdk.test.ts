import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AGENT, API_KEY, type CartesiaServer, NUMBER, startCartesiaServer } from '../cartesia-server.ts'

/** A folder of its own, so that nobody who installs the product gets the client of another one. */
const CLIENT_FOLDER = path.resolve('tools/cartesia-js/package.json')
const installed = fs.existsSync(path.resolve('tools/cartesia-js/node_modules/@cartesia/cartesia-js'))
if (!installed) console.warn('The vendor client is not installed (npm ci --prefix tools/cartesia-js): it is not run.')

describe.skipIf(!installed)("the vendor's own client", () => {
  let server: CartesiaServer
  beforeAll(async () => {
    server = await startCartesiaServer()
  })
  afterAll(() => server.close())

  it('makes, follows, lists, retries and cancels batches, unchanged', async () => {
    const env = { ...process.env, CLIENT_FOLDER, BASE_URL: server.url, API_KEY, AGENT, NUMBER }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-client-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
    const program = path.join(folder, 'client.mjs')
    fs.copyFileSync(path.resolve('test/clients/cartesia-js.mjs.txt'), program)
    const { stdout } = await promisify(execFile)('node', [program], { env, timeout: 90_000 })
    const seen = JSON.parse(stdout)
    expect(seen.made).toMatchObject({ name: 'from the client', total_calls_scheduled: 3 })
    expect(seen.first).toMatchObject({
      status: 'completed',
      recipients: [{ status: 'completed' }, { status: 'failed' }, {}],
    })
    expect(seen.retried.retry_count).toBe(1)
    expect(seen.second.recipients[1].agent_call_id).not.toBe(seen.first.recipients[1].agent_call_id)
    expect(seen.listed).toHaveLength(5)
    expect(new Set(seen.listed).size).toBe(5)
    expect(seen.listed.at(-1)).toBe(seen.made.id)
    expect(new Set(seen.calls).size).toBe(4)
    expect(seen.one.id).toBe(seen.calls[0])
    expect(seen.cancelled.status).toBe('completed')
    expect(seen.missing).toEqual({ name: 'NotFoundError', status: 404 })
    expect(seen.refused).toMatchObject({ name: 'BadRequestError', message: expect.stringContaining('recipients') })
  })
})
