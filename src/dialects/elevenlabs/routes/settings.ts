import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { changeSettings, readSettings } from '../account-webhooks.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { settings, settingsChanges } from '../wire-account.ts'

const tags = ['Webhooks']
const SETTINGS = '/v1/convai/settings'

/** Of the vendor's settings only those that say who is told of calls. */
export const addSettings: AddRoutes = (scope, { commands }) => {
  scope.get(SETTINGS, {
    schema: { summary: 'Get settings', tags, response: answers({ 200: settings }) },
    handler: (request) => readSettings(commands, actorOf(request)),
  })

  scope.patch(SETTINGS, {
    schema: {
      summary: 'Update settings',
      description: 'Names the webhook that is told of the calls of every agent, and what it is told.',
      tags,
      body: settingsChanges,
      response: answers({ 200: settings }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(settingsChanges, request.body, reply),
    handler: (request) => changeSettings(commands, actorOf(request), request.body),
  })
}
