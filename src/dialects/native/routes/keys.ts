import { z } from 'zod'
import {
  createCredential,
  importCredential,
  listCredentials,
  type NewCredential,
  revokeCredential,
} from '../../../commands/credentials.ts'
import { actorOf } from '../../dialect.ts'
import { decodeKey } from '../decode.ts'
import { encodeKey } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { importedKeyRequest, key, keyRequest, newKey, pathId } from '../wire.ts'

export const addKeys: AddRoutes = (scope, { commands }) => {
  const tags = ['Keys']

  scope.post('/keys', {
    schema: {
      summary: 'Make a key; its secret is shown this once',
      operationId: 'createKey',
      tags,
      body: keyRequest,
      response: answers({ 201: newKey }),
    },
    handler: async (request, reply) =>
      reply.status(201).send(encodeNewKey(await createCredential(commands, actorOf(request), decodeKey(request.body)))),
  })

  scope.post('/keys/import', {
    schema: {
      summary: 'Take over a key that clients use elsewhere',
      operationId: 'importKey',
      tags,
      body: importedKeyRequest,
      response: answers({ 201: key }),
    },
    handler: async (request, reply) =>
      reply.status(201).send(encodeKey(await importCredential(commands, actorOf(request), decodeKey(request.body)))),
  })

  scope.get('/keys', {
    schema: {
      summary: 'The keys of the organization, revoked ones included',
      operationId: 'listKeys',
      tags,
      response: answers({ 200: z.object({ items: z.array(key) }) }),
    },
    handler: async (request) => ({ items: (await listCredentials(commands, actorOf(request))).map(encodeKey) }),
  })

  scope.delete('/keys/:id', {
    schema: {
      summary: 'Revoke a key: within 5 seconds it opens nothing on any node',
      operationId: 'revokeKey',
      tags,
      params: pathId,
      response: answers({ 200: key }),
    },
    handler: async (request) => encodeKey(await revokeCredential(commands, actorOf(request), request.params.id)),
  })
}

/** A new key as it is shown once. */
export function encodeNewKey({ credential, token, secret }: NewCredential): z.infer<typeof newKey> {
  return { key: encodeKey(credential), token, secret }
}
