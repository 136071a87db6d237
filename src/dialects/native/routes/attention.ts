import { findAttention } from '../../../commands/find-attention.ts'
import { actAs } from '../../../commands/organizations.ts'
import { actorOf, operatorOf } from '../../dialect.ts'
import { encodeAttention } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { attentionList, pathId } from '../wire.ts'

export const addAttention: AddRoutes = (scope, { commands }) => {
  const tags = ['Attention']

  scope.get('/attention', {
    schema: {
      summary: 'What needs somebody now, the worst first; empty while all is well',
      description:
        'Unknown outcomes, calls and lists that stand still, trunks and webhooks that fail, and what keeps dialling from going on, each with what to do.',
      operationId: 'listAttention',
      tags,
      response: answers({ 200: attentionList }),
    },
    handler: async (request) => ({ items: (await findAttention(commands, actorOf(request))).map(encodeAttention) }),
  })

  scope.get('/organizations/:id/attention', {
    config: { for: 'operator' },
    schema: {
      summary: 'What needs somebody in an organization',
      operationId: 'listOrganizationAttention',
      tags,
      params: pathId,
      response: answers({ 200: attentionList }),
    },
    handler: async (request) => {
      const actor = await actAs(commands, operatorOf(request), request.params.id)
      return { items: (await findAttention(commands, actor)).map(encodeAttention) }
    },
  })
}
