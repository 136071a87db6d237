import { z } from 'zod'
import { AUDIT_ACTIONS } from '../../model/audit-action.ts'
import { AUDIT_FAULTS, type AuditFaultKind } from '../../model/audit-seal.ts'
import { cursor, instantOut } from './wire.ts'

/** The audit log and its seals in requests and answers of the native dialect. */

export const auditEntry = z
  .object({
    id: z.string(),
    at: instantOut,
    keyId: z.string().describe('The key that was used; the one of the operator too.'),
    action: z.enum(AUDIT_ACTIONS),
    objectId: z.string().nullable().describe('What it was done to; null for lists of numbers.'),
    detail: z.record(z.string(), z.unknown()).nullable().describe('Counts, and names of changed fields.'),
    address: z.string().nullable().describe('Where the request came from.'),
    requestId: z.string().nullable(),
  })
  .meta({ id: 'native.AuditEntry' })

export const auditSeal = z
  .object({
    number: z.number().int().describe('From 1, without gaps.'),
    sealedAt: instantOut,
    entries: z.number().int(),
    firstEntryId: z.string(),
    lastEntryId: z.string(),
    anchor: z
      .string()
      .describe(
        'The number of the seal and its SHA-256. Kept elsewhere, it shows later that the log is the same up to here.',
      ),
  })
  .meta({ id: 'native.AuditSeal' })

const auditFault = z.enum(Object.keys(AUDIT_FAULTS) as [AuditFaultKind, ...AuditFaultKind[]]).describe(
  Object.entries(AUDIT_FAULTS)
    .map(([kind, text]) => `\`${kind}\`: ${text}`)
    .join(' '),
)

export const auditQuery = z.strictObject({
  anchor: z.string().min(1).max(100).optional().describe('The `anchor` of a seal, as it was kept elsewhere.'),
  cursor: cursor.optional(),
})

export const auditVerification = z
  .object({
    seals: z.number().int().describe('Seals that were compared in this part of the log.'),
    entries: z.number().int().describe('Entries that they cover.'),
    lateEntries: z
      .number()
      .int()
      .describe(
        'Of these, sealed later than an entry with a higher id: written by a slow transaction, or added by somebody.',
      ),
    unsealedEntries: z.number().int().nullable().describe('Not sealed yet; null while there is a next part.'),
    fault: z
      .object({
        kind: auditFault,
        seal: z.number().int().nullable(),
        entryId: z.string().nullable(),
        message: z.string(),
      })
      .nullable()
      .describe('The first thing that does not fit. Null: all that was compared does.'),
    nextCursor: z.string().nullable().describe('Send it as `cursor` for the next part; null: this is the last one.'),
  })
  .meta({ id: 'native.AuditVerification' })
