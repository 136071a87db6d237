import { z } from 'zod'
import {
  addSuppressions as addToList,
  importSuppressions,
  listSuppressions,
  removeSuppressions,
  type SuppressedNumbers,
} from '../../../commands/suppressions.ts'
import { actorOf } from '../../dialect.ts'
import { fileMissing } from '../../form-faults.ts'
import { documentAs } from '../../open-api.ts'
import { encodePage, encodeSuppression } from '../encode.ts'
import { formOf, takeFormBodies } from '../form-body.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { pageOf, pageQuery, suppressed, suppression, suppressionRemoval, suppressionRequest } from '../wire.ts'

const tags = ['Suppressions']
const FILE_BYTES_MAX = 20 * 1_048_576
const importForm = documentAs(
  z.unknown(),
  z
    .strictObject({ file: z.string().meta({ contentMediaType: 'text/csv' }), reason: z.string().max(1_020).optional() })
    .meta({ id: 'native.SuppressionForm' }),
)
const removed = z.object({ removed: z.number().int() })

export const addSuppressions: AddRoutes = async (scope, services) => {
  const { commands } = services

  scope.post('/suppressions', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Put numbers on the list of those that are never called',
      description: 'After the answer none of them is dialled any more, in no batch.',
      operationId: 'addSuppressions',
      tags,
      body: suppressionRequest,
      response: answers({ 200: suppressed }),
    },
    handler: async (request) => encodeSuppressed(await addToList(commands, actorOf(request), request.body)),
  })

  scope.get('/suppressions', {
    schema: {
      summary: 'The numbers that are never called, newest first',
      operationId: 'listSuppressions',
      tags,
      querystring: z.strictObject(pageQuery(1_000, 100)),
      response: answers({ 200: pageOf(suppression) }),
    },
    handler: async (request) =>
      encodePage(await listSuppressions(commands, actorOf(request), request.query), encodeSuppression),
  })

  scope.post('/suppressions/remove', {
    schema: {
      summary: 'Take numbers off the list',
      operationId: 'removeSuppressions',
      tags,
      body: suppressionRemoval,
      response: answers({ 200: removed }),
    },
    handler: async (request) => ({ removed: await removeSuppressions(commands, actorOf(request), request.body) }),
  })

  scope.delete('/suppressions/:number', {
    schema: {
      summary: 'Take one number off the list',
      operationId: 'removeSuppression',
      tags,
      params: z.strictObject({ number: z.string().min(1).max(100) }),
      response: answers({ 200: removed }),
    },
    handler: async (request) => {
      const { number } = request.params
      return { removed: await removeSuppressions(commands, actorOf(request), { numbers: [number] }) }
    },
  })
  await scope.register(async (inner) => addImport(inner, services))
}

const addImport: AddRoutes = async (scope, { commands }) => {
  await takeFormBodies(scope, { fileBytesMax: FILE_BYTES_MAX })

  scope.post('/suppressions/import', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Put the numbers of a CSV file on the list',
      description: 'One number a line, in the first column or in one whose header says so.',
      operationId: 'importSuppressions',
      tags,
      consumes: ['multipart/form-data'],
      body: { content: { 'multipart/form-data': { schema: importForm } } },
      response: answers({ 200: suppressed }),
    },
    handler: async (request) => {
      const form = formOf(request)
      if (form === undefined) throw fileMissing('The body is not multipart/form-data.')
      const reason = form.fields.get('reason')
      return encodeSuppressed(await importSuppressions(commands, actorOf(request), form.file.bytes, { reason }))
    },
  })
}

function encodeSuppressed(result: SuppressedNumbers): z.infer<typeof suppressed> {
  return { ...result, rejected: result.rejected.map((row) => ({ ...row })) }
}
