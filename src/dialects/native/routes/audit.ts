import { z } from 'zod'
import { listAuditEntries } from '../../../commands/audit.ts'
import { actorOf } from '../../dialect.ts'
import { encodeAuditEntry, encodePage } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { auditEntry, pageOf, pageQuery } from '../wire.ts'

export const addAudit: AddRoutes = (scope, { commands }) => {
  scope.get('/audit', {
    schema: {
      summary: 'Who did what, when and from where, newest first',
      description:
        'Written with what it tells of, in one transaction, and never changed. It holds ids, counts and names of fields.',
      operationId: 'listAuditEntries',
      tags: ['Keys'],
      querystring: z.strictObject(pageQuery(1_000, 100)),
      response: answers({ 200: pageOf(auditEntry) }),
    },
    handler: async (request) =>
      encodePage(await listAuditEntries(commands, actorOf(request), request.query), encodeAuditEntry),
  })
}
