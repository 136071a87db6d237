import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { readForm, takeForms } from './multipart-form.ts'
import { RequestError } from './request-errors.ts'
import { uploadMemory } from './upload-memory.ts'

const FILE_BYTES_MAX = 1_000
let server: FastifyInstance

beforeEach(async () => {
  server = Fastify()
  server.decorateRequest('bodyHash', null)
  await takeForms(server)
  server.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof RequestError || error instanceof AppError)) {
      return reply.status(500).send({ code: (error as Error).message })
    }
    const { code, field, message } = error
    return reply.status(error.httpStatus).send({ code, field, message })
  })
  server.post('/', async (request, reply) => {
    const { fields, file } = await readForm(request, reply, { fileBytesMax: FILE_BYTES_MAX })
    const chunks: Buffer[] = []
    for await (const chunk of file.bytes) chunks.push(chunk)
    const content = Buffer.concat(chunks).toString()
    const hash = request.bodyHash?.toString('hex')
    return { fields: Object.fromEntries(fields), file: { name: file.name, size: file.byteLength, content }, hash }
  })
})
afterEach(async () => {
  await server.close()
  // Whatever was sent, read or refused: nothing of it stays.
  expect(uploadMemory.heldBytes).toBe(0)
})

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

const FILE: Part = ['file', 'x', 'f.csv']

test.each<[string, Part[], object]>([
  ['a field twice', [['a', '1'], ['a', '2'], FILE], { code: 'malformed-body', field: 'a' }],
  ['two files', [FILE, FILE], { code: 'malformed-body', field: 'file' }],
  ['a file in another part', [['people', 'x', 'f.csv']], { code: 'file-missing', field: 'file' }],
  ['a file without a name', [['file', 'x']], { code: 'file-missing', field: 'file' }],
  ['a file input left empty', [['file', '', '']], { code: 'file-missing', field: 'file' }],
  ['no file', [['a', '1']], { code: 'file-missing', field: 'file' }],
  ['a field with NUL', [['a', 'x\0'], FILE], { code: 'malformed-body', field: 'a' }],
  ['a field of more than 64 KiB', [['a', 'x'.repeat(65_537)], FILE], { code: 'malformed-body', field: 'a' }],
  ['a part without a name', [['', '1'], FILE], { code: 'malformed-body' }],
])('%s is refused with its name', async (_what, parts, body) => {
  expect(await send(parts)).toMatchObject({ status: 400, body })
})

test.each(['__proto__', 'constructor', 'toString'])('a field called %s is refused with its name', async (name) => {
  expect(await send([[name, '1'], FILE])).toMatchObject({ status: 400, body: { code: 'malformed-body', field: name } })
})

test('thousands of parts are refused', async () => {
  const many: Part[] = Array.from({ length: 1_000 }, (_, at): Part => [`field${at}`, ''])
  expect(await send(many)).toMatchObject({ status: 413, body: { code: 'body-too-large' } })
})

test('a form that ends too early and a boundary that is none are refused', async () => {
  expect(await send([['a', '1']], 'boundary', '')).toMatchObject({ status: 400, body: { code: 'malformed-body' } })
  expect(await send([FILE], 'b', '')).toMatchObject({ status: 400, body: { code: 'malformed-body' } })
  for (const type of ['multipart/form-data', `multipart/form-data; boundary=${'b'.repeat(71)}`]) {
    const answer = await server.inject({ method: 'POST', url: '/', headers: { 'content-type': type } })
    expect(answer.json()).toMatchObject({ code: 'malformed-body' })
  }
})

test('a body that is no form is told that its file is missing', async () => {
  const answer = await server.inject({ method: 'POST', url: '/', payload: { file: 'x' } })
  expect(answer.json()).toMatchObject({ code: 'file-missing', field: 'file' })
})

test('a part whose head cannot be read is not passed over in silence', async () => {
  const payload =
    '--b\r\nX-Other: y\r\n\r\nlost\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n'
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  const answer = await server.inject({ method: 'POST', url: '/', headers, payload })
  expect(answer.json()).toMatchObject({
    code: 'malformed-body',
    message: expect.stringContaining('1 part of the form'),
  })
})

test('what stands outside of parts is limited', async () => {
  const { status, body } = await send([['a', '1'], FILE], 'boundary', `--boundary--\r\n${' '.repeat(140_000)}`)
  expect({ status, code: body.code }).toEqual({ status: 400, code: 'malformed-body' })
})
