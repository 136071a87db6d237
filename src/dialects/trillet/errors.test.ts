import { describe, expect, it } from 'vitest'
import { describeErrors } from '../../errors.ts'
import { flatError } from './errors.ts'
import { errorBody } from './wire.ts'

const failureOf = (code: string, httpStatus: number) => {
  return { code, httpStatus, message: 'Something is wrong.', remedy: 'Do something.', retryable: false }
}

describe('errors', () => {
  it.each([
    ['batch-not-found', 404, 404, 'Batch not found'],
    ['agent-not-found', 404, 404, 'Agent not found'],
    ['file-too-large', 413, 413, 'File size exceeds 20MB limit'],
    ['file-unreadable', 400, 400, 'CSV validation failed: Something is wrong.'],
    ['unsupported-file', 415, 400, 'CSV validation failed: Something is wrong.'],
    ['no-good-row', 400, 400, 'CSV validation failed: Something is wrong.'],
    ['unsupported-media-type', 415, 400, 'No file uploaded'],
    ['batch-status-conflict', 409, 400, 'Something is wrong.'],
    ['unauthenticated', 401, 401, 'Something is wrong.'],
    ['too-many-attempts', 429, 429, 'Something is wrong.'],
    ['internal', 500, 500, 'Something is wrong.'],
  ])('%s (%i) is answered %i "%s"', (code, httpStatus, expectedStatus, error) => {
    const answer = flatError(failureOf(code, httpStatus))
    expect(answer).toEqual({ httpStatus: expectedStatus, body: { error, message: 'Do something.' } })
  })

  it('name the batch that is missing, and only then', () => {
    expect(flatError(failureOf('batch-not-found', 404), 'batch_1').body.id).toBe('batch_1')
    expect(flatError(failureOf('invalid-input', 400), 'batch_1').body).not.toHaveProperty('id')
  })

  it('are flat, whatever the command refuses', () => {
    for (const { code, httpStatus } of describeErrors()) {
      const { body } = flatError({ ...failureOf(code, httpStatus), details: [{ path: 'line 2', message: 'x' }] }, 'b')
      expect(errorBody.strict().parse(body)).toEqual(body)
      expect(typeof body.error).toBe('string')
    }
  })

  it('do not read a message as a pattern', () => {
    expect(flatError({ ...failureOf('file-unreadable', 400), message: "$& $' %s" }).body.error).toBe(
      "CSV validation failed: $& $' %s",
    )
  })
})
