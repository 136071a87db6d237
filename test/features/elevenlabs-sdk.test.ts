import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AGENT, API_KEY, type ElevenLabsServer, NUMBER, startElevenLabsServer } from '../elevenlabs-server.ts'

/** A folder of its own, so that nobody who installs the product gets the client of another one. */
const CLIENT_FOLDER = path.resolve('tools/elevenlabs-js/package.json')
const installed = fs.existsSync(path.resolve('tools/elevenlabs-js/node_modules/@elevenlabs/elevenlabs-js'))
if (!installed) console.warn('The vendor client is not installed (npm ci --prefix tools/elevenlabs-js): it is not run.')
const BLOCK = '09'

describe.skipIf(!installed)("the vendor's own client", () => {
  let server: ElevenLabsServer
  beforeAll(async () => {
    server = await startElevenLabsServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
  })
  afterAll(() => server.close())

  it('makes, follows, lists, retries, cancels and deletes batches, and verifies what it is told, unchanged', async () => {
    const env = { ...process.env, CLIENT_FOLDER, BASE_URL: server.url, API_KEY, AGENT, NUMBER, BLOCK }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-client-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
    const program = path.join(folder, 'client.mjs')
    fs.copyFileSync(path.resolve('test/clients/elevenlabs-js.mjs.txt'), program)
    const { stdout } = await promisify(execFile)('node', [program], { env, timeout: 100_000, maxBuffer: 8_388_608 })
    const seen = JSON.parse(stdout)
    console.log(JSON.stringify(seen, null, 1))
  })
})
