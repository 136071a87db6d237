import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AGENT, API_KEY, type ElevenLabsServer, NUMBER, startElevenLabsServer } from '../elevenlabs-server.ts'
import type { Body } from '../product-server.ts'

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
    const statuses = ({ recipients }: Body) => recipients.map((each: Body) => [each.id, each.status])
    const conversationOf = ({ recipients }: Body, at: number) => recipients[at].conversationId

    expect(seen.made).toMatchObject({
      name: 'from the client',
      agentId: AGENT,
      phoneNumberId: NUMBER,
      timezone: 'America/New_York',
      totalCallsScheduled: 4,
    })
    const ended = [
      ['person-0', 'completed'],
      ['person-1', 'failed'],
      ['person-2', 'completed'],
      ['person-3', 'voicemail'],
    ]
    expect(statuses(seen.first)).toEqual(ended)
    expect(seen.retried).toMatchObject({ status: 'in_progress', retryCount: 1, totalCallsFinished: 3 })
    expect(statuses(seen.second)).toEqual(ended)
    // Only whoever was not reached was called again.
    expect([0, 1, 2, 3].map((at) => conversationOf(seen.first, at) === conversationOf(seen.second, at))).toEqual([
      true,
      false,
      true,
      true,
    ])
    expect(seen.second.recipients[0].conversationInitiationClientData).toEqual({
      userId: 'user-0',
      conversationConfigOverride: {},
      customLlmExtraBody: {},
      dynamicVariables: { first_name: 'Ada 0' },
    })

    const told = seen.outcomes.map(({ status, userId, metadata }: Body) => [
      status,
      userId,
      metadata.phoneCall.callResult,
    ])
    expect(told).toEqual([
      ['done', 'user-0', 'answered'],
      ['failed', 'user-1', 'busy'],
      ['done', 'user-2', 'answered'],
      ['done', 'user-3', 'voicemail'],
    ])
    expect(seen.outcomes[0].transcript[0].message).toMatch(/^Hello Ada 0,/)
    const types = seen.events.map(({ type, data }: Body) => [type, data.failure_reason ?? data.user_id])
    expect(types.sort()).toEqual([
      ['call_initiation_failure', 'busy'],
      ['call_initiation_failure', 'busy'],
      ['post_call_transcription', 'user-0'],
      ['post_call_transcription', 'user-2'],
      ['post_call_transcription', 'user-3'],
    ])
    expect(seen.forged).toContain('Signature hash does not match')
    expect(seen.hooks.webhooks).toMatchObject([{ name: 'calls', usage: [{ usageType: 'ConvAI Settings' }] }])

    expect(seen.later).toMatchObject({ status: 'pending', targetConcurrencyLimit: 3 })
    expect(seen.cancelled.status).toBe('cancelled')
    expect(new Set(seen.cancelledPeople)).toEqual(new Set(['cancelled']))
    expect(seen.missing).toMatchObject({
      isTheirs: true,
      statusCode: 404,
      body: { detail: { type: 'not_found', status: 'batch_call_not_found' } },
    })
    expect(seen.listed).toEqual([seen.later.id, seen.made.id])
    expect(seen.seen).toHaveLength(5)
    expect(new Set(seen.seen).size).toBe(5)
    expect(seen.done.map(({ status }: Body) => status)).toEqual(['done', 'done', 'done'])
    expect(seen.calls.map(({ success, message }: Body) => [success, message])).toEqual(Array(2).fill([true, 'Success']))
    expect(seen.talks[0].metadata.phoneCall.externalNumber).toBe(`+1415555${BLOCK}12`)
    expect([seen.talks[0].transcript.length, seen.erased]).toEqual([1, []])
    expect(seen.refused).toMatchObject({
      isTheirs: true,
      body: { detail: [{ loc: ['body', 'recipients', 0, 'phone_number'], type: 'missing' }] },
    })
    expect(seen.unknown).toMatchObject({ statusCode: 401, body: { detail: { status: 'invalid_api_key' } } })
    expect(seen.people.agents).toMatchObject([{ agentId: AGENT, name: 'Announcement' }])
    expect(seen.numbers).toEqual([seen.number])
    expect(seen.number).toMatchObject({
      phoneNumberId: NUMBER,
      provider: 'sip_trunk',
      assignedAgent: { agentId: AGENT },
    })

    // Every dial went out to the network, once each; nobody of a batch that waits, was cancelled or deleted did.
    const { items } = (await server.native('GET', '/calls?limit=100')).body
    const dialled = items.map(({ to }: Body) => to.slice(-2)).sort()
    expect(dialled).toEqual(['10', '12', '13', '61', '70', '70', '85'])
    expect(new Set(items.map(({ carrierCallId }: Body) => carrierCallId)).size).toBe(7)
  })
})
