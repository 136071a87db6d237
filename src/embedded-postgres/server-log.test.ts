import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { followServerLog, levelOf } from './server-log.ts'

test.each([
  ['LOG:  database system is ready to accept connections', 'debug'],
  ['FATAL:  role "nobody" does not exist', 'warn'],
  ['LOG:  server process (PID 7) was terminated by signal 9: Killed', 'error'],
  ['PANIC:  could not write to file "pg_wal/xlogtemp.7": No space left on device', 'error'],
] as const)('%s: %s', (line, level) => {
  expect(levelOf(line)).toBe(level)
})

test('lines reach the logger whole, and the last twenty are kept for error messages', async () => {
  const seen: string[] = []
  const add = (_fields: object, message: string) => void seen.push(message)
  const stream = new PassThrough()
  const server = followServerLog(stream, { debug: add, info: add, warn: add, error: add })
  for (let n = 1; n <= 25; n++) {
    stream.write(`LOG:  li`)
    stream.write(`ne ${n}\n`)
  }
  stream.end()
  await finished(stream)
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toHaveLength(25)
  expect(server.lastLines().split('\n')).toEqual(Array.from({ length: 20 }, (_, index) => `LOG:  line ${index + 6}`))
})
