import type { z } from 'zod'
import type { AuditEntry } from '../../commands/audit.ts'
import type { Page } from '../../commands/context.ts'
import type { CreatedBatch } from '../../commands/create-batch.ts'
import type { RecipientDetail } from '../../commands/get-recipient.ts'
import type { EventPage } from '../../commands/list-events.ts'
import type { AuditSeal, AuditVerification } from '../../commands/verify-audit.ts'
import type {
  AgentView,
  AttemptView,
  BatchView,
  CallView,
  CredentialView,
  EventView,
  NumberView,
  OrganizationUsage,
  OrganizationView,
  RecipientView,
  SuppressionView,
  ThrottleView,
  TrunkView,
} from '../../commands/views.ts'
import type { Attention } from '../../model/attention.ts'
import type { AuditAction } from '../../model/audit-action.ts'
import { AUDIT_FAULTS } from '../../model/audit-seal.ts'
import type { UsageLimits } from '../../model/usage-limits.ts'
import type { Waiting } from '../../model/why-waiting.ts'
import type * as auditWire from './audit-wire.ts'
import type * as batchWire from './batch-wire.ts'
import type * as callWire from './call-wire.ts'
import type * as wire from './wire.ts'

/** What commands answer, as the native dialect writes it: instants in ISO 8601, `concurrency` for calls at once. */

export function encodePage<Item, Wire>(page: Page<Item>, encode: (item: Item) => Wire) {
  return { items: page.items.map(encode), nextCursor: page.nextCursor }
}

export function encodeOrganization(view: OrganizationView): z.infer<typeof wire.organization> {
  const { liveMax, aliases, allowedCountries, limits, ...rest } = view
  return {
    ...rest,
    aliases: [...aliases],
    allowedCountries: allowedCountries === null ? null : [...allowedCountries],
    concurrency: liveMax,
    limits: encodeLimits(limits),
    createdAt: view.createdAt.toISOString(),
  }
}

export function encodeUsage({ liveMax, ...rest }: OrganizationUsage): z.infer<typeof wire.usage> {
  return { ...rest, concurrency: liveMax }
}

function encodeLimits(limits: UsageLimits | null): z.infer<typeof wire.limits> | null {
  if (limits === null) return null
  const { allowedPrefixes, ...rest } = limits
  return { ...rest, ...(allowedPrefixes === undefined ? {} : { allowedPrefixes: [...allowedPrefixes] }) }
}

export function encodeKey(view: CredentialView): z.infer<typeof wire.key> {
  const { limits, allowedAddresses, ...rest } = view
  return {
    ...rest,
    limits: encodeLimits(limits),
    allowedAddresses: allowedAddresses === null ? null : [...allowedAddresses],
    createdAt: view.createdAt.toISOString(),
    revokedAt: time(view.revokedAt),
    lastUsedAt: time(view.lastUsedAt),
    expiresAt: time(view.expiresAt),
  }
}

export function encodeAgent(view: AgentView): z.infer<typeof wire.agent> {
  return {
    id: view.id,
    name: view.name,
    kind: view.kind,
    settings: view.settings,
    defaultNumberId: view.defaultNumberId,
    aliases: [...view.aliases],
    warnings: [...view.warnings],
    createdAt: view.createdAt.toISOString(),
    archivedAt: time(view.archivedAt),
  }
}

export function encodeTrunk({ liveMax, ...view }: TrunkView): z.infer<typeof wire.trunk> {
  return {
    ...view,
    secretSettings: [...view.secretSettings],
    aliases: [...view.aliases],
    concurrency: liveMax,
    blockedUntil: time(view.blockedUntil),
    createdAt: view.createdAt.toISOString(),
  }
}

export function encodeThrottle(view: ThrottleView): z.infer<typeof wire.throttle> {
  return { ...view, rules: view.rules.map((rule) => ({ ...rule })), createdAt: view.createdAt.toISOString() }
}

export function encodeNumber(view: NumberView): z.infer<typeof wire.number> {
  return { ...view, aliases: [...view.aliases], createdAt: view.createdAt.toISOString() }
}

export function encodeSuppression(view: SuppressionView): z.infer<typeof wire.suppression> {
  return { ...view, createdAt: view.createdAt.toISOString() }
}

/** What the wire schema infers has arrays that may be changed. */
type Mutable<T> = T extends object ? { -readonly [Key in keyof T]: Mutable<T[Key]> } : T

export function encodeBatch(view: BatchView): z.infer<typeof batchWire.batch> {
  return {
    id: view.id,
    name: view.name,
    dialect: view.dialect,
    status: view.status,
    agent: { id: view.agent.id, name: view.agent.name },
    callerNumber: view.callerNumber,
    trunk: { ...view.trunk },
    concurrency: view.concurrency,
    ringTimeoutSeconds: view.ringTimeoutSeconds,
    maxCallSeconds: view.maxCallSeconds,
    // As they are stored: they were checked when they came in, and nothing changes an answer.
    callingWindow: view.callingWindow as Mutable<BatchView['callingWindow']>,
    retryPolicy: view.retryPolicy as Mutable<BatchView['retryPolicy']>,
    duplicateNumbers: view.duplicateNumbers,
    columns: view.columns === null ? null : [...view.columns],
    rejectedRows: view.rejectedRows,
    metadata: view.metadata,
    createdAt: view.createdAt.toISOString(),
    updatedAt: view.updatedAt.toISOString(),
    startAt: time(view.startAt),
    expiresAt: time(view.expiresAt),
    startedAt: time(view.startedAt),
    lastDialedAt: time(view.lastDialedAt),
    completedAt: time(view.completedAt),
    figures: encodeFigures(view),
  }
}

export function encodeFigures({ figures }: Pick<BatchView, 'figures'>): z.infer<typeof batchWire.figures> {
  return { ...figures, outcomes: { ...figures.outcomes } }
}

export function encodeWaiting(waiting: Waiting | null): z.infer<typeof batchWire.waiting> | null {
  return waiting === null ? null : { ...waiting, nextTryAt: time(waiting.nextTryAt) }
}

/** What is known of one batch, read by several commands. */
export interface BatchReading {
  readonly batch: BatchView
  readonly waiting: Waiting | null
  readonly trunk: TrunkView
  readonly organization: OrganizationView
}

export function encodeBatchDetail(reading: BatchReading): z.infer<typeof batchWire.batchDetail> {
  const { batch, trunk, organization } = reading
  return {
    ...encodeBatch(batch),
    waiting: encodeWaiting(reading.waiting),
    limits: {
      batch: { concurrency: batch.concurrency, live: batch.figures.live },
      trunk: {
        concurrency: trunk.liveMax,
        live: trunk.live,
        callsPerSecond: trunk.callsPerSecond,
        blockedUntil: time(trunk.blockedUntil),
      },
      organization: { concurrency: organization.liveMax },
    },
  }
}

export function encodeCreatedBatch(created: CreatedBatch): z.infer<typeof batchWire.createdBatch> {
  return {
    batch: encodeBatch(created.batch),
    rejectedRows: created.rejectedRows.map((row) => ({ ...row })),
  }
}

export function encodeRecipient({ dialectFields: _, ...view }: RecipientView): z.infer<typeof batchWire.recipient> {
  return {
    ...view,
    firstDialedAt: time(view.firstDialedAt),
    lastDialedAt: time(view.lastDialedAt),
    answeredAt: time(view.answeredAt),
    lastEndedAt: time(view.lastEndedAt),
    finishedAt: time(view.finishedAt),
    dueAt: time(view.dueAt),
  }
}

export function encodeAttempt(view: AttemptView): z.infer<typeof batchWire.attempt> {
  return {
    ...view,
    dialedAt: view.dialedAt.toISOString(),
    acceptedAt: time(view.acceptedAt),
    ringingAt: time(view.ringingAt),
    answeredAt: time(view.answeredAt),
    endedAt: time(view.endedAt),
  }
}

export function encodeCall(view: CallView): z.infer<typeof callWire.call> {
  const { dialectFields: _, batchFields: __, disposition: ___, agent, ...rest } = view
  return {
    ...rest,
    agent: { id: agent.id, name: agent.name },
    startAt: view.startAt.toISOString(),
    dialedAt: time(view.dialedAt),
    acceptedAt: time(view.acceptedAt),
    ringingAt: time(view.ringingAt),
    answeredAt: time(view.answeredAt),
    endedAt: time(view.endedAt),
    erasedAt: time(view.erasedAt),
  }
}

export function encodeRecipientDetail(detail: RecipientDetail): z.infer<typeof batchWire.recipientDetail> {
  return {
    recipient: encodeRecipient(detail.recipient),
    attempts: detail.attempts.map(encodeAttempt),
    events: detail.events.map(({ kind, at, attemptId, outcome }) => ({
      kind,
      at: at.toISOString(),
      attemptId,
      outcome,
    })),
    waiting: encodeWaiting(detail.waiting),
  }
}

export function encodeAttention(found: Attention): z.infer<typeof wire.attention> {
  return { ...found, since: time(found.since) }
}

export function encodeAuditSeal(seal: AuditSeal): z.infer<typeof auditWire.auditSeal> {
  return { ...seal, sealedAt: seal.sealedAt.toISOString() }
}

export function encodeAuditVerification(made: AuditVerification): z.infer<typeof auditWire.auditVerification> {
  const { fault } = made
  return { ...made, fault: fault === null ? null : { ...fault, message: AUDIT_FAULTS[fault.kind] } }
}

export function encodeAuditEntry(entry: AuditEntry): z.infer<typeof auditWire.auditEntry> {
  const action = entry.action as AuditAction
  const detail = entry.detail === null ? null : { ...entry.detail }
  // In the words of requests.
  if (Array.isArray(detail?.fields))
    detail.fields = detail.fields.map((field) => (field === 'liveMax' ? 'concurrency' : field))
  return { ...entry, action, detail, at: entry.at.toISOString() }
}

export function encodeEvent(view: EventView): z.infer<typeof wire.event> {
  return { ...view, range: view.range === null ? null : { ...view.range }, at: view.at.toISOString() }
}

export function encodeEventPage(page: EventPage): z.infer<typeof wire.eventPage> {
  return { items: page.items.map(encodeEvent), nextCursor: page.nextCursor, hasMore: page.hasMore }
}

function time(at: Date | null): string | null {
  return at === null ? null : at.toISOString()
}
