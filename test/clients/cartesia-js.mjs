// The vendor's own client, with its own pages and its own retries: a batch from its making to its end.
import { createRequire } from 'node:module'

const require = createRequire(process.env.CLIENT_FOLDER)
const { Cartesia } = require('@cartesia/cartesia-js')
const { CursorIDPage } = require('@cartesia/cartesia-js/core/pagination')

const { BASE_URL, API_KEY, AGENT, NUMBER } = process.env
const client = new Cartesia({ baseURL: BASE_URL, apiKey: API_KEY })
const BATCHES = '/agents/calls/batches'

const recipients = ['10', '70', '61'].map((ending) => ({ to_number: `+141555506${ending}`, metadata: { ending } }))
const body = { name: 'from the client', agent_id: AGENT, from_number_id: NUMBER, recipients }
const made = await client.post(BATCHES, { body })
const finished = async () => {
  for (;;) {
    const batch = await client.get(`${BATCHES}/${made.id}`)
    if (batch.total_calls_finished === 3) return batch
  }
}
const first = await finished()
const retried = await client.post(`${BATCHES}/${made.id}/retry`)
const second = await finished()
for (let index = 0; index < 4; index++) await client.post(BATCHES, { body })
const listed = []
for await (const batch of client.getAPIList(BATCHES, CursorIDPage, { query: { limit: 2 } })) listed.push(batch.id)
const calls = []
for await (const call of client.agents.calls.list({ agent_id: AGENT, batch_id: made.id, limit: 2 })) calls.push(call.id)
const one = await client.agents.calls.retrieve(calls[0])
const cancelled = await client.post(`${BATCHES}/${made.id}/cancel`)
const missing = await client
  .get(`${BATCHES}/nothing`)
  .catch((error) => ({ name: error.constructor.name, status: error.status }))
const refused = await client.post(BATCHES, { body: { ...body, recipients: [] } }).catch((error) => ({
  name: error.constructor.name,
  message: error.message,
}))
console.log(JSON.stringify({ made, first, retried, second, listed, calls, one, cancelled, missing, refused }))
