import type { DialectFacts } from './dialect-facts.ts'

export const cartesia: DialectFacts = {
  keyHeaders: (token) => ({ authorization: `Bearer ${token}`, 'cartesia-version': '2026-08-14' }),
  noKeys: [{ authorization: '' }, { authorization: 'Bearer crl_000000000000_wrong' }],
  spellings: {
    ':batch_id': ({ batch }) => batch,
    ':call_id': ({ call }) => call,
    ':agent_id': ({ agent }) => agent,
    ':id': (theirs, url) => (url.includes('webhooks') ? theirs.webhook : theirs.number),
  },
  codeOf: ({ error_code }) => error_code.replaceAll('_', '-'),
  isRefusal: (body) => 'error_code' in body && 'request_id' in body,
  isKeyReused: ({ error_code, title }) => error_code === 'idempotency_key_reused' && title === 'Unprocessable Entity',
  isTooOften: ({ error_code }) => error_code === 'too_many_requests',
  readPath: '/agents/calls/batches',
}
