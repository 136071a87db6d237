import type { DialectFacts } from './dialect-facts.ts'

export const zudu: DialectFacts = {
  keyHeaders(token) {
    const [, id, secret] = /^(crl_[^_]+)_(.+)$/.exec(token)!
    return { 'x-api-key': id!, 'x-api-secret': secret! }
  },
  noKeys: [{ 'x-api-secret': '' }, { 'x-api-secret': 'wrong'.repeat(10) }],
  spellings: {
    ':batch_call_id': ({ batch }) => `batch_call_${batch.replaceAll('-', '')}`,
    ':agent_id': ({ agent }) => `agent_${agent}`,
  },
  bodies: {
    'PUT /batch-call/:batch_call_id': {
      from_number: '+15005550100',
      agent_id: 'announcement',
      tasks: [{ to_number: '+12125550100' }],
    },
    'POST /api/agents/:agent_id/duplicate': { agent_name: 'mine' },
  },
  isRefusal: (body) => 'error' in body && body.status === 'error',
  isKeyReused: ({ message, error }) => message === 'Validation error' && error.includes('idempotency key'),
  isTooOften: ({ message, status }) => message === 'Too many requests' && status === 'error',
  readPath: '/batch-call/list',
}
