import { describe, expect, it } from 'vitest'
import type { Failure } from '../failure.ts'
import { encodeFailure } from './errors.ts'

const REQUEST = { id: 'r-1', part: 'body', hasKey: true } as const
const failure = (given: Partial<Failure>): Failure => ({
  httpStatus: 400,
  code: 'invalid-input',
  message: 'It is wrong.',
  remedy: 'Mend it.',
  retryable: false,
  ...given,
})

describe('what is wrong with fields', () => {
  it('is a list, in the words of the format, each step of the path by itself', () => {
    const details = [
      { path: 'recipients[3].to', message: 'is not a telephone number', remedy: 'Send one.' },
      { path: 'recipients[4].dialectFields', message: 'recipients[4].dialectFields is missing.' },
    ]
    const encoded = encodeFailure(failure({ code: 'invalid-recipients', field: 'recipients[3].to', details }), REQUEST)
    expect(encoded).toEqual({
      httpStatus: 422,
      body: {
        detail: [
          {
            loc: ['body', 'recipients', 3, 'phone_number'],
            msg: 'is not a telephone number. Send one.',
            type: 'value_error',
          },
          {
            loc: ['body', 'recipients', 4, 'conversation_initiation_client_data'],
            msg: 'recipients[4].conversation_initiation_client_data is missing.',
            type: 'missing',
          },
        ],
      },
    })
  })

  it('may be a field of the core alone', () => {
    const { body } = encodeFailure(
      failure({ code: 'concurrency-above-limit', field: 'concurrency', message: 'At most 50.' }),
      { ...REQUEST, part: 'query' },
    )
    expect(body.detail).toEqual([
      { loc: ['query', 'target_concurrency_limit'], msg: 'At most 50. Mend it.', type: 'value_error' },
    ])
  })

  it('is of the body as a whole when it cannot be read', () => {
    const { httpStatus, body } = encodeFailure(failure({ code: 'malformed-body' }), REQUEST)
    expect([httpStatus, body.detail]).toEqual([
      422,
      [{ loc: ['body'], msg: 'It is wrong. Mend it.', type: 'value_error' }],
    ])
  })
})

describe('anything else', () => {
  it.each([
    { code: 'batch-not-found', httpStatus: 404, theirs: 404, type: 'not_found', status: 'batch_call_not_found' },
    { code: 'call-not-found', httpStatus: 404, theirs: 404, type: 'not_found', status: 'conversation_not_found' },
    { code: 'agent-not-found', httpStatus: 404, theirs: 404, type: 'not_found', status: 'agent_not_found' },
    {
      code: 'batch-status-conflict',
      httpStatus: 409,
      theirs: 400,
      type: 'validation_error',
      status: 'batch_status_conflict',
    },
    {
      code: 'idempotency-key-in-use',
      httpStatus: 409,
      theirs: 409,
      type: 'conflict',
      status: 'idempotency_key_in_use',
    },
    {
      code: 'too-many-requests',
      httpStatus: 429,
      theirs: 429,
      type: 'rate_limit_error',
      status: 'rate_limit_exceeded',
    },
    { code: 'forbidden', httpStatus: 403, theirs: 403, type: 'authorization_error', status: 'forbidden' },
    { code: 'body-too-large', httpStatus: 413, theirs: 413, type: 'invalid_request', status: 'body_too_large' },
    { code: 'internal', httpStatus: 500, theirs: 500, type: 'internal_error', status: 'internal' },
    { code: 'unavailable', httpStatus: 503, theirs: 503, type: 'service_unavailable', status: 'unavailable' },
  ])('$code of status $httpStatus is $theirs $type', ({ code, httpStatus, theirs, type, status }) => {
    expect(encodeFailure(failure({ code, httpStatus }), REQUEST)).toEqual({
      httpStatus: theirs,
      body: {
        detail: { type, code: status, message: 'It is wrong. Mend it.', status, request_id: 'r-1', param: null },
      },
    })
  })

  it('names the parameter, and tells a missing key from a wrong one', () => {
    const unknown = failure({ code: 'agent-not-found', httpStatus: 404, field: 'agent' })
    expect(encodeFailure(unknown, REQUEST).body.detail).toMatchObject({ param: 'agent_id' })
    const nobody = failure({ code: 'unauthenticated', httpStatus: 401 })
    expect(encodeFailure(nobody, REQUEST).body.detail).toMatchObject({ status: 'invalid_api_key' })
    expect(encodeFailure(nobody, { ...REQUEST, hasKey: false }).body.detail).toMatchObject({
      type: 'authentication_error',
      status: 'needs_authorization',
    })
  })
})
