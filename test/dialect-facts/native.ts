import type { Belongings, DialectFacts } from './dialect-facts.ts'

export const native: DialectFacts = {
  keyHeaders: (token) => ({ authorization: `Bearer ${token}` }),
  noKeys: [{ authorization: '' }, { authorization: 'Bearer x' }, { authorization: 'Bearer crl_000000000000_wrong' }],
  spellings: {
    ':id': (theirs, url) => theirs[thingOf(url)],
    ':recipientId': ({ recipient }) => recipient,
    ':alias': () => 'mine',
    ':keyId': ({ key }) => key,
    ':number': ({ suppressed }) => encodeURIComponent(suppressed),
    ':eventId': () => '1.1',
  },
  bodies: {
    'POST /carillon/v1/batches/:id/retry': { outcomes: ['unknown'] },
    'POST /carillon/v1/trunks/:id/test': { to: '+12125550100' },
  },
  fieldsOf: ({ field, details }) => [field, ...(details ?? []).map((detail: { field: string }) => detail.field)],
  codeOf: ({ code }) => code,
  isRefusal: (body) => 'code' in body && 'remedy' in body && 'requestId' in body,
  isKeyReused: ({ status, code }) => status === 422 && code === 'idempotency-key-reused',
  isTooOften: ({ code, retryable }) => code === 'too-many-requests' && retryable === true,
  readPath: '/carillon/v1/me',
}

function thingOf(url: string): keyof Belongings {
  const [, plural] = /^\/carillon\/v1\/(\w+)\//.exec(url) ?? []
  return plural === 'batches' ? 'batch' : (plural?.replace(/s$/, '') as keyof Belongings)
}
