import type { Answer, Post, RequestWorld } from './request-world.ts'

export interface PostRow {
  /** As the server has it: method and pattern. */
  readonly route: string
  /** For routes that take a list in two ways. */
  readonly as?: 'form'
  readonly sender?: 'operator'
  /** Makes what the request is about; each call makes another one. */
  readonly make: (world: RequestWorld) => Promise<Post>
  /** It makes a list, or calls somebody: `several` of them in one transaction of its own. */
  readonly calls?: 'one' | 'several'
  /** It changes nothing, and may be sent as a stream: nothing of it is kept. */
  readonly reads?: true
  /** How it refuses what was done already by a request whose answer was lost. */
  readonly overStatus?: number
  /** Why a repetition after a crash may have a second effect. */
  readonly outside?: string
}

const NATIVE = '/carillon/v1'
const BATCHES = `${NATIVE}/batches`
const CSV = 'phone_number,first_name\n+12125550100,Ada\n+12125550101,Ben\n'

let last = 0
/** Names must differ where a second thing of the same name would be refused. */
const fresh = (word: string) => `${word}-${++last}-of-a-test-that-repeats`
const freshNumber = () => `+1500556${String(1_000 + ++last).slice(-4)}`

const nativeBatch = (rest: object = {}) => ({
  agent: 'announcement',
  recipients: [{ to: '+12125550100' }, { to: '+12125550101' }],
  ...rest,
})

async function made(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body, text } = await answer
  if (status >= 300) throw new Error(`could not prepare: ${status} ${text}`)
  return body
}

/** The id of a batch that was brought into a status by verbs. */
async function batchIn(world: RequestWorld, draft: boolean, ...verbs: string[]): Promise<string> {
  const { batch } = await made(world.post('native', BATCHES, nativeBatch({ draft })))
  for (const verb of verbs) await made(world.post('native', `${BATCHES}/${batch.id}/${verb}`))
  return batch.id
}

async function webhook(world: RequestWorld): Promise<string> {
  const { webhook: hook } = await made(world.post('native', `${NATIVE}/webhooks`, { url: 'https://127.0.0.1/hook' }))
  return hook.id
}

const hex = (uuid: string) => uuid.replaceAll('-', '')
const native = (route: string, make: PostRow['make'], rest: Partial<PostRow> = {}): PostRow => ({
  route: `POST ${NATIVE}${route}`,
  make,
  ...rest,
})
const posted = (path: string, body?: object): Post => ({ path, ...(body === undefined ? {} : { body }) })
const THROTTLE_RULES = [{ maxCalls: 1, windowSeconds: 1 }]
const ULTRAVOX_CALL = { medium: { twilio: { outgoing: { to: '+12125550100', from: '+15005550100' } } } }

const NATIVE_POSTS: readonly PostRow[] = [
  native('/batches', async () => posted(BATCHES, nativeBatch({ name: fresh('list') })), { calls: 'one' }),
  native('/batches', async () => ({ path: BATCHES, csv: CSV, fields: { agent: 'announcement' } }), {
    as: 'form',
    calls: 'one',
  }),
  native('/batches/:id/start', async (world) => posted(`${BATCHES}/${await batchIn(world, true)}/start`)),
  native('/batches/:id/pause', async (world) => posted(`${BATCHES}/${await batchIn(world, false)}/pause`)),
  native('/batches/:id/resume', async (world) => posted(`${BATCHES}/${await batchIn(world, false, 'pause')}/resume`)),
  native('/batches/:id/cancel', async (world) => posted(`${BATCHES}/${await batchIn(world, false)}/cancel`)),
  native('/batches/:id/retry', async (world) =>
    posted(`${BATCHES}/${await batchIn(world, false, 'cancel')}/retry`, { outcomes: ['cancelled'] }),
  ),
  native('/calls', async () => posted(`${NATIVE}/calls`, { agent: 'announcement', to: '+12125550100' }), {
    calls: 'one',
  }),
  native(
    '/calls/:id/hang-up',
    async (world) => {
      const call = await made(world.post('native', `${NATIVE}/calls`, { agent: 'announcement', to: '+12125550100' }))
      return posted(`${NATIVE}/calls/${call.id}/hang-up`)
    },
    { overStatus: 409 },
  ),
  native('/agents', async () =>
    posted(`${NATIVE}/agents`, { name: fresh('agent'), kind: 'announcement', settings: { text: 'Hello' } }),
  ),
  native('/trunks', async () =>
    posted(`${NATIVE}/trunks`, { name: 't', carrier: 'loopback', settings: {}, concurrency: 5, callsPerSecond: 5 }),
  ),
  native('/trunks/:id/test', async ({ trunk }) => posted(`${NATIVE}/trunks/${trunk}/test`, { to: '+12125550100' }), {
    outside: 'A test call is kept nowhere: whoever repeats it after a crash rings the telephone again.',
  }),
  native('/numbers', async ({ trunk }) => posted(`${NATIVE}/numbers`, { number: freshNumber(), trunkId: trunk })),
  native('/throttles', async () => posted(`${NATIVE}/throttles`, { name: fresh('throttle'), rules: THROTTLE_RULES })),
  native('/suppressions', async () => posted(`${NATIVE}/suppressions`, { numbers: [freshNumber()] })),
  native('/suppressions/remove', async (world) => {
    const numbers = [freshNumber()]
    await made(world.post('native', `${NATIVE}/suppressions`, { numbers }))
    return posted(`${NATIVE}/suppressions/remove`, { numbers })
  }),
  native(
    '/suppressions/import',
    async () => ({
      path: `${NATIVE}/suppressions/import`,
      csv: `phone_number\n${freshNumber()}\n`,
    }),
    { as: 'form' },
  ),
  native('/webhooks', async () => posted(`${NATIVE}/webhooks`, { url: 'https://127.0.0.1/hook' })),
  native('/webhooks/:id/rotate-secret', async (world) =>
    posted(`${NATIVE}/webhooks/${await webhook(world)}/rotate-secret`),
  ),
  native('/webhooks/:id/deliveries/:eventId/resend', async (world) => {
    const id = await webhook(world)
    return posted(`${NATIVE}/webhooks/${id}/deliveries/${await world.deliveryOf(id)}/resend`)
  }),
  native('/webhooks/:id/resend-failed', async (world) =>
    posted(`${NATIVE}/webhooks/${await webhook(world)}/resend-failed`),
  ),
  native('/erasures', async () => posted(`${NATIVE}/erasures`, { number: freshNumber() }), {
    outside: 'the same person is looked for once more',
  }),
  native('/keys', async () => posted(`${NATIVE}/keys`, { name: fresh('key') })),
  native('/keys/import', async () => posted(`${NATIVE}/keys/import`, { name: 'theirs', key: fresh('key') })),
  native('/organizations', async () => posted(`${NATIVE}/organizations`, { name: fresh('branch') }), {
    sender: 'operator',
  }),
  native(
    '/organizations/:id/keys',
    async ({ organization }) => posted(`${NATIVE}/organizations/${organization}/keys`, { name: fresh('key') }),
    { sender: 'operator' },
  ),
]

const CARTESIA_BATCHES = '/agents/calls/batches'
const cartesiaBatch = (world: RequestWorld) => ({
  name: fresh('list'),
  agent_id: world.agent,
  from_number_id: world.number,
  recipients: [{ to_number: '+12125550100' }],
})

const ELEVENLABS = '/v1/convai/batch-calling'
const elevenlabsBatch = ({ agent, number }: RequestWorld) => ({
  call_name: fresh('list'),
  agent_id: agent,
  agent_phone_number_id: number,
  recipients: [{ phone_number: '+12125550100' }],
})
const ELEVENLABS_POSTS: readonly PostRow[] = [
  {
    route: `POST ${ELEVENLABS}/submit`,
    calls: 'one',
    make: async (world) => posted(`${ELEVENLABS}/submit`, elevenlabsBatch(world)),
  },
  ...['cancel', 'retry'].map((verb) => ({
    route: `POST ${ELEVENLABS}/:batch_id/${verb}`,
    make: async (world: RequestWorld) => {
      const { id } = await made(world.post('elevenlabs', `${ELEVENLABS}/submit`, elevenlabsBatch(world)))
      return posted(`${ELEVENLABS}/${id}/${verb}`)
    },
  })),
  ...['twilio', 'sip-trunk'].map((line) => ({
    route: `POST /v1/convai/${line}/outbound-call`,
    calls: 'one' as const,
    make: async ({ agent, number }: RequestWorld) =>
      posted(`/v1/convai/${line}/outbound-call`, {
        agent_id: agent,
        agent_phone_number_id: number,
        to_number: '+12125550100',
      }),
  })),
  {
    route: 'POST /v1/workspace/webhooks',
    make: async () =>
      posted('/v1/workspace/webhooks', {
        settings: { auth_type: 'hmac', name: fresh('hook'), webhook_url: 'https://127.0.0.1/hook' },
      }),
  },
]

const OTHER_POSTS: readonly PostRow[] = [
  {
    route: 'POST /v1/api/call',
    calls: 'one',
    make: async ({ agent }) => posted('/v1/api/call', { call_agent_id: agent, to: '+12125550100' }),
  },
  ...['/v1/api/batch-calls', '/v1/batch-calls'].map((path) => ({
    route: `POST ${path}`,
    as: 'form' as const,
    calls: 'one' as const,
    make: async ({ agent }: RequestWorld) => ({ path, csv: CSV, fields: { agentId: agent } }),
  })),
  { route: 'POST /api/agents', make: async () => posted('/api/agents', { name: fresh('agent') }) },
  {
    route: 'POST /api/agents/:agent_id/scheduled_batches',
    calls: 'one',
    make: async ({ agent }) => posted(`/api/agents/${agent}/scheduled_batches`, { calls: [ULTRAVOX_CALL] }),
  },
  {
    route: 'POST /api/agents/:agent_id/calls',
    calls: 'one',
    make: async ({ agent }) => posted(`/api/agents/${agent}/calls`, ULTRAVOX_CALL),
  },
  {
    route: 'POST /api/call_throttles',
    make: async () => posted('/api/call_throttles', { name: fresh('throttle'), rules: THROTTLE_RULES }),
  },
  {
    route: 'POST /api/webhooks',
    make: async () => posted('/api/webhooks', { url: 'https://127.0.0.1/hook', events: ['call.ended'] }),
  },
  {
    route: `POST ${CARTESIA_BATCHES}`,
    calls: 'one',
    make: async (world) => posted(CARTESIA_BATCHES, cartesiaBatch(world)),
  },
  ...['cancel', 'retry'].map((verb) => ({
    route: `POST ${CARTESIA_BATCHES}/:batch_id/${verb}`,
    make: async (world: RequestWorld) => {
      const { id } = await made(world.post('cartesia', CARTESIA_BATCHES, cartesiaBatch(world)))
      return posted(`${CARTESIA_BATCHES}/${id}/${verb}`)
    },
  })),
  {
    route: 'POST /agents/calls',
    calls: 'several',
    make: async ({ agent, number }) =>
      posted('/agents/calls', {
        agent_id: agent,
        from_number_id: number,
        outbound_calls: [{ to_number: '+12125550100' }, { to_number: '+12125550101' }],
      }),
  },
  {
    route: 'POST /agents/calls/:call_id/cancel',
    make: async (world) => posted(`/agents/calls/${await world.answeredCall()}/cancel`),
  },
  {
    route: 'POST /agents/webhooks',
    make: async () => posted('/agents/webhooks', { url: 'https://127.0.0.1/hook', secret: 'a-secret-of-theirs' }),
  },
  ...ELEVENLABS_POSTS,
  {
    route: 'POST /batch-call',
    calls: 'one',
    make: async () => posted('/batch-call', { ...ZUDU_BATCH, name: fresh('list') }),
  },
  {
    route: 'POST /batch-call/:batch_call_id/execute',
    make: async (world) => posted(`/batch-call/batch_call_${hex(await batchIn(world, true))}/execute`),
  },
  {
    route: 'POST /batch-call/list',
    reads: true,
    make: async () => posted('/batch-call/list', { pagination: { limit: 5 } }),
  },
  {
    route: 'POST /api/agents/:agent_id/duplicate',
    make: async ({ agent }) => posted(`/api/agents/agent_${agent}/duplicate`, { agent_name: fresh('agent') }),
  },
  {
    route: 'POST /api/post-call-webhooks/create',
    make: async () => posted('/api/post-call-webhooks/create', { name: fresh('hook'), url: 'https://127.0.0.1/hook' }),
  },
]

const RETELL_POSTS: readonly PostRow[] = [
  {
    route: 'POST /create-batch-call',
    calls: 'one',
    make: async ({ agent }) =>
      posted('/create-batch-call', {
        from_number: '+15005550100',
        name: fresh('list'),
        tasks: [{ to_number: '+12125550100', override_agent_id: agent }],
      }),
  },
  {
    route: 'POST /v2/create-phone-call',
    calls: 'one',
    make: async ({ agent }) =>
      posted('/v2/create-phone-call', {
        from_number: '+15005550100',
        to_number: '+12125550100',
        override_agent_id: agent,
      }),
  },
  {
    route: 'POST /v2/stop-call/:call_id',
    overStatus: 400,
    make: async (world) => {
      const call = await made(world.post('native', `${NATIVE}/calls`, { agent: 'announcement', to: '+12125550100' }))
      return posted(`/v2/stop-call/call_${hex(call.id)}`)
    },
  },
  { route: 'POST /v3/list-calls', reads: true, make: async () => posted('/v3/list-calls', { limit: 5 }) },
  { route: 'POST /v2/list-agents', reads: true, make: async () => posted('/v2/list-agents', {}) },
]

const ZUDU_BATCH = {
  from_number: '+15005550100',
  agent_id: 'announcement',
  tasks: [{ to_number: '+12125550100' }],
}

/** One row for each POST of each wire format, and one more where it takes a list in two ways. */
export const POSTS: readonly PostRow[] = [...NATIVE_POSTS, ...OTHER_POSTS, ...RETELL_POSTS]
