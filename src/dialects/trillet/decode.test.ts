import { describe, expect, it } from 'vitest'
import { AppError } from '../../errors.ts'
import { NO_RETRIES } from '../../model/retry-policy.ts'
import { decodeBatchId, decodeCallFilter, decodeStart } from './decode.ts'

const NOW = Date.parse('2030-01-15T14:30:00Z')

function decode(fields: Record<string, string>) {
  return decodeStart(new Map(Object.entries({ agentId: 'agent_123456', ...fields })), NOW)
}

function refusalOf(fields: Record<string, string>): AppError {
  try {
    decode(fields)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error(`was taken: ${JSON.stringify(fields)}`)
}

const retryAfter = (maxAttempts: number, gapsSeconds: number[]) => {
  const rule = { gapsSeconds }
  return { maxAttempts, rules: { busy: rule, 'no-answer': rule, failed: rule } }
}

describe('a form that starts a batch', () => {
  it('needs nothing but the agent', () => {
    expect(decode({})).toEqual({
      input: {
        dialect: 'trillet',
        agent: 'agent_123456',
        startAt: null,
        pastStart: 'now',
        retryPolicy: NO_RETRIES,
        duplicateNumbers: 'skip',
        onBadRows: 'accept',
      },
      ignoredFields: [],
    })
  })

  it('names what it ignores, also inside of smartCallbackConfig', () => {
    const config = '{"enabled":true,"maxAttempts":2,"mode":"x","gaps":[{"days":1,"weeks":2}]}'
    expect(decode({ campaign: 'spring', smartCallbackConfig: config }).ignoredFields).toEqual([
      'campaign',
      'smartCallbackConfig.mode',
      'smartCallbackConfig.gaps[0].weeks',
    ])
  })

  it('refuses bad rows only when it is asked to', () => {
    expect(decode({ onBadRows: 'reject' }).input.onBadRows).toBe('reject')
  })
})

describe('scheduledAt', () => {
  const startOf = (scheduledAt: string) => decode({ scheduledAt }).input.startAt?.toISOString() ?? 'now'

  it.each([
    ['2030-01-15T14:30:01Z', '2030-01-15T14:30:01.000Z'],
    ['2030-01-15T16:30:01+02:00', '2030-01-15T14:30:01.000Z'],
    ['2030-01-15T14:30:00.250Z', '2030-01-15T14:30:00.250Z'],
    [' 2030-02-01T00:00:00Z ', '2030-02-01T00:00:00.000Z'],
    ['2030-01-15T14:30:00Z', 'now'],
    ['2024-01-15T14:30:00Z', 'now'],
    ['1969-07-20T20:17:00Z', 'now'],
  ])('%s starts at %s', (written, expected) => {
    expect(startOf(written)).toBe(expected)
  })

  it.each([
    '',
    'tomorrow',
    '2030-01-15',
    '2030-01-15T14:30:00',
    '2030-02-29T00:00:00Z',
    '2030-01-15T24:00:00Z',
    '2030-01-15T14:30:60Z',
    '2030-13-01T00:00:00Z',
    '1894717800',
    '300000-01-01T00:00:00Z',
    '+012030-01-01T00:00:00Z',
    '2200-01-01T00:00:00Z',
  ])('refuses %j', (written) => {
    expect(refusalOf({ scheduledAt: written })).toMatchObject({ code: 'invalid-input', field: 'scheduledAt' })
  })
})

describe('smartCallbackConfig', () => {
  const policyOf = (config: unknown) => decode({ smartCallbackConfig: JSON.stringify(config) }).input.retryPolicy
  const day = { days: 1, hours: 0 }

  it.each([
    ['all dials, not re-dials', { enabled: true, maxAttempts: 3, gaps: [day] }, retryAfter(3, [86_400])],
    [
      'several gaps',
      { enabled: true, maxAttempts: 5, gaps: [day, { days: 2, hours: 0 }] },
      retryAfter(5, [86_400, 172_800]),
    ],
    ['fractions', { enabled: true, maxAttempts: 2, gaps: [{ days: 0.5, hours: 0.25 }] }, retryAfter(2, [44_100])],
    ['zero', { enabled: true, maxAttempts: 2, gaps: [{ days: 0, hours: 0 }] }, retryAfter(2, [0])],
    ['hours alone', { enabled: true, maxAttempts: 2, gaps: [{ hours: 4 }] }, retryAfter(2, [14_400])],
    ['no gaps: an hour', { enabled: true, maxAttempts: 2 }, retryAfter(2, [3_600])],
    ['an empty list: an hour', { enabled: true, maxAttempts: 2, gaps: [] }, retryAfter(2, [3_600])],
    ['one dial', { enabled: true, maxAttempts: 1, gaps: [day] }, NO_RETRIES],
    ['switched off', { enabled: false, maxAttempts: 3, gaps: [day] }, NO_RETRIES],
    ['switched off without the rest', { enabled: false }, NO_RETRIES],
    ['exactly 30 days', { enabled: true, maxAttempts: 2, gaps: [{ days: 30 }] }, retryAfter(2, [2_592_000])],
  ])('%s', (_name, config, policy) => {
    expect(policyOf(config)).toEqual(policy)
  })

  it.each([
    ['', 'smartCallbackConfig', 'missing'],
    ['{enabled:true}', 'smartCallbackConfig', 'no JSON'],
    ["{'enabled':true}", 'smartCallbackConfig', 'single quotes'],
    ['true', 'smartCallbackConfig', 'no object'],
    ['null', 'smartCallbackConfig', 'null'],
    ['[]', 'smartCallbackConfig', 'a list'],
    ['{"maxAttempts":3,"gaps":[]}', 'smartCallbackConfig.enabled', 'enabled is missing'],
    ['{"enabled":"true","maxAttempts":3}', 'smartCallbackConfig.enabled', 'enabled is text'],
    ['{"enabled":true,"gaps":[]}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is missing'],
    ['{"enabled":true,"maxAttempts":"3"}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is text'],
    ['{"enabled":true,"maxAttempts":0}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is zero'],
    ['{"enabled":true,"maxAttempts":-1}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is negative'],
    ['{"enabled":true,"maxAttempts":1.5}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is a fraction'],
    ['{"enabled":true,"maxAttempts":21}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is too large'],
    ['{"enabled":true,"maxAttempts":1e400}', 'smartCallbackConfig.maxAttempts', 'maxAttempts is no double'],
    ['{"enabled":false,"maxAttempts":-1}', 'smartCallbackConfig.maxAttempts', 'wrong although switched off'],
    ['{"enabled":true,"maxAttempts":3,"gaps":{}}', 'smartCallbackConfig.gaps', 'gaps is no list'],
    ['{"enabled":true,"maxAttempts":3,"gaps":[1]}', 'smartCallbackConfig.gaps[0]', 'a gap is a number'],
    ['{"enabled":true,"maxAttempts":3,"gaps":[{}]}', 'smartCallbackConfig.gaps[0]', 'a gap is empty'],
    ['{"enabled":true,"maxAttempts":3,"gaps":[{"days":-1}]}', 'smartCallbackConfig.gaps[0].days', 'negative days'],
    [
      '{"enabled":true,"maxAttempts":3,"gaps":[{"days":1,"hours":-0.5}]}',
      'smartCallbackConfig.gaps[0].hours',
      'negative hours',
    ],
    ['{"enabled":true,"maxAttempts":3,"gaps":[{"hours":"1"}]}', 'smartCallbackConfig.gaps[0].hours', 'hours as text'],
    ['{"enabled":true,"maxAttempts":3,"gaps":[{"days":null}]}', 'smartCallbackConfig.gaps[0].days', 'days is null'],
    [
      `{"enabled":true,"maxAttempts":3,"gaps":[${Array(21).fill('{"days":0}')}]}`,
      'smartCallbackConfig.gaps',
      'too many gaps',
    ],
    ['{"enabled":true,"maxAttempts":2,"gaps":[{"days":30.1}]}', 'smartCallbackConfig.gaps', 'more than 30 days'],
    ['{"enabled":true,"maxAttempts":20,"gaps":[{"days":2}]}', 'smartCallbackConfig.gaps', '38 days together'],
    ['{"enabled":true,"maxAttempts":2,"__proto__":{"x":1}}', 'smartCallbackConfig.__proto__', 'a key of the language'],
    ['{"enabled":true,"maxAttempts":2,"x":{"constructor":1}}', 'smartCallbackConfig.x.constructor', 'deeper'],
    ['['.repeat(5_000), 'smartCallbackConfig', 'deeply nested'],
  ])('refuses %j and names %s (%s)', (config, field) => {
    expect(refusalOf({ smartCallbackConfig: config })).toMatchObject({ code: 'invalid-input', httpStatus: 400, field })
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })
})

describe('agentId and onBadRows', () => {
  it.each(['', '   '])('an agent id of %j is none', (agentId) => {
    expect(refusalOf({ agentId })).toMatchObject({ field: 'agentId', message: 'No agent ID provided' })
  })

  it('refuses an agent id that can be none', () => {
    expect(refusalOf({ agentId: 'a'.repeat(256) })).toMatchObject({ field: 'agentId' })
  })

  it.each(['', 'yes', 'REJECT'])('refuses onBadRows %j', (onBadRows) => {
    expect(refusalOf({ onBadRows })).toMatchObject({ field: 'onBadRows' })
  })
})

it('takes a batch id with and without its prefix', () => {
  expect(decodeBatchId('batch_123')).toBe('123')
  expect(decodeBatchId('3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f')).toBe('3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f')
})

describe('a filter of calls', () => {
  it('covers every recipient but repeated numbers, each once', () => {
    const all = decodeCallFilter('all')
    expect(all.states).toEqual(['waiting', 'due', 'dialing', 'accepted', 'ringing', 'answered'])
    expect(all.outcomes).not.toContain('duplicate')
    const parts = (['waiting', 'active', 'completed', 'failed'] as const).map(decodeCallFilter)
    expect(parts.flatMap(({ states }) => states)).toEqual(all.states)
    expect(parts.flatMap(({ outcomes }) => outcomes).sort()).toEqual([...all.outcomes].sort())
  })

  it('shows live calls as active, and who refused the call as failed', () => {
    expect(decodeCallFilter('active')).toEqual({ states: ['dialing', 'accepted', 'ringing', 'answered'], outcomes: [] })
    expect(decodeCallFilter('completed')).toEqual({ states: [], outcomes: ['answered', 'voicemail'] })
    expect(decodeCallFilter('failed').outcomes).toContain('rejected')
  })
})
