import type { DialectFacts } from './dialect-facts.ts'

export const retell: DialectFacts = {
  keyHeaders: (token) => ({ authorization: `Bearer ${token}` }),
  noKeys: [{ authorization: '' }, { authorization: 'Bearer crl_000000000000_wrong' }],
  spellings: {
    ':call_id': ({ call }) => `call_${call.replaceAll('-', '')}`,
    ':agent_id': ({ agent }) => `agent_${agent.replaceAll('-', '')}`,
    ':phone_number': ({ callerNumber }) => callerNumber,
  },
  notFoundStatus: 422,
  isRefusal: (body) => body.status === 'error' && typeof body.message === 'string' && Object.keys(body).length === 2,
  isKeyReused: ({ message }) => message.includes('idempotency key'),
  isTooOften: ({ message }) => message.includes('more requests in a second'),
  readPath: '/v2/list-phone-numbers',
}
