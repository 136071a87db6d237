import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { VendorClient } from './vendor-client.ts'
import { VendorSchemas } from './vendor-schemas.ts'

/** A schema of nobody, in the dialect of OpenAPI that vendors publish. */
const schemas = new VendorSchemas({
  paths: {
    '/things/{id}': {
      put: {
        operationId: 'things_put',
        security: [{ key: [] }],
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'depth', in: 'query', schema: { type: 'integer' } },
          { $ref: '#/components/parameters/Version' },
        ],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } },
        },
        responses: {
          200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
          204: {},
          404: {},
        },
      },
    },
  },
  components: {
    securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Key' } },
    parameters: { Version: { name: 'Version', in: 'header', required: true, schema: { type: 'string' } } },
    schemas: {
      Thing: {
        type: 'object',
        required: ['id', 'name', 'secret'],
        properties: {
          id: { type: 'string', readOnly: true },
          name: { type: 'string', nullable: true },
          secret: { type: 'string', writeOnly: true },
        },
      },
    },
  },
})
const BODY = { name: null, secret: 'x' }
const parameters = { id: 'a b', Version: '1' }

let server: Server
let client: VendorClient
let answer: { status: number; body?: string; type?: string }
let asked: { url: string | undefined; key: unknown; version: unknown }

beforeAll(async () => {
  server = createServer((request, response) => {
    asked = { url: request.url, key: request.headers['x-key'], version: request.headers.version }
    response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json' }).end(answer.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  client = new VendorClient([schemas], { baseUrl: `http://127.0.0.1:${port}`, credential: 'of the test' })
})
afterAll(() => server.close())
beforeEach(() => {
  answer = { status: 200, body: '{"id":"a b","name":null}' }
})

it('asks as the schema says, and gives what came back', async () => {
  const sent = { parameters: { ...parameters, depth: 2 }, body: BODY }
  expect(await client.call('things_put', sent)).toEqual({ id: 'a b', name: null })
  expect(asked).toEqual({ url: '/things/a%20b?depth=2', key: 'of the test', version: '1' })
})

it.each([
  ['a status that is not named', { status: 418, body: '{}' }, '418 is no answer of it'],
  ['a body that does not fit', { status: 200, body: '{"id":1,"name":"x"}' }, '/id must be string'],
  ['a body without what is required', { status: 200, body: '{"name":"x"}' }, "must have required property 'id'"],
  ['a body where there is none', { status: 200, body: '' }, 'must be object'],
  [
    'another content type',
    { status: 200, body: '{"id":"a","name":"x"}', type: 'text/plain' },
    'the answer is text/plain',
  ],
])('fails at %s', async (_name, given, problem) => {
  answer = given
  await expect(client.call('things_put', { parameters, body: BODY })).rejects.toThrow(problem)
})

it('takes a described refusal for an answer only where one is wanted', async () => {
  answer = { status: 404, body: '{"detail":"no"}' }
  expect(await client.ask('things_put', { parameters, body: BODY })).toEqual({ status: 404, body: { detail: 'no' } })
  await expect(client.call('things_put', { parameters, body: BODY })).rejects.toThrow('404')
})

it.each([
  ['what is only read', { ...BODY, id: 'x' }, 'must NOT have additional properties id'],
  ['less than is required', { name: 'x' }, "must have required property 'secret'"],
])('does not send %s', async (_name, body, problem) => {
  await expect(client.call('things_put', { parameters, body })).rejects.toThrow(problem)
})
