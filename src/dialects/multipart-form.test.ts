import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { readForm, takeForms } from './multipart-form.ts'
import { RequestError } from './request-errors.ts'

const FILE_BYTES_MAX = 1_000
let server: FastifyInstance

beforeEach(async () => {
  server = Fastify()
  server.decorateRequest('bodyHash', null)
  await takeForms(server)
  server.setErrorHandler((error, _request, reply) => {
    if (error instanceof RequestError) return reply.status(error.httpStatus).send({ code: error.code })
    const known =
      error instanceof AppError ? { code: error.code, field: error.field } : { code: (error as Error).message }
    return reply.status(error instanceof AppError ? error.httpStatus : 500).send(known)
  })
  server.post('/', async (request) => {
    const { fields, file } = await readForm(request, { fileBytesMax: FILE_BYTES_MAX })
    const chunks: Buffer[] = []
    for await (const chunk of file?.bytes ?? []) chunks.push(chunk)
    const content = Buffer.concat(chunks).toString()
    const hash = request.bodyHash?.toString('hex')
    return {
      fields: Object.fromEntries(fields),
      file: file && { name: file.name, size: file.byteLength, content },
      hash,
    }
  })
})
afterEach(() => server.close())

type Part = readonly [name: string, value: string, fileName?: string]

async function send(parts: readonly Part[], boundary = 'boundary', end = `--${boundary}--\r\n`) {
  const lines = parts.map(([name, value, fileName]) => {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`
    return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`
  })
  const answer = await server.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: lines.join('') + end,
  })
  return { status: answer.statusCode, body: answer.json() }
}

test('fields may stand on both sides of the file', async () => {
  const { body } = await send([
    ['a', '1'],
    ['file', 'x,y\n', '../../etc/people\u0007.csv'],
    ['b', '2'],
  ])
  expect(body).toMatchObject({ fields: { a: '1', b: '2' }, file: { size: 4, content: 'x,y\n' } })
  expect(body.file.name).toBe('people.csv')
})

test('the hash is the same whatever the boundary is, and another for other parts', async () => {
  const parts: Part[] = [
    ['a', '1'],
    ['file', 'x', 'f.csv'],
  ]
  const { hash } = (await send(parts)).body
  expect((await send(parts, 'another')).body.hash).toBe(hash)
  expect((await send([...parts].reverse())).body.hash).not.toBe(hash)
  expect((await send([['a', '2'], parts[1]!])).body.hash).not.toBe(hash)
  expect((await send([['a', ''], ['1', ''], parts[1]!])).body.hash).not.toBe(hash)
  expect((await send([['b', '1'], parts[1]!])).body.hash).not.toBe(hash)
  expect((await send([parts[0]!, ['file', 'y', 'f.csv']])).body.hash).not.toBe(hash)
})

test('a file that just fits is taken, one byte more is 413', async () => {
  expect((await send([['file', 'x'.repeat(FILE_BYTES_MAX), 'f.csv']])).body.file.size).toBe(FILE_BYTES_MAX)
  const answer = await send([['file', 'x'.repeat(FILE_BYTES_MAX + 1), 'f.csv']])
  expect(answer).toMatchObject({ status: 413, body: { code: 'file-too-large' } })
})

test.each([
  [
    'a field twice',
    [
      ['a', '1'],
      ['a', '2'],
    ],
    'a',
  ],
  [
    'two files',
    [
      ['file', 'a', 'a.csv'],
      ['file', 'b', 'b.csv'],
    ],
    'file',
  ],
  ['a field with NUL', [['a', 'x\0']], 'a'],
  ['a field of 64 KiB and more', [['a', 'x'.repeat(65_537)]], 'a'],
])('%s is refused with its name', async (_what, parts, field) => {
  expect(await send(parts as unknown as Part[])).toMatchObject({ status: 400, body: { field } })
})

test('thousands of parts, a form that ends too early and a boundary that is none are refused', async () => {
  const many: Part[] = Array.from({ length: 1_000 }, (_, at): Part => [`field${at}`, ''])
  expect((await send(many)).body).toEqual({ code: 'reach fields limit' })
  expect(await send([['a', '1']], 'boundary', '')).toMatchObject({ status: 400, body: { code: 'malformed-body' } })
  expect(await send([['file', 'x', 'f.csv']], 'b', '')).toMatchObject({ status: 400, body: { code: 'malformed-body' } })
  const answer = await server.inject({ method: 'POST', url: '/', headers: { 'content-type': 'multipart/form-data' } })
  expect(answer.json()).toEqual({ code: 'malformed-body' })
})
