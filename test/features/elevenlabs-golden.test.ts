import fs from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readDeviations } from '../deviations.ts'
import { BATCHES, CONVERSATIONS, type ElevenLabsServer, isOver, startElevenLabsServer } from '../elevenlabs-server.ts'
import { type Body, must } from '../product-server.ts'
import { webhookReceiver } from '../webhook-receiver.ts'

/** What the pages print, held against what is sent: keys, types, and values where they are those of the request. */
const SUBMIT = `${BATCHES}/submit`
let server: ElevenLabsServer

beforeAll(async () => {
  server = await startElevenLabsServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
})
afterAll(() => server.close())

const textOf = (name: string) =>
  fs.readFileSync(new URL(`../../src/dialects/elevenlabs/fixtures/${name}.json`, import.meta.url), 'utf8')
const printed = (name: string): Body => JSON.parse(textOf(name))

/** Values that are not those of the request, and differ from one run to the next. */
const OF_THE_RUN = /(_unix|_unix_secs|_timestamp|_secs|call_sid|call_id)$/

/** What differs, as `key difference`. A value may be null wherever one is printed, and the other way round. */
function differences(print: Body, sent: Body, path = ''): string[] {
  if (print === null || sent === null) return []
  if (typeof print !== typeof sent || Array.isArray(print) !== Array.isArray(sent)) return [`${path} value`]
  if (Array.isArray(print)) return sent.flatMap((each: Body) => differences(print[0] ?? each, each, `${path}[]`))
  if (typeof print !== 'object') return print === sent || OF_THE_RUN.test(path) ? [] : [`${path} value`]
  return [...new Set([...Object.keys(print), ...Object.keys(sent)])].flatMap((key) => {
    const at = path === '' ? key : `${path}.${key}`
    if (!(key in sent)) return [`${at} missing`]
    return key in print ? differences(print[key], sent[key], at) : [`${at} added`]
  })
}

/** Nothing differs but what is listed, all that is listed differs, and what is sent in its place is what the list says. */
function expectPrinted(answer: string, print: Body, sent: Body): void {
  const listed = readDeviations('ElevenLabs').filter((each) => each.answer === answer)
  expect(differences(print, sent).sort()).toEqual(listed.map(({ key, difference }) => `${key} ${difference}`).sort())
  for (const { key, sent: pattern } of listed) {
    const value = key.split('.').reduce((at, step) => at[step], sent)
    if (pattern !== undefined) expect(String(value), key).toMatch(new RegExp(pattern))
  }
}

it('a batch is taken byte for byte and answered as it is printed', async () => {
  const made = await server.ask('POST', SUBMIT, textOf('submit-batch.request'))
  expect(made.status, made.text).toBe(200)
  expectPrinted(`POST ${SUBMIT} 200`, printed('submit-batch.answer'), made.body)
  const { body: one } = await server.ask('GET', `${BATCHES}/${made.body.id}`)
  const { recipients, ...rest } = one
  expect(rest).toEqual(made.body)
  expect(differences(printed('get-batch.recipient'), recipients[0])).toEqual([])
  expect(recipients[0]).toMatchObject({ status: 'pending', conversation_id: null })
  expect(recipients[1]).toMatchObject({
    id: expect.stringMatching(/^rcpt_[0-9A-Za-z]{22}$/),
    phone_number: '+14155550811',
    conversation_initiation_client_data: { dynamic_variables: {} },
  })
  const page = (await server.ask('GET', `${BATCHES}/workspace`)).body
  expect(page).toEqual({ batch_calls: [made.body], next_doc: null, has_more: false })
})

it('a conversation is told as it is printed, by its id and to the webhook; so is a call that nobody took', async () => {
  const receiver = await webhookReceiver()
  const settings = { auth_type: 'hmac', name: 'calls', webhook_url: receiver.url }
  const hook = await must(server.ask('POST', '/v1/workspace/webhooks', { settings }))
  const told = { post_call_webhook_id: hook.webhook_id, events: ['transcript', 'call_initiation_failure'] }
  await must(server.ask('PATCH', '/v1/convai/settings', { webhooks: told }))
  await must(
    server.native('PATCH', `/agents/${server.first.agentId}`, {
      settings: { text: 'Hello {{first_name}}, this is Carillon.' },
    }),
  )
  const { scheduled_time_unix: _, timezone: __, branch_id, environment, ...request } = printed('submit-batch.request')
  const [ada] = request.recipients
  const data = { user_id: '17', dynamic_variables: { first_name: 'Ada' } }
  const recipients = [{ ...ada, conversation_initiation_client_data: data }, { phone_number: '+14155550870' }]
  const made = await server.submit({ ...request, recipients })
  const done = await server.until(made.id, isOver)
  const at = `${CONVERSATIONS}/${done.recipients[0].conversation_id}`
  const { body: conversation } = await server.ask('GET', at)
  const answer = `GET ${CONVERSATIONS}/{conversation_id} 200`
  // Ids are new in each run; the deviations say how they are written.
  const print = printed('get-conversation.answer')
  print.metadata.batch_call.batch_call_id = made.id
  expectPrinted(answer, print, conversation)

  const giveUpAt = performance.now() + 60_000
  while (receiver.received.length < 2 && performance.now() < giveUpAt) await server.ask('GET', at)
  const bodies = new Map(receiver.received.map(({ body }) => [body.type, body]))
  const event_timestamp = expect.any(Number)
  expect(bodies.get('post_call_transcription')).toEqual({
    type: 'post_call_transcription',
    event_timestamp,
    data: conversation,
  })
  const failure = printed('call-initiation-failure.webhook')
  const sent = bodies.get('call_initiation_failure')
  failure.data.conversation_id = done.recipients[1].conversation_id
  expectPrinted('POST webhook call_initiation_failure', failure, sent)
})
