import { getBatch } from '../../../commands/get-batch.ts'
import { getRecipient } from '../../../commands/get-recipient.ts'
import { listRecipients } from '../../../commands/list-recipients.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import { recipient, recipientDetail, recipientPath, recipientQuery } from '../batch-wire.ts'
import { decodeRecipientQuery } from '../decode.ts'
import { encodePage, encodeRecipient, encodeRecipientDetail } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { pageOf, pathId } from '../wire.ts'

export const addRecipients: AddRoutes = (scope, { commands }) => {
  const tags = ['Batches']

  scope.get('/batches/:id/recipients', {
    schema: {
      summary: 'The people of a batch and what became of each',
      operationId: 'listRecipients',
      tags,
      params: pathId,
      querystring: recipientQuery,
      response: answers({ 200: pageOf(recipient) }),
    },
    handler: async (request) => {
      const asked = decodeRecipientQuery(request.query)
      const page = await listRecipients(commands, actorOf(request), request.params.id, asked)
      return encodePage(page, encodeRecipient)
    },
  })

  scope.get('/batches/:id/recipients/:recipientId', {
    schema: {
      summary: 'One person: every attempt, what happened, and why nobody is calling now',
      description: 'By the id of the recipient, or of one of its attempts.',
      operationId: 'getRecipient',
      tags,
      params: recipientPath,
      response: answers({ 200: recipientDetail }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const [detail, { id }] = await Promise.all([
        getRecipient(commands, actor, request.params.recipientId),
        getBatch(commands, actor, request.params.id),
      ])
      if (detail.recipient.batchId !== id) throw new AppError('recipient-not-found')
      return encodeRecipientDetail(detail)
    },
  })
}
