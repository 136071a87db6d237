import { CALLER, callTo, type UltravoxServer } from '../ultravox-server.ts'
import type { InputRule, OperationRules } from './input-rule.ts'

/** What Ultravox's wire format takes and refuses, a row for each rule. */

const BAD = 400
const TAKEN = 201
const long = (chars: number) => 'x'.repeat(chars)
const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: deep(depth - 1) })
const E164 = /must be a number in E\.164/
const TEXT = /must be a text/
const FLAG = /must be true or false/
const OBJECT = /must be an object/

const telephone = (name: string): InputRule[] => [
  [`medium.${name}`, 'missing', {}, BAD, /webhookUrl is missing/],
  [`medium.${name}`, 'wrong type', 'x', BAD, OBJECT],
  [`medium.${name}.outgoing`, 'wrong type', [], BAD, OBJECT],
  [`medium.${name}.outgoing.to`, 'taken', '+14155550100', TAKEN],
  [`medium.${name}.outgoing.to`, 'missing', undefined, BAD, /is missing/],
  [`medium.${name}.outgoing.to`, 'wrong type', 14155550100, BAD, TEXT],
  [`medium.${name}.outgoing.to`, 'one below', '', BAD, /at least 1 character/],
  [`medium.${name}.outgoing.to`, 'form', '14155550100', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '+1 415 555 0100', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '+1415555010a', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '+141555', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '+1234567890123456', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', 'tel:+14155550100', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '+14155550100;ext=5', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '+14155550100,,w123#', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '＋14155550100', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', '\u00a0+14155550100', BAD, E164],
  [`medium.${name}.outgoing.to`, 'form', 'sip:ada@example.com', BAD, /SIP address belongs into the medium sip/],
  [`medium.${name}.outgoing.from`, 'taken', CALLER, TAKEN],
  [`medium.${name}.outgoing.from`, 'taken', undefined, TAKEN],
  [`medium.${name}.outgoing.from`, 'foreign id', '+14155559999', BAD, /not one of the organization.*Add the number/],
  [`medium.${name}.outgoing.from`, 'form', 'client:ada', BAD, E164],
  [`medium.${name}.outgoing.from`, 'wrong type', 5, BAD, TEXT],
  [`medium.${name}.outgoing.to`, 'one above', long(501), BAD, /at most 500 characters/],
  [`medium.${name}.outgoing.from`, 'one below', '', BAD, /at least 1 character/],
  [`medium.${name}.outgoing.from`, 'one above', long(501), BAD, /at most 500 characters/],
  [`medium.${name}.dtmfHandling`, 'wrong type', 'x', BAD, OBJECT],
  [`medium.${name}.dtmfHandling.userTextMessage.text`, 'one above', long(10_001), BAD, /at most 10000 characters/],
  [`medium.${name}.dtmfHandling.userTextMessage.urgency`, 'wrong type', 5, BAD, /must be one of/],
  [`medium.${name}.outgoing.additionalParams`, 'taken', { Timeout: 5 }, TAKEN],
  [`medium.${name}.outgoing.additionalParams`, 'wrong type', 'x', BAD, OBJECT],
  [`medium.${name}.outgoing.additionalParams`, 'wrong type', long(70_000), BAD, OBJECT],
  [
    `medium.${name}.outgoing.additionalParams`,
    'one above',
    { a: long(70_000) },
    BAD,
    /medium:? must have at most 65536 characters/,
  ],
  [`medium.${name}.dtmfHandling`, 'missing', { ignore: true }, BAD, /webhookUrl is missing/],
  [`medium.${name}.dtmfHandling.ignore`, 'wrong type', 'yes', BAD, FLAG],
  [`medium.${name}.dtmfHandling.userTextMessage`, 'wrong type', [], BAD, OBJECT],
  [`medium.${name}.dtmfHandling.userTextMessage.text`, 'wrong type', 5, BAD, TEXT],
  [`medium.${name}.dtmfHandling.userTextMessage.urgency`, 'form', 'SOON', BAD, /must be one of URGENCY_UNSPECIFIED/],
]

const messages = (name: string): InputRule[] => [
  [`medium.${name}.dataMessages`, 'wrong type', 1, BAD, OBJECT],
  ...[
    'pong',
    'state',
    'transcript',
    'clientToolInvocation',
    'dataConnectionToolInvocation',
    'playbackClearBuffer',
    'callStarted',
    'debug',
    'callEvent',
    'toolUsed',
    'userStartedSpeaking',
    'userStoppedSpeaking',
    'invokingTool',
  ].map((key): InputRule => [`medium.${name}.dataMessages.${key}`, 'wrong type', 'on', BAD, FLAG]),
]

/** Of one call of a batch. */
const CALL_RULES: readonly InputRule[] = [
  ['medium', 'taken', callTo('10').medium, TAKEN],
  ['medium', 'missing', null, BAD, /webhookUrl is missing/],
  ['medium', 'form', {}, BAD, /exactly one of the keys .* and has 0/],
  ['medium', 'form', { fax: {} }, BAD, /exactly one of the keys .* and has 0/],
  ['medium', 'form', { ...callTo('10').medium, webRtc: {} }, BAD, /exactly one of the keys .* and has 2/],
  ['medium', 'wrong type', 'twilio', BAD, OBJECT],
  ['medium', 'wrong type', [], BAD, OBJECT],
  ...telephone('twilio'),
  ...telephone('telnyx'),
  ...telephone('plivo'),
  ['medium.plivo.outgoing.to', 'form', '+14155550100<+14155550101', BAD, /must be one number/],
  ['medium.webRtc', 'wrong type', 1, BAD, OBJECT],
  ...messages('webRtc'),
  ['medium.exotel', 'wrong type', 'x', BAD, OBJECT],
  ['medium.exotel', 'missing', {}, BAD, /webhookUrl is missing/],
  ['medium.exotel.dtmfHandling.ignore', 'wrong type', 1, BAD, FLAG],
  ['medium.exotel.dtmfHandling.userTextMessage.text', 'wrong type', 1, BAD, TEXT],
  ['medium.exotel.dtmfHandling.userTextMessage.urgency', 'form', 'NOW', BAD, /must be one of/],
  ['medium.serverWebSocket', 'missing', {}, BAD, /inputSampleRate is missing/],
  ['medium.serverWebSocket.inputSampleRate', 'one below', 0, BAD, /at least 1/],
  ['medium.serverWebSocket.inputSampleRate', 'wrong type', 1.5, BAD, /whole number/],
  ['medium.serverWebSocket.inputSampleRate', 'wrong type', '8000', BAD, /number/],
  ['medium.serverWebSocket.inputSampleRate', 'one above', 2 ** 31, BAD, /at most 2147483647/],
  ['medium.serverWebSocket.outputSampleRate', 'one below', -1, BAD, /at least 1/],
  ['medium.serverWebSocket.clientBufferSizeMs', 'one below', -1, BAD, /at least 0/],
  ...messages('serverWebSocket'),
  ['medium.serverWebSocket.mediaIdleTimeout', 'form', '30', BAD, /duration in seconds such as 30s/],
  ['medium.serverWebSocket.mediaIdleTimeout', 'form', '1m', BAD, /duration in seconds such as 30s/],
  ['medium.sip', 'form', {}, BAD, /exactly one of incoming and outgoing/],
  [
    'medium.sip',
    'form',
    { incoming: {}, outgoing: { to: 'sip:+14155550100@a' } },
    BAD,
    /exactly one of incoming and outgoing/,
  ],
  ['medium.sip.incoming', 'missing', {}, BAD, /webhookUrl is missing/],
  ['medium.sip.incoming', 'wrong type', 1, BAD, OBJECT],
  ['medium.sip.outgoing', 'wrong type', 1, BAD, OBJECT],
  ['medium.sip.outgoing.to', 'taken', 'sip:+14155550100@pbx.example.com', TAKEN],
  ['medium.sip.outgoing.to', 'taken', 'SIPS:14155550100@pbx.example.com:5061;transport=tls', TAKEN],
  ['medium.sip.outgoing.to', 'form', '+14155550100', BAD, /must be a SIP URI/],
  ['medium.sip.outgoing.to', 'form', 'sip:+14155550100', BAD, /must be a SIP URI/],
  ['medium.sip.outgoing.to', 'form', 'sip:+14155550100@a b', BAD, /must be a SIP URI/],
  ['medium.sip.outgoing.to', 'form', 'sip:attacker@evil.example', BAD, /must have a telephone number before the @/],
  ['medium.sip.outgoing.to', 'form', 'sip:100@pbx.example.com', BAD, /must have a telephone number before the @/],
  ['medium.sip.outgoing.from', 'taken', 'Your Company', TAKEN],
  ['medium.sip.outgoing.from', 'one below', '', BAD, /at least 1 character/],
  ['medium.sip.outgoing.from', 'foreign id', 'sip:+14155559999@us', BAD, /not one of the organization/],
  ['medium.sip.outgoing.username', 'wrong type', 5, BAD, TEXT],
  ['medium.sip.outgoing.password', 'wrong type', 5, BAD, TEXT],
  ['medium.exotel.dtmfHandling', 'wrong type', 'x', BAD, OBJECT],
  ['medium.exotel.dtmfHandling.ignore', 'wrong type', 'x', BAD, FLAG],
  ['medium.exotel.dtmfHandling.userTextMessage', 'wrong type', 'x', BAD, OBJECT],
  ['medium.exotel.dtmfHandling.userTextMessage.text', 'one above', long(10_001), BAD, /at most 10000 characters/],
  ['medium.exotel.dtmfHandling.userTextMessage.urgency', 'wrong type', 5, BAD, /must be one of/],
  ['medium.serverWebSocket', 'wrong type', 8_000, BAD, OBJECT],
  ['medium.serverWebSocket.inputSampleRate', 'missing', undefined, BAD, /inputSampleRate is missing/],
  ['medium.serverWebSocket.outputSampleRate', 'wrong type', '8000', BAD, /number/],
  ['medium.serverWebSocket.clientBufferSizeMs', 'wrong type', '60', BAD, /number/],
  ['medium.serverWebSocket.mediaIdleTimeout', 'wrong type', 30, BAD, TEXT],
  ['medium.sip', 'wrong type', 'x', BAD, OBJECT],
  ['medium.sip.outgoing.to', 'missing', undefined, BAD, /is missing/],
  ['medium.sip.outgoing.to', 'wrong type', 5, BAD, TEXT],
  ['medium.sip.outgoing.to', 'one below', '', BAD, /at least 1 character/],
  ['medium.sip.outgoing.to', 'one above', long(501), BAD, /at most 500 characters/],
  ['medium.sip.outgoing.from', 'wrong type', 5, BAD, TEXT],
  ['medium.sip.outgoing.from', 'one above', long(501), BAD, /at most 500 characters/],
  ['medium.sip.outgoing.username', 'one above', long(501), BAD, /at most 500 characters/],
  ['medium.sip.outgoing.password', 'one above', long(501), BAD, /at most 500 characters/],
  ['metadata', 'taken', null, TAKEN],
  ['metadata', 'taken', { order: '7' }, TAKEN],
  ['metadata', 'wrong type', { order: 7 }, BAD, /must be a text/],
  ['metadata', 'wrong type', ['7'], BAD, OBJECT],
  ['metadata', 'form', { 'ultravox.x': '1' }, BAD, /no key that starts with ultravox\./],
  ['templateContext', 'taken', null, TAKEN],
  ['templateContext', 'taken', { name: { first: 'Ada' } }, TAKEN],
  ['templateContext', 'wrong type', 'Ada', BAD, OBJECT],
  ['templateContext', 'one above', { a: long(1_048_576) }, BAD, /templateContext:? must have at most 65536 characters/],
  ['templateContext', 'form', { a: deep(40) }, BAD, /nested more than 32 deep/],
  ['templateContext', 'form', { '\u0000': 1 }, BAD, /U\+0000/],
  ['experimentalSettings', 'taken', 5, TAKEN],
  ['experimentalSettings', 'taken', { any: [1] }, TAKEN],
]

const BATCH_RULES: readonly InputRule[] = [
  ['calls', 'missing', undefined, BAD, /calls is missing/],
  ['calls', 'one below', [], BAD, /at least 1 entry/],
  ['calls', 'wrong type', {}, BAD, /must be a list/],
  ['calls', 'wrong type', [null], BAD, /must be an object/],
  ['calls', 'wrong type', ['x'], BAD, /must be an object/],
  ['windowStart', 'taken', null, TAKEN],
  ['windowStart', 'taken', '2190-01-01T00:00:00+02:00', TAKEN],
  ['windowStart', 'taken', '2001-01-01T00:00:00Z', TAKEN],
  ['windowStart', 'form', '', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '2190-01-01', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '2190-01-01T00:00:00', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '2023-02-29T00:00:00Z', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '2190-01-01T24:00:00Z', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '2190-01-01T00:00:60Z', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '300000-01-01T00:00:00Z', BAD, /time in ISO 8601/],
  ['windowStart', 'form', '2400-01-01T00:00:00Z', BAD, /windowStart must be an instant of this century/],
  ['windowStart', 'wrong type', 6_942_240_000, BAD, /must be a text/],
  ['windowEnd', 'taken', null, TAKEN],
  ['windowEnd', 'taken', '2190-01-01T00:00:00Z', TAKEN],
  ['windowEnd', 'form', 'tomorrow', BAD, /time in ISO 8601/],
  ['windowEnd', 'form', '2400-01-01T00:00:00Z', BAD, /windowEnd must be an instant of this century/],
  ['windowEnd', 'form', '2020-01-01T00:00:00Z', BAD, /would expire before it can start/],
  ['windowEnd', 'wrong type', 6_942_240_000, BAD, TEXT],
  ['throttle', 'one below', '', BAD, /at least 1 character/],
  ['throttle', 'one above', long(101), BAD, /at most 100 characters/],
  ['throttle', 'foreign id', 'nobody', BAD, /throttle/],
  ['calls[]', 'wrong type', 'x', BAD, OBJECT],
  ['webhookUrl', 'one above', `https://example.com/${long(200)}`, BAD, /at most 200 characters/],
  ['webhookSecret', 'wrong type', 5, BAD, TEXT],
  ['throttle', 'taken', null, TAKEN],
  ['throttle', 'wrong type', 5, BAD, TEXT],
  ['webhookUrl', 'taken', null, TAKEN],
  ['webhookUrl', 'form', 'https://example.com', BAD, /not allowed/],
  ['webhookUrl', 'form', 'ftp://example.com', BAD, /must be an address/],
  ['webhookUrl', 'wrong type', 5, BAD, TEXT],
  ['webhookSecret', 'taken', null, TAKEN],
  ['webhookSecret', 'taken', long(120), TAKEN],
  ['webhookSecret', 'one above', long(121), BAD, /at most 120 characters/],
  ['webhookSecret', 'one below', '', BAD, /at least 1 character/],
  ['paused', 'taken', true, TAKEN],
  ['paused', 'wrong type', 'true', BAD, FLAG],
  ['paused', 'wrong type', null, BAD, FLAG],
]

const AGENT_RULES: readonly InputRule[] = [
  ['name', 'taken', long(64), TAKEN],
  ['name', 'one above', long(65), BAD, /at most 64 characters/],
  ['name', 'one below', '', BAD, /at least 1 character/],
  ['name', 'form', '   ', BAD, /must not be empty/],
  ['name', 'wrong type', null, BAD, TEXT],
  ['callTemplate.medium', 'wrong type', 'x', BAD, OBJECT],
  ['callTemplate.maxDuration', 'wrong type', 30, BAD, TEXT],
  ['callTemplate.temperature', 'wrong type', '1', BAD, /number/],
  ['callTemplate.sharedSecrets[]', 'wrong type', 5, BAD, TEXT],
  ['callTemplate.selectedTools', 'wrong type', 'x', BAD, /must be a list/],
  ['callTemplate.selectedTools[]', 'wrong type', 'x', BAD, OBJECT],
  ['callTemplate.selectedTools[].authTokens', 'wrong type', ['x'], BAD, OBJECT],
  ['callTemplate.selectedTools[].authTokens', 'taken', { key: 'x' }, TAKEN],
  ['callTemplate', 'taken', null, TAKEN],
  ['callTemplate', 'taken', { anything: { of: ['theirs'] } }, TAKEN],
  ['callTemplate', 'wrong type', 'x', BAD, OBJECT],
  ['callTemplate.medium', 'form', {}, BAD, /exactly one of the keys/],
  ['callTemplate.medium', 'taken', { twilio: {} }, TAKEN],
  ['callTemplate.joinTimeout', 'wrong type', 30, BAD, TEXT],
  ['callTemplate.joinTimeout', 'form', 'PT30S', BAD, /duration/],
  ['callTemplate.maxDuration', 'form', '1h', BAD, /duration/],
  ['callTemplate.systemPrompt', 'wrong type', 5, BAD, TEXT],
  ['callTemplate.temperature', 'one above', 1.1, BAD, /at most 1/],
  ['callTemplate.temperature', 'one below', -0.1, BAD, /at least 0/],
  ['callTemplate.temperature', 'taken', 1, TAKEN],
  ['callTemplate.sharedSecrets', 'wrong type', 'x', BAD, /must be a list/],
]

/** What a medium needs beside the field that is tried. */
function callFor(path: string): Record<string, unknown> {
  const [first, medium, part] = path.split('.')
  if (first !== 'medium') return callTo('10')
  if (medium === undefined) return {}
  if (medium === 'serverWebSocket' && part !== undefined) return { medium: { [medium]: { inputSampleRate: 8_000 } } }
  if (part !== 'outgoing') return { medium: {} }
  return { medium: { [medium]: { outgoing: { to: medium === 'sip' ? 'sip:+14155550110@pbx' : '+14155550110' } } } }
}

const inCalls = (rules: readonly InputRule[]): InputRule[] =>
  rules.map(([field, ...rest]): InputRule => [`calls[].${field}`, ...rest])
/** The same rules for a request whose answer has another status. */
const takenAs = (status: number, rules: readonly InputRule[]): InputRule[] =>
  rules.map(([field, kind, value, answer, ...rest]) => [
    field,
    kind,
    value,
    answer === TAKEN ? status : answer,
    ...rest,
  ])

/** The second call is good: one that is not refuses all. Nobody is called. */
function batchFor(field: string): object {
  const calls = field.startsWith('calls[].') ? [callFor(field.slice('calls[].'.length)), callTo('11')] : [callTo('10')]
  return { calls, paused: true }
}

const page = (): readonly InputRule[] => [
  ['?cursor', 'one below', '', BAD, 'cursor'],
  ['?cursor', 'one above', long(1_001), BAD, 'cursor'],
  ['?cursor', 'foreign id', 'x', BAD, 'cursor'],
  ['?pageSize', 'taken', -5, 200],
  ['?pageSize', 'taken', 1_000, 200],
  ['?pageSize', 'form', '', BAD, 'pageSize'],
  ['?pageSize', 'form', 'abc', BAD, 'pageSize'],
  ['?pageSize', 'form', '1.5', BAD, 'pageSize'],
]
/** A text of 1 to 200 characters in a query, which nothing has. */
function text200(field: string, unknown: number): InputRule[] {
  return [
    [field, 'one below', '', BAD, field.slice(1)],
    [field, 'form', long(200), unknown],
    [field, 'one above', long(201), BAD, field.slice(1)],
  ]
}
const time = (field: string): readonly InputRule[] => [
  [field, 'taken', '2026-01-01T00:00:00Z', 200],
  [field, 'form', 'yesterday', BAD, field.slice(1)],
]

const THROTTLE: readonly InputRule[] = [
  ['name', 'wrong type', 5, BAD, TEXT],
  ['name', 'one below', '', BAD, /at least 1 character/],
  ['name', 'one above', long(65), BAD, /at most 64 characters/],
  ['rules', 'wrong type', {}, BAD, /must be a list/],
  ['rules', 'one below', [], BAD, /at least 1 entry/],
  ['rules', 'one above', Array(21).fill({ maxCalls: 1, windowSeconds: 1 }), BAD, /at most 20 entries/],
  ['rules[]', 'wrong type', 5, BAD, OBJECT],
  ['rules[].maxCalls', 'missing', undefined, BAD, /maxCalls is missing/],
  ['rules[].maxCalls', 'wrong type', '5', BAD, /rules\[0\]\.maxCalls must be/],
  ['rules[].maxCalls', 'wrong type', 1.5, BAD, /rules\[0\]\.maxCalls must be/],
  ['rules[].maxCalls', 'one below', 0, BAD, /at least 1/],
  ['rules[].maxCalls', 'one above', 101, BAD, /at most 100/],
  ['rules[].windowSeconds', 'missing', undefined, BAD, /windowSeconds is missing/],
  ['rules[].windowSeconds', 'wrong type', '5', BAD, /rules\[0\]\.windowSeconds must be/],
  ['rules[].windowSeconds', 'one below', 0, BAD, /at least 1/],
  ['rules[].windowSeconds', 'one above', 86_401, BAD, /at most 86400/],
]
const THROTTLE_WHOLE: readonly InputRule[] = [
  ...THROTTLE,
  ['name', 'missing', undefined, BAD, /name is missing/],
  ['rules', 'missing', undefined, BAD, /rules is missing/],
]

const WEBHOOK: readonly InputRule[] = [
  ['url', 'wrong type', 5, BAD, TEXT],
  ['url', 'form', 'example.com', BAD, /must be an address/],
  ['url', 'form', 'https://10.0.0.1/', BAD, /cannot be used/],
  ['url', 'one above', `https://example.com/${long(200)}`, BAD, /at most 200 characters/],
  ['events', 'wrong type', 'call.ended', BAD, /must be a list/],
  ['events', 'one below', [], BAD, /at least 1 entry/],
  ['events', 'one above', Array(5).fill('call.ended'), BAD, /at most 4 entries/],
  ['events[]', 'wrong type', 5, BAD, /events\[0\]/],
  ['events[]', 'form', 'call.lost', BAD, /events\[0\] must be one of/],
  ['events', 'form', ['call.billed'], BAD, /nothing is billed here/],
  ['agentId', 'wrong type', 5, BAD, TEXT],
  ['agentId', 'one above', long(201), BAD, /at most 200 characters/],
  ['agentId', 'foreign id', '3c90c3cc-0d44-4b50-8888-8dd25736052a', BAD, /agentId/],
  ['secrets', 'wrong type', 'x', BAD, /must be a list/],
  ['secrets', 'one above', Array(11).fill('x'), BAD, /at most 10 entries/],
  ['secrets[]', 'wrong type', 5, BAD, TEXT],
  ['secrets[]', 'one below', '', BAD, /at least 1 character/],
  ['secrets[]', 'one above', long(121), BAD, /at most 120 characters/],
  ['secrets[]', 'form', 'schlüssel', BAD, /printable/],
]
const WEBHOOK_WHOLE: readonly InputRule[] = [
  ...WEBHOOK,
  ['url', 'missing', undefined, BAD, /url is missing/],
  ['events', 'missing', undefined, BAD, /events is missing/],
]

/** Of one call by itself. What is taken is taken for a batch, too; nobody is called here. */
const refusals = (rules: readonly InputRule[]) => rules.filter(([, , , status]) => status !== TAKEN)
const ONE_CALL: readonly InputRule[] = [
  ...refusals(CALL_RULES).filter(([, , , , text]) => String(text) !== '/webhookUrl is missing/'),
  ['joinTimeout', 'wrong type', 30, BAD, TEXT],
  ['joinTimeout', 'form', 'PT30S', BAD, /duration/],
  ['maxDuration', 'wrong type', 30, BAD, TEXT],
  ['maxDuration', 'form', '1h', BAD, /duration/],
  ['firstSpeakerSettings', 'wrong type', 'user', BAD, OBJECT],
  ['initialOutputMedium', 'wrong type', 5, BAD, TEXT],
  ['initialOutputMedium', 'one above', long(101), BAD, /at most 100 characters/],
  ['recordingEnabled', 'wrong type', 'yes', BAD, FLAG],
  ['voice', 'wrong type', 5, BAD, TEXT],
  ['voice', 'one above', long(201), BAD, /at most 200 characters/],
  ['experimentalSettings', 'taken', 5, TAKEN],
  ['?throttle', 'one below', '', BAD, 'throttle'],
  ['?throttle', 'one above', long(101), BAD, 'throttle'],
  ['?throttle', 'foreign id', 'nobody', BAD, 'throttle'],
]

/** The server, and what a test has made there first. */
export interface UltravoxWorld {
  readonly server: UltravoxServer
  readonly batchId: string
  readonly throttleId: string
  readonly webhookId: string
}

const AGENT = '/api/agents/{agent_id}'
const BATCHES = `${AGENT}/scheduled_batches`
const BATCH = `${BATCHES}/{batch_id}`
const ofAgent = (rest: string) => (world: UltravoxWorld) => `/api/agents/${world.server.agentId}${rest}`
const ofBatch = (rest: string) => (world: UltravoxWorld) => `${world.server.batches}/${world.batchId}${rest}`
const ofThrottle = ({ throttleId }: UltravoxWorld) => `/api/call_throttles/${throttleId}`
const ofWebhook = ({ webhookId }: UltravoxWorld) => `/api/webhooks/${webhookId}`
const throttle = () => ({ name: 'slow', rules: [{ maxCalls: 1, windowSeconds: 1 }] })
const webhook = () => ({ url: 'https://127.0.0.1:8443/hook', events: ['call.ended'] })
const CURSOR = ['?cursor']
/** The media of a template are those of a call. */
const MEDIA_OF_TEMPLATE = /^callTemplate\.medium\./

export const ultravoxRules: readonly OperationRules<UltravoxWorld>[] = [
  { operation: 'GET /api/agents', rules: [...page(), ...text200('?search', 200)], ids: CURSOR },
  { operation: 'POST /api/agents', body: () => ({}), rules: AGENT_RULES, elsewhere: MEDIA_OF_TEMPLATE },
  {
    operation: `PATCH ${AGENT}`,
    path: ofAgent(''),
    body: () => ({}),
    rules: takenAs(200, AGENT_RULES),
    elsewhere: MEDIA_OF_TEMPLATE,
  },
  { operation: `GET ${BATCHES}`, path: ofAgent('/scheduled_batches'), rules: page(), ids: CURSOR },
  {
    operation: `POST ${BATCHES}`,
    path: ofAgent('/scheduled_batches'),
    body: (_world, field) => batchFor(field),
    rules: [...BATCH_RULES, ...inCalls(CALL_RULES)],
    ids: ['throttle'],
  },
  {
    operation: `PATCH ${BATCH}`,
    path: ofBatch(''),
    body: () => ({ paused: true }),
    rules: [
      ...takenAs(200, BATCH_RULES).filter(([field]) => field !== 'calls' && field !== 'calls[]'),
      ['calls', 'form', [callTo('10')], BAD, /calls/],
    ],
    ids: ['throttle'],
  },
  {
    operation: `GET ${BATCH}/scheduled_calls`,
    path: ofBatch('/scheduled_calls'),
    rules: [
      ...page(),
      ['?status', 'taken', 'FUTURE', 200],
      ...['', 'DONE', 'future'].map((status): InputRule => ['?status', 'form', status, BAD, 'status']),
    ],
    ids: CURSOR,
  },
  { operation: `GET ${BATCH}/created_calls`, path: ofBatch('/created_calls'), rules: page(), ids: CURSOR },
  {
    operation: 'GET /api/calls',
    rules: [
      ...page(),
      ...text200('?agentIds', 404),
      ['?agentIds', 'foreign id', '3c90c3cc-0d44-4b50-8888-8dd25736052a', 404],
      ...time('?fromDate'),
      ...time('?toDate'),
    ],
    ids: [...CURSOR, '?agentIds'],
  },
  { operation: `GET ${AGENT}/calls`, path: ofAgent('/calls'), rules: page(), ids: CURSOR },
  {
    operation: `POST ${AGENT}/calls`,
    path: ofAgent('/calls'),
    body: (_world, field) => callFor(field),
    rules: ONE_CALL,
    ids: ['?throttle'],
  },
  {
    operation: 'GET /api/calls/{call_id}/join',
    path: () => '/api/calls/3c90c3cc-0d44-4b50-8888-8dd25736052a/join',
    rules: [
      ['?token', 'missing', undefined, BAD, 'token'],
      ['?token', 'one below', '', BAD, 'token'],
      ['?token', 'one above', long(201), BAD, 'token'],
      ['?token', 'foreign id', 'x', 404],
    ],
    ids: ['?token'],
  },
  { operation: 'GET /api/call_throttles', rules: page(), ids: CURSOR },
  { operation: 'POST /api/call_throttles', body: throttle, rules: THROTTLE_WHOLE },
  {
    operation: 'PUT /api/call_throttles/{throttle_id}',
    path: ofThrottle,
    body: throttle,
    rules: THROTTLE_WHOLE,
  },
  { operation: 'PATCH /api/call_throttles/{throttle_id}', path: ofThrottle, body: throttle, rules: THROTTLE },
  {
    operation: 'GET /api/webhooks',
    rules: [
      ...page(),
      ...text200('?agentId', 404),
      ['?agentId', 'foreign id', '3c90c3cc-0d44-4b50-8888-8dd25736052a', 404],
    ],
    ids: [...CURSOR, '?agentId'],
  },
  { operation: 'POST /api/webhooks', body: webhook, rules: WEBHOOK_WHOLE, ids: ['agentId'] },
  {
    operation: 'PUT /api/webhooks/{webhook_id}',
    path: ofWebhook,
    body: webhook,
    rules: WEBHOOK_WHOLE,
    ids: ['agentId'],
  },
  { operation: 'PATCH /api/webhooks/{webhook_id}', path: ofWebhook, body: webhook, rules: WEBHOOK, ids: ['agentId'] },
]
