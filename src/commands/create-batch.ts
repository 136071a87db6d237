import { randomUUID } from 'node:crypto'
import nodePath from 'node:path'
import { AppError } from '../errors.ts'
import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { DUE_REASONS } from '../model/due-reason.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { selectRejectedRows } from '../store/batches.ts'
import { appendEvents, type EventEntry } from '../store/event-log.ts'
import type { Gate } from '../store/gate.ts'
import { batchMadeBy, noteBatchMade } from '../store/idempotent-answers.ts'
import { insertBatch, insertBatchState, insertLanes, insertRejectedRows } from '../store/insert-batch.ts'
import { takeObjectId } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import { deleteStaged, moveStaged, scheduleStaged } from '../store/staged-recipients.ts'
import {
  type BatchInput,
  type BatchParties,
  type BatchTerms,
  batchParties,
  batchTerms,
  checkedConcurrency,
  FILE_BYTES_MAX,
} from './batch-terms.ts'
import { isStorable, NAME_CHARS_MAX } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { REJECTED_ROWS_SHOWN, type StagedFile, stageFile } from './file-recipients.ts'
import { readBatchView } from './get-batch.ts'
import type { LaneLayout } from './lane-book.ts'
import { checkMinimumWindow } from './minimum-window.ts'
import { type RecipientInput, stagePostedRecipients } from './posted-recipients.ts'
import { findRoutes, type RecipientRoutes } from './recipient-routes.ts'
import { RecipientStage } from './recipient-stage.ts'
import { asQueryable, lockGate, nextVersion } from './under-gate.ts'
import type { BatchView, RejectedRowView } from './views.ts'

/** Posted recipients, or a file as it arrives. */
export type RecipientSource =
  | {
      readonly recipients: readonly RecipientInput[]
      /** Path of the list in the request, for errors; `recipients` by default. */
      readonly path?: string
    }
  | {
      readonly file: AsyncIterable<Uint8Array>
      readonly fileName?: string
      /** Name of the column with the numbers; found by the usual names by default. */
      readonly phoneColumn?: string
      /** One more byte is refused; 20 MiB by default. */
      readonly maxBytes?: number
    }

const RECIPIENTS_PATH = 'recipients'

export interface CreatedBatch {
  readonly batch: BatchView
  /** The first 100. */
  readonly rejectedRows: readonly RejectedRowView[]
}

/**
 * Stores the whole batch or, on any error, nothing.
 *
 * Recipients are carried to the database in slices while they arrive. Then one transaction moves them to their places
 * and makes the batch; it takes the gate last of all, so that a long list does not hold up calls that are under way.
 *
 * @throws AppError for whatever does not fit.
 */
export async function createBatch(
  context: CommandContext,
  actor: Actor,
  input: BatchInput,
  source: RecipientSource,
): Promise<CreatedBatch> {
  const made = await madeBefore(context, actor, input)
  if (made !== null) return made
  const nowEpochMs = context.clock.nowEpochMs()
  const terms = batchTerms(input, nowEpochMs)
  const { parties, routes } = await inOrganization(context, actor, async (client) => {
    const found = await batchParties(context, client, actor.organizationId, input)
    return { parties: found, routes: await routesOf(context, client, found, { actor, source }) }
  })
  const stage = await RecipientStage.open(context, actor, {
    duplicateNumbers: terms.duplicateNumbers,
    callerDigits: parties.caller.digits,
    policy: parties.policy,
  })
  try {
    const file = await fill(stage, source, { parties, routes, nowEpochMs, onBadRows: input.onBadRows ?? 'accept' })
    await stage.finish()
    const name = terms.name ?? defaultName(source, nowEpochMs)
    const batch = await store(context, actor, { input, terms: { ...terms, name }, parties, stage, file })
    context.signals.wake(actor.organizationId)
    return { batch, rejectedRows: (file?.rejected ?? []).slice(0, REJECTED_ROWS_SHOWN) }
  } catch (error) {
    await stage.discard()
    const twin = error instanceof MadeMeanwhile ? await madeBefore(context, actor, input) : null
    if (twin !== null) return twin
    throw error
  }
}

/** Another worker of the same idempotent request was faster. */
class MadeMeanwhile extends Error {}

/** The batch that the same idempotent request has made before, when its worker died without an answer. */
async function madeBefore(context: CommandContext, actor: Actor, input: BatchInput): Promise<CreatedBatch | null> {
  const { organizationId } = actor
  const { idempotent } = input
  if (idempotent === null || idempotent === undefined) return null
  return inOrganization(context, actor, async (client) => {
    const batchId = await batchMadeBy(client, { organizationId, ...idempotent })
    if (batchId === null) return null
    const rows = await selectRejectedRows(client, { organizationId, batchId }, { after: 0, limit: REJECTED_ROWS_SHOWN })
    const rejectedRows = rows.map(({ column_name, ...row }) => ({ ...row, column: column_name }))
    return { batch: await readBatchView(client, organizationId, batchId), rejectedRows }
  })
}

async function routesOf(
  context: CommandContext,
  client: Client,
  parties: BatchParties,
  { actor, source }: { actor: Actor; source: RecipientSource },
): Promise<RecipientRoutes> {
  if (!('recipients' in source)) return () => null
  const { recipients, path = RECIPIENTS_PATH } = source
  return findRoutes(context, client, parties, { organizationId: actor.organizationId, recipients, path })
}

/** Returns what the file turned out to be, null for a posted list. */
async function fill(
  stage: RecipientStage,
  source: RecipientSource,
  options: { parties: BatchParties; routes: RecipientRoutes; nowEpochMs: number; onBadRows: 'accept' | 'reject' },
): Promise<StagedFile | null> {
  const { takesAnyNumber, isJoined, defaultCountry } = options.parties
  if ('recipients' in source) {
    const { nowEpochMs, routes } = options
    const path = source.path ?? RECIPIENTS_PATH
    await stagePostedRecipients(stage, source.recipients, { path, takesAnyNumber, isJoined, nowEpochMs, routes })
    return null
  }
  return stageFile(stage, source.file, {
    takesAnyNumber,
    defaultCountry,
    phoneColumn: source.phoneColumn,
    maxBytes: source.maxBytes ?? FILE_BYTES_MAX,
    onBadRows: options.onBadRows,
  })
}

interface Making {
  readonly input: BatchInput
  readonly terms: BatchTerms & { readonly name: string }
  readonly parties: BatchParties
  readonly stage: RecipientStage
  readonly file: StagedFile | null
}

async function store(context: CommandContext, actor: Actor, making: Making): Promise<BatchView> {
  const { organizationId } = actor
  // A transaction of its own, so that the long one does not hold the organization's row; an unused number does no harm.
  const batchId = await inOrganization(context, actor, (client) => takeObjectId(client, organizationId))
  const layout = making.stage.book.layout()
  return inOrganization(context, actor, async (client) => {
    await moveRecipients(client, making, layout, batchId)
    const gate = await lockGate(client, actor)
    // The agent or the number may have gone while the list arrived.
    const parties = await batchParties(context, client, organizationId, making.input)
    const { trunkId, digits } = making.parties.caller
    if (parties.caller.trunkId !== trunkId || parties.caller.digits !== digits) {
      throw new AppError('no-caller-number', { field: 'callerNumber' })
    }
    const { idempotent } = making.input
    if (idempotent !== null && idempotent !== undefined) {
      const key = { organizationId, ...idempotent }
      if ((await batchMadeBy(client, key)) !== null) throw new MadeMeanwhile()
      await noteBatchMade(client, key, batchId)
    }
    await storeBatch(client, gate, { ...making, parties }, { layout, batchId })
    return readBatchView(client, organizationId, batchId)
  })
}

async function moveRecipients(client: Client, making: Making, layout: LaneLayout, batchId: number): Promise<void> {
  const { stage } = making
  const upload = { ...stage.upload, batchId }
  const moved = await moveStaged(client, { ...upload, chain: stage.chained }, layout.ranges)
  if (moved !== layout.total) throw new Error(`Of ${layout.total} staged recipients ${moved} were found again`)
  if (stage.dueCount > 0) {
    const due = await scheduleStaged(client, { ...upload, reason: DUE_REASONS['not-before'] }, layout.ranges)
    if (due !== stage.dueCount) throw new Error(`Of ${stage.dueCount} recipients with a not-before ${due} were found`)
  }
  await deleteStaged(client, stage.upload)
}

async function storeBatch(
  client: Client,
  gate: Gate,
  making: Making,
  place: { layout: LaneLayout; batchId: number },
): Promise<void> {
  const { terms, parties, file, input } = making
  const { layout, batchId } = place
  const completed = layout.lanes.every((lane) => lane.closedAs !== null)
  const running = terms.statusCode === BATCH_STATUS_CODE.running
  await insertBatch(client, gate, {
    ...terms,
    batchId,
    uuid: randomUUID(),
    dialect: input.dialect,
    single: input.single === true,
    agentId: parties.agentId,
    callerDigits: parties.caller.digits,
    trunkId: parties.caller.trunkId,
    throttleId: parties.throttleId,
    columns: file?.header.names ?? null,
    phoneColumn: file?.header.phoneColumn ?? null,
    rejectedRows: file?.rejectedCount ?? 0,
    version: await nextVersion(client, gate),
  })
  await insertBatchState(client, gate, {
    batchId,
    statusCode: completed ? BATCH_STATUS_CODE.completed : terms.statusCode,
    liveMax: checkedConcurrency(terms.concurrency, gate.liveMax),
    total: layout.total,
    due: making.stage.dueCount,
    settled: layout.settled,
    startAt: terms.startAt,
    expiresAt: terms.expiresAt,
    started: running,
    completed,
  })
  await insertLanes(client, gate, { batchId, trunkId: parties.caller.trunkId }, layout.lanes)
  if (input.refuseShortWindow === true) await checkMinimumWindow(client, gate, batchId)
  await insertRejectedRows(client, { organizationId: gate.organizationId, batchId }, file?.rejected ?? [])
  await appendEvents(asQueryable(client), gate, firstEvents(batchId, layout, { running, completed }))
}

function firstEvents(
  batchId: number,
  layout: LaneLayout,
  status: { running: boolean; completed: boolean },
): EventEntry[] {
  const ofBatch = (kind: number): EventEntry => ({ batchId, seq: 0, n: 0, kind, code: 0, atMs: 0 })
  return [
    ofBatch(EVENT_KINDS['batch-created']),
    ...layout.lanes.flatMap((lane) =>
      lane.closedAs === null
        ? []
        : [
            {
              batchId,
              seq: lane.firstSeq,
              n: 0,
              kind: EVENT_KINDS['lane-closed'],
              code: lane.closedAs,
              atMs: lane.lastSeq - lane.firstSeq,
            },
          ],
    ),
    ...(status.running ? [ofBatch(EVENT_KINDS['batch-started'])] : []),
    ...(status.completed ? [ofBatch(EVENT_KINDS['batch-completed'])] : []),
  ]
}

function defaultName(source: RecipientSource, nowEpochMs: number): string {
  const fileName = 'file' in source ? nodePath.win32.basename(nodePath.basename(source.fileName ?? '')).trim() : ''
  const name = [...fileName].slice(0, NAME_CHARS_MAX).join('')
  if (name !== '' && isStorable(name)) return name
  return `Batch of ${new Date(nowEpochMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
