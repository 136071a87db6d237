import type { DialectFacts } from './dialect-facts.ts'

export const trillet: DialectFacts = {
  keyHeaders: (token, organization) => ({ 'x-api-key': token, 'x-workspace-id': organization }),
  noKeys: [{ 'x-api-key': '' }, { 'x-api-key': 'crl_000000000000_wrong' }],
  spellings: { ':batchId': ({ batch }) => `batch_${BigInt(`0x${batch.replaceAll('-', '')}`)}` },
  isRefusal: (body) => 'error' in body,
  isKeyReused: ({ error, message }) => error.includes('idempotency key') && typeof message === 'string',
  isTooOften: ({ error }) => error.includes('more requests in a second'),
  readPath: '/v1/api/batch-calls/batch_1',
}
