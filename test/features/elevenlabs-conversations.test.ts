import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AGENT,
  BATCHES,
  batchOf,
  CONVERSATIONS,
  type ElevenLabsServer,
  isOver,
  NUMBER,
  numberEndingIn,
  startElevenLabsServer,
} from '../elevenlabs-server.ts'
import { askUntil, type Body, must } from '../product-server.ts'

let server: ElevenLabsServer

beforeAll(async () => {
  server = await startElevenLabsServer()
})
afterAll(() => server.close())

const list = async (query: string) => (await must(server.ask('GET', `${CONVERSATIONS}?${query}`))) as Body
const get = async (id: string) => (await server.ask('GET', `${CONVERSATIONS}/${id}`)).body
const callOne = (ending: string, rest: object = {}, line = 'twilio') => {
  const call = { agent_id: AGENT, agent_phone_number_id: NUMBER, to_number: numberEndingIn(ending), ...rest }
  return must(server.ask('POST', `/v1/convai/${line}/outbound-call`, call))
}
const ended = (id: string) =>
  askUntil(
    () => get(id),
    ({ status }) => status === 'done' || status === 'failed',
  )

describe('conversations', () => {
  it('tell how each call ended', async () => {
    const { id } = await server.submit(batchOf(['10', '61', '70', '77', '84', '89', '93']))
    const { recipients } = await server.until(id, isOver)
    const told = []
    for (const { conversation_id } of recipients) {
      const { status, metadata, analysis, transcript } = await get(conversation_id)
      const { call_result, external_number } = metadata.phone_call
      told.push([external_number.slice(-2), status, call_result, analysis.call_successful, transcript.length])
      expect(metadata.batch_call.batch_call_id).toBe(id)
      expect(metadata.termination_reason).not.toBe('')
    }
    expect(told).toEqual([
      ['10', 'done', 'answered', 'unknown', 1],
      ['61', 'done', 'answered', 'unknown', expect.any(Number)],
      ['70', 'failed', 'busy', 'failure', 0],
      ['77', 'failed', 'no_answer', 'failure', 0],
      ['84', 'done', 'voicemail', 'unknown', expect.any(Number)],
      ['89', 'failed', 'failed', 'failure', 0],
      ['93', 'failed', 'failed', 'failure', 0],
    ])
  })

  it('are listed newest first, by status, by time, page by page', async () => {
    const all = (await list('page_size=100')).conversations
    expect(all).toHaveLength(7)
    const starts = all.map((each: Body) => each.start_time_unix_secs)
    expect(starts).toEqual([...starts].sort((one, other) => other - one))
    const shown = {
      agent_id: AGENT,
      agent_name: 'Announcement',
      direction: 'outbound',
      message_count: expect.any(Number),
    }
    for (const each of all) expect(each).toMatchObject(shown)

    const statuses = async (query: string) => (await list(query)).conversations.map(({ status }: Body) => status).sort()
    expect(await statuses('exclude_statuses=failed')).toEqual(Array(3).fill('done'))
    expect(await statuses('exclude_statuses=done&exclude_statuses=in-progress')).toEqual(Array(4).fill('failed'))
    const none = ['initiated', 'in-progress', 'processing', 'done', 'failed'].map((each) => `exclude_statuses=${each}`)
    expect(await statuses(none.join('&'))).toEqual([])

    const [newest] = starts
    expect(await statuses(`call_start_after_unix=${newest + 1}`)).toEqual([])
    expect(await statuses(`call_start_before_unix=${newest}`)).toHaveLength(7)
    expect(await statuses(`call_start_after_unix=${newest - 3600}&call_start_before_unix=${newest - 3000}`)).toEqual([])

    const read: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Body = await list(`page_size=3&agent_id=${AGENT}${cursor === '' ? '' : `&cursor=${cursor}`}`)
      expect(page.has_more).toBe(page.next_cursor !== null)
      read.push(...page.conversations.map((each: Body) => each.conversation_id))
      cursor = page.next_cursor
    }
    expect(read).toEqual(all.map((each: Body) => each.conversation_id))
    // A cursor is good for its own list only.
    const { next_cursor } = await list('page_size=3')
    expect((await server.ask('GET', `${CONVERSATIONS}?exclude_statuses=done&cursor=${next_cursor}`)).status).toBe(422)
  })

  it('say so while they last', async () => {
    await must(server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 5 } }))
    const { id } = await server.submit(batchOf(['20']))
    const live = await server.until(id, ({ recipients }) => recipients[0].status === 'in_progress')
    const { conversation_id } = live.recipients[0]
    const talk = await get(conversation_id)
    expect(talk).toMatchObject({ status: 'in-progress', analysis: null, transcript: [] })
    expect(talk.metadata).toMatchObject({ termination_reason: '', phone_call: { call_result: null } })
    expect(talk.metadata.accepted_time_unix_secs).toBeGreaterThanOrEqual(talk.metadata.start_time_unix_secs)
    await must(server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 1_000 } }))
    expect(await ended(conversation_id)).toMatchObject({ status: 'done', analysis: { call_successful: 'unknown' } })
  })
})

it('what was said is erased when it is over, as often as one likes', async () => {
  const data = { user_id: 'u-9', dynamic_variables: { first_name: 'Rosa' } }
  const made = await callOne('40', { conversation_initiation_client_data: data })
  const at = `${CONVERSATIONS}/${made.conversation_id}`
  expect((await ended(made.conversation_id)).transcript).toHaveLength(1)
  for (let times = 0; times < 2; times++)
    expect(await server.ask('DELETE', at)).toMatchObject({ status: 200, body: {} })
  const erased = await get(made.conversation_id)
  expect(erased).toMatchObject({ status: 'done', user_id: null, transcript: [] })
  expect(erased.conversation_initiation_client_data.dynamic_variables).toEqual({})
  expect(erased.metadata.deletion_settings.deleted_transcript_at_time_unix_secs).toEqual(expect.any(Number))
  const waiting = await server.submit(batchOf(['77']))
  const { recipients } = await server.until(waiting.id, isOver)
  await must(server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 5 } }))
  await server.ask('POST', `${BATCHES}/${waiting.id}/retry`)
  const live = await server.ask('DELETE', `${CONVERSATIONS}/${recipients[0].conversation_id}`)
  expect(live).toMatchObject({ status: 400, body: { detail: { code: 'call_not_over', type: 'validation_error' } } })
  await must(server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 1_000 } }))
})

describe('one call', () => {
  it.each(['twilio', 'sip-trunk'])('over the path %s is placed, and its conversation tells the rest', async (line) => {
    const data = { user_id: 'u-1', dynamic_variables: { first_name: 'Grace' } }
    const ending = line === 'twilio' ? '30' : '31'
    const rest = { conversation_initiation_client_data: data, telephony_call_config: { ringing_timeout_secs: 20 } }
    const made = await callOne(ending, rest, line)
    const id = { conversation_id: expect.stringMatching(/^conv_[0-9A-Za-z]{22}$/) }
    const theirs = line === 'twilio' ? { callSid: null } : { sip_call_id: null }
    expect(made).toEqual({ success: true, message: 'Success', ...id, ...theirs })
    const talk = await ended(made.conversation_id)
    expect(talk).toMatchObject({
      agent_id: AGENT,
      status: 'done',
      user_id: 'u-1',
      conversation_initiation_client_data: data,
      metadata: { batch_call: null, phone_call: { phone_number_id: NUMBER, external_number: numberEndingIn(ending) } },
    })
    expect(talk.transcript[0].message).toContain('Grace')
  })

  it('to somebody who may not be called says why, once that is known', async () => {
    await must(server.native('POST', '/suppressions', { numbers: [numberEndingIn('32')] }))
    const made = await callOne('32')
    const talk = await ended(made.conversation_id)
    expect(talk).toMatchObject({ status: 'failed', transcript: [], analysis: { call_successful: 'failure' } })
    expect(talk.metadata.termination_reason).toContain('suppression list')
    const own = { agent_id: AGENT, agent_phone_number_id: NUMBER, to_number: '+15005550100' }
    const refused = await must(server.ask('POST', '/v1/convai/sip-trunk/outbound-call', own))
    expect(refused).toMatchObject({ success: false, message: 'The number is the caller number itself' })
  })

  it('stays readable when its number is given away', async () => {
    const { id } = await must(
      server.native('POST', '/numbers', { number: '+15005550177', trunkId: server.first.trunkId }),
    )
    const made = await callOne('33', { agent_phone_number_id: id })
    await ended(made.conversation_id)
    await must(server.native('DELETE', `/numbers/${id}`))
    const { metadata } = await get(made.conversation_id)
    expect(metadata.phone_call).toMatchObject({ phone_number_id: id, agent_number: '+15005550177' })
  })
})

it('agents and numbers are listed with the ids their owner brought along', async () => {
  const { agents } = (await server.ask('GET', '/v1/convai/agents?search=ANNOUNCE')).body
  expect(agents).toMatchObject([{ agent_id: AGENT, name: 'Announcement', archived: false }])
  expect((await server.ask('GET', '/v1/convai/agents?search=nobody')).body.agents).toEqual([])
  expect((await server.ask('GET', '/v1/convai/agents?archived=true')).body.agents).toEqual([])
  for (const name of ['second', 'third']) {
    await must(server.native('POST', '/agents', { name, kind: 'announcement', settings: { text: 'Hi' } }))
  }
  const first = (await server.ask('GET', '/v1/convai/agents?page_size=2')).body
  const rest = (await server.ask('GET', `/v1/convai/agents?page_size=2&cursor=${first.next_cursor}`)).body
  expect([...first.agents, ...rest.agents].map(({ name }) => name)).toEqual(['Announcement', 'second', 'third'])
  expect([first.has_more, rest.has_more, rest.next_cursor]).toEqual([true, false, null])
  await must(server.native('DELETE', `/agents/${rest.agents[0].agent_id.slice('agent_'.length)}`))
  const archived = (await server.ask('GET', '/v1/convai/agents?archived=true')).body.agents
  expect(archived).toMatchObject([{ name: 'third', archived: true }])

  const NUMBERS = '/v1/convai/phone-numbers'
  const { body: numbers } = await server.ask('GET', NUMBERS)
  expect(numbers).toMatchObject([
    {
      phone_number_id: NUMBER,
      phone_number: '+15005550100',
      provider: 'sip_trunk',
      assigned_agent: { agent_id: AGENT },
    },
  ])
  expect((await server.ask('GET', `${NUMBERS}/${NUMBER}`)).body).toEqual(numbers[0])
  expect((await server.ask('GET', `${NUMBERS}?agent_id=${AGENT}&provider=sip_trunk`)).body).toEqual(numbers)
  expect((await server.ask('GET', `${NUMBERS}?provider=twilio`)).body).toEqual([])
  expect((await server.ask('GET', `${NUMBERS}?agent_id=${first.agents[1].agent_id}`)).body).toEqual([])
  expect((await server.ask('GET', `${NUMBERS}/phnum_0000000000000000000000`)).status).toBe(404)
  expect(
    (await server.ask('GET', `${BATCHES}/workspace?agent_id=${first.agents[1].agent_id}`)).body.batch_calls,
  ).toEqual([])
})
