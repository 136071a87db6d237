import { expect, test } from 'vitest'
import { createLogger, maskText } from './logger.ts'

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = []
  write(createLogger({ level: 'debug', nodeName: 'a', destination: { write: (line) => void lines.push(line) } }))
  return lines.join('')
}

test('a line is JSON with the time, the level in words and the fields', () => {
  const line = JSON.parse(logged((log) => log.info({ batchId: 'b', count: 3 }, 'Batch started')))
  expect(line).toMatchObject({ level: 'info', node: 'a', batchId: 'b', count: 3, msg: 'Batch started' })
  expect(line.time).toMatch(/^\d{4}-.*Z$/)
})

test('numbers are masked in fields, in nested fields and in messages', () => {
  const line = logged((log) =>
    log
      .child({ from: '+14155550100' })
      .warn(
        { to: '+14155550101', number: 14155550102, calls: [{ phoneNumber: '4155550103' }], note: 'rang +14155550104' },
        'Call to +14155550105 failed',
      ),
  )
  expect(line).not.toMatch(/41555501/)
  expect(line).toContain('+1*******01')
})

test('secrets, variables and texts are left out', () => {
  const line = logged((log) =>
    log.info(
      { headers: { Authorization: 'Bearer abc', 'x-api-secret': 'shh' }, variables: { name: 'Ada' }, text: 'Hi' },
      'x',
    ),
  )
  expect(line).not.toMatch(/abc|shh|Ada|Hi/)
})

test('an error keeps its stack and code and loses numbers, keys, passwords and the detail of the database', () => {
  const error = Object.assign(new Error('no +14155550106 at postgres://me:hunter2@db/x with crl_abcdefghijkl_SeCrEt'), {
    code: '23505',
    detail: 'Key (number)=(14155550107) already exists.',
    cause: new Error('because +14155550108'),
  })
  const line = logged((log) => log.error({ err: error }, 'Failed'))
  expect(line).toMatch(/23505/)
  expect(line).toMatch(/logger\.test\.ts/)
  expect(line).not.toMatch(/55501|hunter2|SeCrEt/)
  expect(JSON.parse(line).err.cause.message).toBe('because +1*******08')
})

test('an error logged by itself is treated the same', () => {
  const line = logged((log) => log.error(Object.assign(new Error('x'), { detail: '14155550109' })))
  expect(line).not.toMatch(/55501/)
})

test('dates, times and ids stay readable', () => {
  const text = '{"time":"2026-11-22T10:00:00.000+00:00","id":"0199aabb-1122","n":"+12345"}'
  expect(maskText(text)).toBe(text)
})
