import { z } from 'zod'
import { listAuditEntries } from '../../../commands/audit.ts'
import { listAuditSeals, verifyAudit } from '../../../commands/verify-audit.ts'
import { actorOf } from '../../dialect.ts'
import { auditEntry, auditQuery, auditSeal, auditVerification } from '../audit-wire.ts'
import { encodeAuditEntry, encodeAuditSeal, encodeAuditVerification, encodePage } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { pageOf, pageQuery } from '../wire.ts'

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

  scope.get('/audit/seals', {
    schema: {
      summary: 'The seals of the audit log, newest first',
      description:
        'Entries are sealed some 5 minutes after they were written. Keep the `anchor` of the newest seal elsewhere, once a ' +
        'day: it shows later whether anybody rewrote what lies before it.',
      operationId: 'listAuditSeals',
      tags: ['Keys'],
      querystring: z.strictObject(pageQuery(1_000, 100)),
      response: answers({ 200: pageOf(auditSeal) }),
    },
    handler: async (request) =>
      encodePage(await listAuditSeals(commands, actorOf(request), request.query), encodeAuditSeal),
  })

  scope.get('/audit/verification', {
    schema: {
      summary: 'Whether the audit log is as it was sealed, some 10,000 entries at a time',
      description:
        'Makes the seals anew from the entries, from the first on, and names the first thing that does not fit. Entries that ' +
        'are not sealed yet cannot be compared with anything.',
      operationId: 'verifyAudit',
      tags: ['Keys'],
      querystring: auditQuery,
      response: answers({ 200: auditVerification }),
    },
    handler: async (request) => encodeAuditVerification(await verifyAudit(commands, actorOf(request), request.query)),
  })
}
