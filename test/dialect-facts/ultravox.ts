import type { DialectFacts } from './dialect-facts.ts'

export const THROTTLE = { name: 'slow', rules: [{ maxCalls: 1, windowSeconds: 1 }] }
export const ACCOUNT_WEBHOOK = { url: 'http://127.0.0.1:9/hook', events: ['call.ended'] }

export const ultravox: DialectFacts = {
  keyHeaders: (token) => ({ 'x-api-key': token }),
  noKeys: [{ 'x-api-key': '' }, { 'x-api-key': 'crl_000000000000_wrong' }],
  spellings: {
    ':agent_id': ({ agent }) => agent,
    ':batch_id': ({ batch }) => batch,
    ':call_id': ({ recipient }) => recipient,
    ':throttle_id': ({ throttle }) => throttle,
    ':webhook_id': ({ accountWebhook }) => accountWebhook,
  },
  bodies: {
    'PUT /api/call_throttles/:throttle_id': THROTTLE,
    'PUT /api/webhooks/:webhook_id': ACCOUNT_WEBHOOK,
    'POST /api/agents/:agent_id/calls': { medium: { twilio: { outgoing: { to: '+12125550100' } } } },
    'POST /api/agents/:agent_id/scheduled_batches': {
      calls: [{ medium: { twilio: { outgoing: { to: '+12125550100', from: '+15005550100' } } } }],
    },
  },
  isRefusal: (body) => Object.keys(body).length > 0,
  isKeyReused: ({ detail }) => detail.includes('idempotency key'),
  isTooOften: ({ detail }) => detail.includes('more requests in a second'),
  readPath: '/api/calls',
}
