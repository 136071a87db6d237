import type { RequestWorld } from './request-world.ts'

/** A request that is no POST and changes something. */
export interface Change {
  readonly path: string
  readonly body?: object
}

export interface ChangeRow {
  /** As the server has it: method and pattern. */
  readonly route: string
  readonly sender?: 'operator'
  /** Makes what the request is about; each call makes another one. */
  readonly make: (world: ChangeWorld) => Promise<Change>
}

export interface ChangeWorld extends RequestWorld {
  /** The id of a call that is over, in Cartesia's form. */
  endedCall(): Promise<string>
  /** Gives an object another name. */
  putAlias(path: string, sender: 'organization' | 'operator'): Promise<void>
}

const NATIVE = '/carillon/v1'
let last = 0
const fresh = (word: string) => `${word}-${++last}-of-a-change`
const freshNumber = () => `+1500558${String(1_000 + ++last).slice(-4)}`
const hex = (uuid: string) => uuid.replaceAll('-', '')

async function made(world: ChangeWorld, path: string, body: object) {
  const answer = await world.post('native', `${NATIVE}${path}`, body)
  if (answer.status >= 300) throw new Error(`could not prepare ${path}: ${answer.status} ${answer.text}`)
  return answer.body
}

const agent = async (world: ChangeWorld): Promise<string> =>
  (await made(world, '/agents', { name: fresh('agent'), kind: 'announcement', settings: { text: 'Hello' } })).id
const batch = async (world: ChangeWorld, draft: boolean): Promise<string> =>
  (await made(world, '/batches', { agent: world.agent, recipients: [{ to: '+12125550100' }], draft })).batch.id
const webhook = async (world: ChangeWorld, rest: object = {}): Promise<string> =>
  (await made(world, '/webhooks', { url: 'https://127.0.0.1/hook', ...rest })).webhook.id
const throttle = async (world: ChangeWorld): Promise<string> =>
  (await made(world, '/throttles', { name: fresh('throttle'), rules: [{ maxCalls: 1, windowSeconds: 1 }] })).id
const number = async (world: ChangeWorld): Promise<string> =>
  (await made(world, '/numbers', { number: freshNumber(), trunkId: world.trunk })).id
const key = async (world: ChangeWorld): Promise<string> => (await made(world, '/keys', { name: fresh('key') })).key.id

/** Its id without the words of a wire format. */
const plainCall = async (world: ChangeWorld) => (await world.endedCall()).replace(/^[a-z_]*_/, '')

const native = (method: string, route: string, make: (world: ChangeWorld) => Promise<Change>): ChangeRow => ({
  route: `${method} ${NATIVE}${route}`,
  make,
})

/** An object may have other names: each kind of object takes and loses one in the same way. */
const ALIASED: readonly (readonly [kind: string, id: (world: ChangeWorld) => string])[] = [
  ['agents', (world) => world.agent],
  ['numbers', (world) => world.number],
  ['trunks', (world) => world.trunk],
  ['organizations', (world) => world.organization],
]

const ALIASES: readonly ChangeRow[] = ALIASED.flatMap(([kind, idOf]) => {
  const path = (world: ChangeWorld) => `${NATIVE}/${kind}/${idOf(world)}/aliases/${fresh('alias')}`
  return [
    native('PUT', `/${kind}/:id/aliases/:alias`, async (world) => ({ path: path(world) })),
    native('DELETE', `/${kind}/:id/aliases/:alias`, async (world) => {
      const made = path(world)
      await world.putAlias(made, kind === 'organizations' ? 'operator' : 'organization')
      return { path: made }
    }),
  ].map((row) => (kind === 'organizations' ? { ...row, sender: 'operator' as const } : row))
})

const NATIVE_CHANGES: readonly ChangeRow[] = [
  native('PATCH', '/agents/:id', async (world) => ({
    path: `${NATIVE}/agents/${await agent(world)}`,
    body: { name: fresh('agent') },
  })),
  native('DELETE', '/agents/:id', async (world) => ({ path: `${NATIVE}/agents/${await agent(world)}` })),
  native('PATCH', '/batches/:id', async (world) => ({
    path: `${NATIVE}/batches/${await batch(world, true)}`,
    body: { name: fresh('batch') },
  })),
  native('DELETE', '/calls/:id', async (world) => ({
    path: `${NATIVE}/calls/${await plainCall(world)}`,
  })),
  native('DELETE', '/keys/:id', async (world) => ({ path: `${NATIVE}/keys/${await key(world)}` })),
  native('DELETE', '/numbers/:id', async (world) => ({ path: `${NATIVE}/numbers/${await number(world)}` })),
  {
    ...native('PATCH', '/organizations/:id', async (world) => ({
      path: `${NATIVE}/organizations/${world.organization}`,
      body: { concurrency: 20 },
    })),
    sender: 'operator',
  },
  {
    ...native('PUT', '/organizations/:id/keys/:keyId/limits', async (world) => ({
      path: `${NATIVE}/organizations/${world.organization}/keys/${await key(world)}/limits`,
      body: { limits: { requestsPerSecond: 5 } },
    })),
    sender: 'operator',
  },
  native('DELETE', '/suppressions/:number', async (world) => {
    const suppressed = freshNumber()
    await made(world, '/suppressions', { numbers: [suppressed] })
    return { path: `${NATIVE}/suppressions/${encodeURIComponent(suppressed)}` }
  }),
  native('PATCH', '/throttles/:id', async (world) => ({
    path: `${NATIVE}/throttles/${await throttle(world)}`,
    body: { name: fresh('throttle') },
  })),
  native('DELETE', '/throttles/:id', async (world) => ({ path: `${NATIVE}/throttles/${await throttle(world)}` })),
  native('PATCH', '/trunks/:id', async (world) => ({
    path: `${NATIVE}/trunks/${world.trunk}`,
    body: { concurrency: 40 },
  })),
  native('PATCH', '/webhooks/:id', async (world) => ({
    path: `${NATIVE}/webhooks/${await webhook(world)}`,
    body: { name: fresh('hook') },
  })),
  native('DELETE', '/webhooks/:id', async (world) => ({ path: `${NATIVE}/webhooks/${await webhook(world)}` })),
]

const ultravoxBatch = async (world: ChangeWorld): Promise<string> => {
  const calls = [{ medium: { twilio: { outgoing: { to: '+12125550100', from: '+15005550100' } } } }]
  const path = `/api/agents/${world.agent}/scheduled_batches`
  const { status, body, text } = await world.post('ultravox', path, { calls })
  if (status >= 300) throw new Error(`could not prepare a batch: ${status} ${text}`)
  return `${path}/${body.batchId}`
}
const ultravoxHook = async (world: ChangeWorld): Promise<string> => {
  const asked = { url: 'https://127.0.0.1/hook', events: ['call.ended'] }
  const { body } = await world.post('ultravox', '/api/webhooks', asked)
  return `/api/webhooks/${body.webhookId}`
}
const ULTRAVOX_BATCH = '/api/agents/:agent_id/scheduled_batches/:batch_id'

const ULTRAVOX_CHANGES: readonly ChangeRow[] = [
  {
    route: 'PATCH /api/agents/:agent_id',
    make: async (world) => ({ path: `/api/agents/${await agent(world)}`, body: { name: fresh('agent') } }),
  },
  { route: 'DELETE /api/agents/:agent_id', make: async (world) => ({ path: `/api/agents/${await agent(world)}` }) },
  {
    route: `PATCH ${ULTRAVOX_BATCH}`,
    make: async (world) => ({ path: await ultravoxBatch(world), body: { paused: true } }),
  },
  { route: `DELETE ${ULTRAVOX_BATCH}`, make: async (world) => ({ path: await ultravoxBatch(world) }) },
  {
    route: 'DELETE /api/calls/:call_id',
    make: async (world) => ({ path: `/api/calls/${await plainCall(world)}` }),
  },
  {
    route: 'PATCH /api/call_throttles/:throttle_id',
    make: async (world) => ({
      path: `/api/call_throttles/${await throttle(world)}`,
      body: { name: fresh('throttle') },
    }),
  },
  {
    route: 'DELETE /api/call_throttles/:throttle_id',
    make: async (world) => ({ path: `/api/call_throttles/${await throttle(world)}` }),
  },
  {
    route: 'PATCH /api/webhooks/:webhook_id',
    make: async (world) => ({ path: await ultravoxHook(world), body: { events: ['call.started'] } }),
  },
  {
    route: 'PUT /api/call_throttles/:throttle_id',
    make: async (world) => ({
      path: `/api/call_throttles/${await throttle(world)}`,
      body: { name: fresh('throttle'), rules: [{ maxCalls: 2, windowSeconds: 1 }] },
    }),
  },
  {
    route: 'PUT /api/webhooks/:webhook_id',
    make: async (world) => ({
      path: await ultravoxHook(world),
      body: { url: 'https://127.0.0.1/other', events: ['call.started'] },
    }),
  },
  { route: 'DELETE /api/webhooks/:webhook_id', make: async (world) => ({ path: await ultravoxHook(world) }) },
]

const TRILLET_CHANGES: readonly ChangeRow[] = ['/v1/api/batch-calls', '/v1/batch-calls'].map((path) => ({
  route: `DELETE ${path}/:batchId`,
  make: async (world) => ({ path: `${path}/${await batch(world, false)}` }),
}))

const CARTESIA_CHANGES: readonly ChangeRow[] = [
  {
    route: 'PATCH /agents/:agent_id',
    make: async (world) => ({ path: `/agents/${await agent(world)}`, body: { name: fresh('agent') } }),
  },
  {
    route: 'DELETE /agents/calls/:call_id',
    make: async (world) => ({ path: `/agents/calls/${await world.endedCall()}` }),
  },
  {
    route: 'DELETE /agents/webhooks/:id',
    make: async (world) => {
      const asked = { url: 'https://127.0.0.1/hook', secret: 'a-secret-of-theirs' }
      const { body } = await world.post('cartesia', '/agents/webhooks', asked)
      return { path: `/agents/webhooks/${body.id}` }
    },
  },
]

const zuduBatch = async (world: ChangeWorld) => `/batch-call/batch_call_${hex(await batch(world, true))}`
const ZUDU_CHANGES: readonly ChangeRow[] = [
  {
    route: 'PUT /batch-call/:batch_call_id',
    make: async (world) => ({
      path: await zuduBatch(world),
      body: {
        name: fresh('list'),
        from_number: '+15005550100',
        agent_id: 'announcement',
        status: 'draft',
        tasks: [{ to_number: '+12125550100' }],
      },
    }),
  },
  {
    route: 'PATCH /batch-call/:batch_call_id',
    make: async (world) => ({ path: await zuduBatch(world), body: { name: fresh('list') } }),
  },
  { route: 'DELETE /batch-call/:batch_call_id', make: async (world) => ({ path: await zuduBatch(world) }) },
]

const RETELL_CHANGES: readonly ChangeRow[] = [
  {
    route: 'PATCH /update-agent/:agent_id',
    make: async (world) => ({ path: `/update-agent/${await agent(world)}`, body: { agent_name: fresh('agent') } }),
  },
  {
    route: 'DELETE /v2/delete-call/:call_id',
    make: async (world) => ({ path: `/v2/delete-call/${await plainCall(world)}` }),
  },
]

const CONVAI = '/v1/convai'
const WORKSPACE_WEBHOOKS = '/v1/workspace/webhooks'
const elevenlabsHook = async (world: ChangeWorld): Promise<string> => {
  const settings = { auth_type: 'hmac', name: fresh('hook'), webhook_url: 'https://127.0.0.1/hook' }
  return (await world.post('elevenlabs', WORKSPACE_WEBHOOKS, { settings })).body.webhook_id
}
const ELEVENLABS_CHANGES: readonly ChangeRow[] = [
  {
    route: `DELETE ${CONVAI}/batch-calling/:batch_id`,
    make: async (world) => ({ path: `${CONVAI}/batch-calling/${await batch(world, false)}` }),
  },
  {
    route: `DELETE ${CONVAI}/conversations/:conversation_id`,
    make: async (world) => ({ path: `${CONVAI}/conversations/${await plainCall(world)}` }),
  },
  {
    route: `PATCH ${CONVAI}/settings`,
    make: async (world) => ({
      path: `${CONVAI}/settings`,
      body: { webhooks: { post_call_webhook_id: await elevenlabsHook(world) } },
    }),
  },
  {
    route: `PATCH ${WORKSPACE_WEBHOOKS}/:webhook_id`,
    make: async (world) => ({
      path: `${WORKSPACE_WEBHOOKS}/${await elevenlabsHook(world)}`,
      body: { is_disabled: false, name: fresh('hook') },
    }),
  },
  {
    route: `DELETE ${WORKSPACE_WEBHOOKS}/:webhook_id`,
    make: async (world) => ({ path: `${WORKSPACE_WEBHOOKS}/${await elevenlabsHook(world)}` }),
  },
]

/** One row for each PUT, PATCH and DELETE of each wire format. */
export const CHANGES: readonly ChangeRow[] = [
  ...ALIASES,
  ...NATIVE_CHANGES,
  ...ULTRAVOX_CHANGES,
  ...TRILLET_CHANGES,
  ...CARTESIA_CHANGES,
  ...ZUDU_CHANGES,
  ...RETELL_CHANGES,
  ...ELEVENLABS_CHANGES,
]
