import type { Body, DialectFacts } from './dialect-facts.ts'

export const elevenlabs: DialectFacts = {
  keyHeaders: (token) => ({ 'xi-api-key': token }),
  noKeys: [{ 'xi-api-key': '' }, { 'xi-api-key': 'crl_000000000000_wrong' }],
  spellings: {
    ':batch_id': ({ batch }) => batch,
    ':conversation_id': ({ call }) => call,
    ':phone_number_id': ({ number }) => number,
    ':webhook_id': ({ webhook }) => webhook,
  },
  bodies: { 'PATCH /v1/workspace/webhooks/:webhook_id': { is_disabled: true, name: 'mine' } },
  badRequestStatus: 422,
  fieldsOf: ({ detail }) =>
    Array.isArray(detail) ? detail.map(({ loc }: Body) => fieldAt(loc.slice(1))) : [detail.param],
  isRefusal: ({ detail }) =>
    Array.isArray(detail) || ['type', 'code', 'message', 'request_id'].every((key) => key in detail),
  isKeyReused: ({ detail }) => detail.code === 'idempotency_key_reused',
  isTooOften: ({ detail }) => detail.type === 'rate_limit_error' && detail.code === 'rate_limit_exceeded',
  readPath: '/v1/convai/batch-calling/workspace',
}

function fieldAt(steps: readonly (string | number)[]): string {
  const spelled = steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
  return spelled.join('').replace(/^\./, '')
}
