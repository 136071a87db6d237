import { z } from 'zod'
import { addAlias, removeAlias } from '../../../commands/aliases.ts'
import { createCredential, limitCredential } from '../../../commands/credentials.ts'
import {
  actAs,
  createOrganization,
  getOrganization,
  getUsage,
  listOrganizations,
  updateOrganization,
} from '../../../commands/organizations.ts'
import { operatorOf } from '../../dialect.ts'
import { decodeKey } from '../decode.ts'
import { encodeKey, encodeOrganization, encodePage, encodeUsage } from '../encode.ts'
import { type AddRoutes, answers, nothing } from '../route-parts.ts'
import {
  idOrAlias,
  key,
  keyLimits,
  keyRequest,
  newKey,
  organization,
  organizationChanges,
  organizationRequest,
  pageOf,
  pageQuery,
  pathId,
  usage,
} from '../wire.ts'
import { encodeNewKey } from './keys.ts'

const config = { for: 'operator' } as const
const tags = ['Organizations']
const keyPath = pathId.extend({ keyId: idOrAlias })
const aliasPath = pathId.extend({ alias: idOrAlias })

/** All for the operator's key: an organization does not set its own limits. */
export const addOrganizations: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.post('/organizations', {
    config,
    schema: {
      summary: 'Make an organization',
      operationId: 'createOrganization',
      tags,
      body: organizationRequest,
      response: answers({ 201: organization }),
    },
    handler: async (request, reply) => {
      const { concurrency, ...input } = request.body
      const made = await createOrganization(commands, operatorOf(request), { ...input, liveMax: concurrency })
      return reply.status(201).send(encodeOrganization(made))
    },
  })

  scope.get('/organizations', {
    config,
    schema: {
      summary: 'All organizations',
      operationId: 'listOrganizations',
      tags,
      querystring: z.strictObject(pageQuery(100, 20)),
      response: answers({ 200: pageOf(organization) }),
    },
    handler: async (request) =>
      encodePage(await listOrganizations(commands, operatorOf(request), request.query), encodeOrganization),
  })

  scope.get('/organizations/:id', {
    config,
    schema: {
      summary: 'One organization with its limits',
      operationId: 'getOrganization',
      tags,
      params: pathId,
      response: answers({ 200: organization }),
    },
    handler: async (request) => {
      const actor = await actAs(commands, operatorOf(request), request.params.id)
      return encodeOrganization(await getOrganization(commands, actor))
    },
  })

  scope.patch('/organizations/:id', {
    config,
    schema: {
      summary: 'Change an organization or its limits; a lower limit holds from the next call on',
      operationId: 'updateOrganization',
      tags,
      params: pathId,
      body: organizationChanges,
      response: answers({ 200: organization }),
    },
    handler: async (request) => {
      const { concurrency, ...changes } = request.body
      const asked = { ...changes, ...(concurrency === undefined ? {} : { liveMax: concurrency }) }
      return encodeOrganization(await updateOrganization(commands, operatorOf(request), request.params.id, asked))
    },
  })
  addBelowOrganization(scope, services)
}

const addBelowOrganization: AddRoutes = (scope, { commands }) => {
  scope.get('/organizations/:id/usage', {
    config,
    schema: {
      summary: 'What an organization uses of its limits now, and what it used so far',
      operationId: 'getOrganizationUsage',
      tags,
      params: pathId,
      response: answers({ 200: usage }),
    },
    handler: async (request) => {
      const actor = await actAs(commands, operatorOf(request), request.params.id)
      return encodeUsage(await getUsage(commands, actor))
    },
  })

  scope.post('/organizations/:id/keys', {
    config,
    schema: {
      summary: 'Make a key of an organization, for example its first',
      operationId: 'createOrganizationKey',
      tags,
      params: pathId,
      body: keyRequest,
      response: answers({ 201: newKey }),
    },
    handler: async (request, reply) => {
      const actor = await actAs(commands, operatorOf(request), request.params.id)
      return reply.status(201).send(encodeNewKey(await createCredential(commands, actor, decodeKey(request.body))))
    },
  })

  scope.put('/organizations/:id/keys/:keyId/limits', {
    config,
    schema: {
      summary: 'Limit what a key may do; within 5 seconds it holds on every node',
      operationId: 'setKeyLimits',
      tags,
      params: keyPath,
      body: keyLimits,
      response: answers({ 200: key }),
    },
    handler: async (request) => {
      const { id, keyId } = request.params
      const actor = await actAs(commands, operatorOf(request), id)
      return encodeKey(await limitCredential(commands, actor, keyId, request.body.limits))
    },
  })

  scope.put('/organizations/:id/aliases/:alias', {
    config,
    schema: {
      summary: 'Let another id stand for an organization',
      operationId: 'addOrganizationAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const { id, alias } = request.params
      const actor = await actAs(commands, operatorOf(request), id)
      await addAlias(commands, actor, { kind: 'organization', id, alias })
      return reply.status(204).send(null)
    },
  })

  scope.delete('/organizations/:id/aliases/:alias', {
    config,
    schema: {
      summary: 'Remove an alias of an organization',
      operationId: 'removeOrganizationAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = await actAs(commands, operatorOf(request), request.params.id)
      await removeAlias(commands, actor, { kind: 'organization', alias: request.params.alias })
      return reply.status(204).send(null)
    },
  })
}
