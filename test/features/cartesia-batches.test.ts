import fs from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AGENT,
  API_KEY,
  batchOf,
  type CartesiaServer,
  LATER_VERSION,
  NUMBER,
  numberEndingIn,
  startCartesiaServer,
} from '../cartesia-server.ts'
import { readDeviations } from '../deviations.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

const BATCHES = '/agents/calls/batches'
let server: CartesiaServer

beforeAll(async () => {
  server = await startCartesiaServer({ env: { CARILLON_REGION: 'EU' } })
})
afterAll(() => server.close())

const over = (batch: Body) => batch.total_calls_finished === batch.total_calls_scheduled
const settled = (batch: Body) => batch.recipients.every(({ status }: Body) => /completed|failed|cancelled/.test(status))
const later = { 'cartesia-version': LATER_VERSION }
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
const fixture = (name: string) =>
  fs.readFileSync(new URL(`../../src/dialects/cartesia/fixtures/${name}.json`, import.meta.url), 'utf8')

describe('the printed example', () => {
  it('is taken byte for byte, placeholders filled in, and answered with the printed keys', async () => {
    const sent = fixture('create-call-batch.request')
      .replace('"to_number": "<string>"', `"to_number": "${numberEndingIn('10')}"`)
      .replace('"agent_id": "<string>"', `"agent_id": "${AGENT}"`)
      .replace('"from_number_id": "<string>"', `"from_number_id": "${NUMBER}"`)
    const past = await server.ask('POST', BATCHES, sent)
    expect(past).toMatchObject({ status: 400, body: { message: expect.stringContaining('scheduled_at') } })
    const made = await server.ask('POST', BATCHES, sent.replace('2023-11-07T05:31:56Z', inAnHour()))
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      name: '<string>',
      agent_id: AGENT,
      from_number_id: NUMBER,
      region: 'EU',
      target_concurrency_limit: 2,
      status: 'pending',
      total_calls_scheduled: 1,
      total_calls_dispatched: 0,
    })
    expect(made.body.id).toMatch(/^acb_[0-9A-Za-z]{22}$/)
    const printed = JSON.parse(fixture('create-call-batch.answer'))
    const deviations = readDeviations('Cartesia').filter(({ answer }) => answer === `POST ${BATCHES} 201`)
    expect(differences(printed, made.body)).toEqual(
      deviations.map(({ key, difference }) => `${key} ${difference}`).sort(),
    )
    const { body: one } = await server.ask('GET', `${BATCHES}/${made.body.id}`)
    const [recipient] = one.recipients
    expect(differences(printed.recipients[0], recipient)).toEqual(['agent_call_id missing', 'error_message missing'])
    await server.ask('POST', `${BATCHES}/${made.body.id}/cancel`)
  })
})

/** Keys that one of both has, and values of another type. */
function differences(printed: Body, sent: Body): string[] {
  const keys = new Set([...Object.keys(printed), ...Object.keys(sent)])
  return [...keys]
    .flatMap((key) => {
      if (!(key in sent)) return `${key} missing`
      if (!(key in printed)) return `${key} added`
      return typeof printed[key] === typeof sent[key] ? [] : `${key} value`
    })
    .sort()
}

describe('a batch', () => {
  it('is dialled to its end; each recipient tells how it went', async () => {
    const endings = ['10', '61', '70', '77', '84', '89', '93', '10', '99']
    const made = await server.ask('POST', BATCHES, batchOf(endings))
    expect(made.body.target_concurrency_limit).toBe(25)
    expect(made.body).not.toHaveProperty('scheduled_at')
    const done = await server.until(`${BATCHES}/${made.body.id}`, over)
    expect(done).toMatchObject({ status: 'completed', total_calls_dispatched: 9, total_calls_finished: 9 })
    expect(done.recipients.map((each: Body) => [each.status, each.end_reason, each.error_message])).toEqual([
      ['completed', 'agent_hangup', undefined],
      ['completed', 'client_hangup', undefined],
      ['failed', 'dial_busy', undefined],
      ['failed', 'dial_no_answer', undefined],
      ['completed', 'agent_hangup', undefined],
      ['failed', 'dial_failed', undefined],
      ['failed', 'dial_failed', undefined],
      ['failed', undefined, 'The number stands earlier in the same batch'],
      ['completed', expect.any(String), undefined],
    ])
    expect(done.recipients[0]).toMatchObject({
      id: expect.stringMatching(/^acr_[0-9A-Za-z]{22}$/),
      to_number: numberEndingIn('10'),
      agent_call_id: expect.stringMatching(/^ac_[0-9A-Za-z]{22}$/),
      metadata: { ending: '10' },
    })
    expect(done.recipients[7]).not.toHaveProperty('agent_call_id')
    const { body: call } = await server.ask('GET', `/agents/calls/${done.recipients[0].agent_call_id}`)
    expect(call).toMatchObject({
      id: done.recipients[0].agent_call_id,
      status: 'completed',
      metadata: { ending: '10' },
    })
  })

  it('is asked again for whoever was not reached, and for nobody else', async () => {
    const made = await server.ask('POST', BATCHES, batchOf(['12', '71', '78', '90', '94', '85']))
    const at = `${BATCHES}/${made.body.id}`
    const first = await server.until(at, over)
    expect(first.retry_count).toBe(0)
    const retried = await server.ask('POST', `${at}/retry`)
    expect(retried).toMatchObject({ status: 200, body: { retry_count: 1, total_calls_scheduled: 6 } })
    expect(retried.body.total_calls_finished).toBeLessThan(6)
    expect(retried.body).not.toHaveProperty('recipients')
    const second = await server.until(at, over)
    const again = second.recipients.map(
      (each: Body, index: number) => each.agent_call_id !== first.recipients[index].agent_call_id,
    )
    expect(again).toEqual([false, true, true, true, true, false])
    const { body: calls } = await server.ask('GET', `/agents/calls?batch_id=${made.body.id}&limit=100`)
    expect(calls.data).toHaveLength(10)
  })

  it('of which everybody was reached is asked again without effect', async () => {
    const made = await server.ask('POST', BATCHES, batchOf(['13']))
    const done = await server.until(`${BATCHES}/${made.body.id}`, over)
    const retried = await server.ask('POST', `${BATCHES}/${made.body.id}/retry`)
    expect(retried).toMatchObject({ status: 200, body: { retry_count: 0, status: 'completed' } })
    expect(retried.body.last_updated_at).toBe(done.last_updated_at)
  })

  it('is cancelled, twice; calls under way go on; then it cannot be asked again', async () => {
    await server.speedTo(1)
    const made = await server.ask('POST', BATCHES, batchOf(['14', '15', '16', '17'], { target_concurrency_limit: 1 }))
    const at = `${BATCHES}/${made.body.id}`
    await server.until(at, ({ recipients }) => recipients.some(({ status }: Body) => status !== 'queued'))
    const cancelled = await server.ask('POST', `${at}/cancel`)
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', total_calls_dispatched: 1 } })
    expect((await server.ask('POST', `${at}/cancel`)).body.status).toBe('cancelled')
    await server.speedTo(1_000)
    const { body: live } = await server.ask('GET', at)
    const call = live.recipients.find((each: Body) => each.agent_call_id !== undefined)
    await server.native('POST', `/calls/${call.agent_call_id.slice(3)}/hang-up`)
    const done = await server.until(at, settled)
    expect(done.recipients.filter(({ status }: Body) => status === 'cancelled').length).toBeGreaterThanOrEqual(3)
    const retried = await server.ask('POST', `${at}/retry`)
    expect(retried).toMatchObject({ status: 400, body: { error_code: 'batch_status_conflict' } })
  })

  it('that is completed is cancelled without effect', async () => {
    const made = await server.ask('POST', BATCHES, batchOf(['18']))
    await server.until(`${BATCHES}/${made.body.id}`, over)
    const cancelled = await server.ask('POST', `${BATCHES}/${made.body.id}/cancel`)
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'completed' } })
  })

  it('waits for its time', async () => {
    const at = new Date(Date.now() + 2_000)
    const made = await server.ask(
      'POST',
      BATCHES,
      batchOf(['19'], { scheduled_at: at.toISOString().replace('Z', '+00:00') }),
    )
    expect(made.body).toMatchObject({ status: 'pending', scheduled_at: at.toISOString() })
    expect(made.body).not.toHaveProperty('admitted_at')
    const done = await server.until(`${BATCHES}/${made.body.id}`, over)
    expect(Date.parse(done.admitted_at)).toBeGreaterThanOrEqual(at.getTime())
  })

  it('of which nobody could be dialled is failed, in the first version completed', async () => {
    await server.native('POST', '/suppressions', { numbers: [numberEndingIn('20')] })
    const made = await server.ask('POST', BATCHES, batchOf(['20']), later)
    const at = `${BATCHES}/${made.body.id}`
    await server.until(at, over)
    expect((await server.ask('GET', at, undefined, later)).body).toMatchObject({
      status: 'failed',
      recipients: [{ status: 'failed', error_message: 'The number is on the suppression list' }],
    })
    expect((await server.ask('GET', at)).body.status).toBe('completed')
  })
})

describe('a list', () => {
  it('is read by id in both directions while batches come, and is empty past its end', async () => {
    const agent = (await server.native('POST', '/agents', { name: 'a', kind: 'announcement', settings: { text: 'x' } }))
      .body
    const rest = { agent_id: agent.id, scheduled_at: inAnHour() }
    const ids: string[] = []
    for (let made = 0; made < 5; made++) {
      ids.unshift((await server.ask('POST', BATCHES, batchOf(['30'], rest))).body.id)
    }
    const page = async (query: string) =>
      (await server.ask('GET', `${BATCHES}?agent_id=${agent.id}&limit=2${query}`)).body
    const idsOf = ({ data }: Body) => data.map(({ id }: Body) => id)
    const first = await page('')
    expect(idsOf(first)).toEqual(ids.slice(0, 2))
    expect(first).toMatchObject({ has_more: true, next_page: ids[1] })
    expect(first.data[0]).not.toHaveProperty('recipients')
    const newest = (await server.ask('POST', BATCHES, batchOf(['30'], rest))).body.id
    const second = await page(`&starting_after=${ids[1]}`)
    expect(idsOf(second)).toEqual(ids.slice(2, 4))
    const third = await page(`&starting_after=${ids[3]}`)
    expect([idsOf(third), third.has_more, third.next_page]).toEqual([[ids[4]], false, null])
    expect(await page(`&starting_after=${ids[4]}`)).toEqual({ data: [], has_more: false, next_page: null })
    const back = await page(`&ending_before=${ids[2]}`)
    expect([idsOf(back), back.has_more, back.next_page]).toEqual([[ids[0], ids[1]], true, ids[0]])
    expect(idsOf(await page(`&ending_before=${ids[0]}`))).toEqual([newest])
    expect(await page(`&ending_before=${newest}`)).toMatchObject({ data: [], has_more: false })
  })

  it.each([
    'limit=0',
    'limit=101',
    'limit=abc',
    'limit=1.5',
    'starting_after=acb_0000000000000000000000',
    'ending_before=nothing',
    'starting_after=a&ending_before=b',
    'starting_after=',
  ])('refuses ?%s', async (query) => {
    const refused = await server.ask('GET', `${BATCHES}?${query}`)
    expect(refused).toMatchObject({ status: 400, body: { title: 'Bad Request', request_id: expect.any(String) } })
  })

  it('of an agent that is not there is a 404', async () => {
    expect((await server.ask('GET', `${BATCHES}?agent_id=agent_0000000000000000000000`)).status).toBe(404)
  })
})

describe('other formats', () => {
  it('a batch made here is read in the native format, and one made there is read here', async () => {
    const { body: ours } = await server.ask('POST', BATCHES, batchOf(['32']))
    await server.until(`${BATCHES}/${ours.id}`, over)
    const { body: page } = await server.native('GET', '/batches')
    const found = page.items.find(({ dialect, name }: Body) => dialect === 'cartesia' && name === 'spring')
    expect(found).toMatchObject({
      status: 'completed',
      concurrency: 25,
      ringTimeoutSeconds: 60,
      maxCallSeconds: 28_800,
    })
    const recipients = [{ to: numberEndingIn('33'), variables: { name: 'Ada' } }, { to: numberEndingIn('72') }]
    const made = await server.native('POST', '/batches', { agent: AGENT, recipients })
    const { body: list } = await server.ask('GET', `${BATCHES}?limit=1`)
    const [{ id }] = list.data
    const done = await server.until(`${BATCHES}/${id}`, over)
    expect(done).toMatchObject({ name: made.body.batch.name, agent_id: AGENT, region: 'EU', retry_count: 0 })
    expect(done.from_number_id).toMatch(/^ap_[0-9A-Za-z]{22}$/)
    expect(done.recipients[0]).toMatchObject({ status: 'completed', metadata: { name: 'Ada' } })
    expect(done.recipients[1]).toMatchObject({ status: 'failed', end_reason: 'dial_busy' })
    expect(done.recipients[1]).not.toHaveProperty('metadata')
  })

  it('a single call is no batch here', async () => {
    const { body: call } = await server.native('POST', '/calls', { to: numberEndingIn('34'), agent: AGENT })
    const { body: page } = await server.ask('GET', `${BATCHES}?limit=100`)
    expect(page.data.map(({ name }: Body) => name)).not.toContain('Call')
    expect((await server.ask('GET', `${BATCHES}/${call.id}`)).status).toBe(404)
  })
})

it('repeats the answer to a POST with the same Idempotency-Key', async () => {
  const headers = { 'idempotency-key': 'once' }
  const body = batchOf(['35'])
  const [one, two] = [
    await server.ask('POST', BATCHES, body, headers),
    await server.ask('POST', BATCHES, body, headers),
  ]
  expect(two.body).toEqual(one.body)
  expect(two.headers.get('idempotent-replayed')).toBe('true')
  expect((await server.ask('POST', BATCHES, batchOf(['36']), headers)).status).toBe(422)
})

it('takes the key in X-API-Key too, names what it ignores, and says who is unauthorized', async () => {
  const header = { authorization: '', 'x-api-key': API_KEY }
  const made = await server.ask('POST', BATCHES, batchOf(['37'], { region: 'EU', campaign: 1 }), header)
  expect(made.status).toBe(201)
  expect(made.headers.get('carillon-ignored-fields')).toBe('region, campaign')
  const refused = await server.ask('GET', BATCHES, undefined, { authorization: 'Bearer sk_car_wrong' })
  expect(refused).toMatchObject({ status: 401, body: { error_code: 'unauthenticated', title: 'Unauthorized' } })
})
