import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AGENT, API_KEY, CALLER, type RetellServer, startRetellServer } from '../retell-server.ts'

/** A folder of its own, so that nobody who installs the product gets the client of another one. */
const CLIENT_FOLDER = path.resolve('tools/retell-sdk/package.json')
const installed = fs.existsSync(path.resolve('tools/retell-sdk/node_modules/retell-sdk'))
if (!installed) console.warn('The vendor client is not installed (npm ci --prefix tools/retell-sdk): it is not run.')

/** A day that is neither today nor a neighbour of it in any zone. */
function dayFarFromNow(): string {
  const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
  return days[(new Date().getUTCDay() + 3) % 7]!
}

/** How each call of the simulated network ends, by the last two digits of the number. */
const ENDS: Readonly<Record<string, readonly [status: string, reason: string]>> = {
  '10': ['ended', 'agent_hangup'],
  '61': ['ended', 'user_hangup'],
  '70': ['not_connected', 'dial_busy'],
  '77': ['not_connected', 'dial_no_answer'],
  '84': ['ended', 'voicemail_reached'],
  '89': ['not_connected', 'user_declined'],
  '93': ['not_connected', 'invalid_destination'],
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Seen = any

describe.skipIf(!installed)("the vendor's own client", () => {
  let server: RetellServer
  let seen: Seen
  beforeAll(async () => {
    server = await startRetellServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
  })
  afterAll(() => server.close())

  it('makes batches, follows them and is told of their calls, unchanged', async () => {
    const own = { CLIENT_FOLDER, BASE_URL: server.url, API_KEY, AGENT, CALLER }
    const env = { ...process.env, ...own, TIMEZONE: 'America/New_York', SHUT_DAY: dayFarFromNow() }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-client-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
    const program = path.join(folder, 'client.mjs')
    fs.copyFileSync(path.resolve('test/clients/retell-sdk.mjs.txt'), program)
    const { stdout } = await promisify(execFile)('node', [program], { env, timeout: 90_000 })
    seen = JSON.parse(stdout)
    expectBatches()
    expectCalls()
    expectWebhooks()
    expectRefusals()
  })

  function expectBatches(): void {
    const { made, later, shut, shutCalls, trigger_timestamp: trigger } = seen
    expect(made).toMatchObject({ name: 'from the client', from_number: CALLER, total_task_count: 7 })
    expect(later.scheduled_timestamp).toBe(Math.floor(trigger / 1_000))
    expect(later.call_time_window).toEqual({ windows: [{ start: 0, end: 1_440 }], timezone: 'America/New_York' })
    for (const call of seen.second.all) expect(call.start_timestamp).toBeGreaterThanOrEqual(trigger)
    expect(shut.call_time_window.day).toEqual([dayFarFromNow()])
    expect(shutCalls).toEqual([])
  }

  function expectCalls(): void {
    const { first, oldestFirst, one, single, singleDone, erased, made } = seen
    const ids = first.all.map(({ call_id: id }: Seen) => id)
    expect(new Set(ids).size).toBe(7)
    expect(first.pages).toBe(4)
    expect(oldestFirst.all.map(({ call_id: id }: Seen) => id)).toEqual([...ids].reverse())
    const ends = first.all.map((call: Seen) => [
      call.to_number.slice(-2),
      [call.call_status, call.disconnection_reason],
    ])
    expect(Object.fromEntries(ends)).toEqual(ENDS)
    expect(one).toMatchObject({
      call_type: 'phone_call',
      direction: 'outbound',
      agent_id: AGENT,
      batch_call_id: made.batch_call_id,
      from_number: CALLER,
      to_number: '+14155550610',
      metadata: { ending: '10' },
      retell_llm_dynamic_variables: { first_name: 'Ada 10' },
      transcript: 'Agent: Hello Ada 10\n',
    })
    expect(single.call_status).toBe('registered')
    expect(singleDone).toMatchObject({ call_id: single.call_id, call_status: 'ended', metadata: { single: true } })
    expect(erased).not.toHaveProperty('metadata')
    expect(erased).not.toHaveProperty('transcript')
  }

  function expectWebhooks(): void {
    expect(seen.agent).toMatchObject({ agent_id: AGENT, webhook_url: expect.stringContaining('/hook') })
    expect(seen.agent.webhook_events).toEqual(['call_started', 'call_ended', 'call_analyzed'])
    for (const { verified, forged } of seen.told) expect([verified, forged]).toEqual([true, false])
    const of = (event: string) => seen.told.filter((each: Seen) => each.event === event)
    expect(of('call_ended')).toHaveLength(10)
    expect(new Set(of('call_started').map(({ to }: Seen) => to))).toEqual(new Set(['10', '11', '61', '84']))
    for (const { to, reason } of of('call_ended')) expect(reason).toBe((ENDS[to] ?? ENDS['10'])![1])
  }

  function expectRefusals(): void {
    expect(seen.agents).toMatchObject({ items: [{ agent_id: AGENT, channel: 'voice' }], has_more: false })
    expect(seen.numbers.items.map((each: Seen) => each.phone_number)).toContain(CALLER)
    expect(seen.number.outbound_agents).toEqual([{ agent_id: AGENT, agent_version: 0, weight: 1 }])
    expect(seen.concurrency).toMatchObject({ concurrency_limit: 50, current_concurrency: 0 })
    expect(seen.unknown).toMatchObject({ name: 'UnprocessableEntityError', status: 422 })
    expect(seen.stopped).toMatchObject({ name: 'BadRequestError', status: 400 })
    expect(seen.refused).toMatchObject({ status: 400, message: expect.stringContaining('tasks') })
    expect(seen.stranger).toMatchObject({ name: 'AuthenticationError', status: 401 })
  }
})
