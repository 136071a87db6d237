import { listCredentials } from '../../../commands/credentials.ts'
import { getOrganization, getUsage } from '../../../commands/organizations.ts'
import { actorOf } from '../../dialect.ts'
import { encodeKey, encodeOrganization, encodeUsage } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { me, usage } from '../wire.ts'

export const addMe: AddRoutes = (scope, { commands }) => {
  scope.get('/me', {
    config: { for: 'both' },
    schema: {
      summary: 'Whose key this is',
      operationId: 'getMe',
      tags: ['Keys'],
      response: answers({ 200: me }),
    },
    handler: async ({ actor }) => {
      if (actor === null) return { operator: true, organization: null, key: null }
      const [organization, keys] = await Promise.all([
        getOrganization(commands, actor),
        listCredentials(commands, actor),
      ])
      const key = keys.find(({ id }) => id === actor.credentialId)
      return {
        operator: false,
        organization: encodeOrganization(organization),
        key: key === undefined ? null : encodeKey(key),
      }
    },
  })

  scope.get('/usage', {
    schema: {
      summary: 'What of the limits is used now, and what was used so far',
      operationId: 'getUsage',
      tags: ['Keys'],
      response: answers({ 200: usage }),
    },
    handler: async (request) => encodeUsage(await getUsage(commands, actorOf(request))),
  })
}
