import { randomUUID } from 'node:crypto'
import nodePath from 'node:path'
import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { DUE_REASONS } from '../model/due-reason.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import type { SecretBox } from '../model/secret-box.ts'
import { appendEvents, type EventEntry } from '../store/event-log.ts'
import type { Gate } from '../store/gate.ts'
import { insertBatch, insertBatchState, insertLanes, insertRejectedRows } from '../store/insert-batch.ts'
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
import { type DialectSecretsPlace, withDialectSecrets } from './dialect-secrets.ts'
import { type StagedFile, stageFile } from './file-recipients.ts'
import type { LaneLayout } from './lane-book.ts'
import { checkMinimumWindow } from './minimum-window.ts'
import { type RecipientInput, type RecipientRoutes, stagePostedRecipients } from './posted-recipients.ts'
import { findRoutes } from './recipient-routes.ts'
import { RecipientStage } from './recipient-stage.ts'
import { asQueryable, nextVersion } from './under-gate.ts'

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

/** A batch whose recipients have arrived in the stage, with everything that is needed to store it. */
export interface Making {
  readonly input: BatchInput
  readonly terms: BatchTerms & { readonly name: string }
  readonly parties: BatchParties
  readonly stage: RecipientStage
  readonly box: SecretBox
  readonly file: StagedFile | null
}

/** Where a batch is stored. */
export interface BatchPlace {
  readonly batchId: number
  readonly uuid: string
  /** Null: now. */
  readonly createdAt: Date | null
}

export function newPlace(batchId: number): BatchPlace {
  return { batchId, uuid: randomUUID(), createdAt: null }
}

/**
 * Checks the terms and carries the recipients to the stage; `use` then stores them. When anything fails, the stage is
 * emptied.
 *
 * @throws AppError for whatever does not fit.
 */
export async function withStaged<T>(
  context: CommandContext,
  actor: Actor,
  { input, source }: { input: BatchInput; source: RecipientSource },
  use: (making: Making) => Promise<T>,
): Promise<T> {
  const { organizationId } = actor
  const nowEpochMs = context.clock.nowEpochMs()
  const terms = batchTerms(input, nowEpochMs)
  const { parties, routes } = await inOrganization(context, actor, async (client) => {
    const found = await batchParties(context, client, actor, input)
    return {
      parties: found,
      routes: await routesOf(context, client, { organizationId, source, input, terms, parties: found }),
    }
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
    return await use({ input, terms: { ...terms, name }, parties, stage, file, box: context.secrets.box })
  } catch (error) {
    await stage.discard()
    throw error
  }
}

async function routesOf(
  context: CommandContext,
  client: Client,
  search: Omit<Parameters<typeof findRoutes>[2], 'recipients' | 'path'> & { source: RecipientSource },
): Promise<RecipientRoutes> {
  const { source } = search
  if (!('recipients' in source)) return () => null
  const { recipients, path = RECIPIENTS_PATH } = source
  return findRoutes(context, client, { ...search, recipients, path })
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

/** Moves the staged recipients to their places. Returns where everything went. */
export async function moveRecipients(client: Client, stage: RecipientStage, batchId: number): Promise<LaneLayout> {
  const layout = stage.book.layout()
  const upload = { ...stage.upload, batchId }
  const moved = await moveStaged(client, { ...upload, chain: stage.chained }, layout.ranges)
  if (moved !== layout.total) throw new Error(`Of ${layout.total} staged recipients ${moved} were found again`)
  if (stage.dueCount > 0) {
    const due = await scheduleStaged(client, { ...upload, reason: DUE_REASONS['not-before'] }, layout.ranges)
    if (due !== stage.dueCount) throw new Error(`Of ${stage.dueCount} recipients with a not-before ${due} were found`)
  }
  await deleteStaged(client, stage.upload)
  return layout
}

/** Makes the batch around the recipients that were moved. Under the gate. */
export async function storeBatch(
  client: Client,
  gate: Gate,
  making: Making,
  at: { layout: LaneLayout; place: BatchPlace },
): Promise<void> {
  const { terms, parties, file, input } = making
  const { layout, place } = at
  const { batchId } = place
  const completed = layout.lanes.every((lane) => lane.closedAs !== null)
  const running = terms.statusCode === BATCH_STATUS_CODE.running
  await insertBatch(client, gate, {
    ...terms,
    ...place,
    dialectFields: fieldsToStore(making, { organizationId: gate.organizationId, batchUuid: place.uuid }),
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
    listed: input.single !== true && parties.caller.digits !== null,
  })
  await insertLanes(client, gate, { batchId, trunkId: parties.caller.trunkId }, layout.lanes)
  if (input.refuseShortWindow === true) await checkMinimumWindow(client, gate, batchId)
  await insertRejectedRows(client, { organizationId: gate.organizationId, batchId }, file?.rejected ?? [])
  await appendEvents(asQueryable(client), gate, firstEvents(batchId, layout, { running, completed }))
}

function fieldsToStore({ box, terms, input }: Making, place: DialectSecretsPlace): string | null {
  const { dialectSecrets: secrets } = input
  if (secrets === undefined) return terms.dialectFields
  return JSON.stringify(withDialectSecrets(box, input.dialectFields ?? null, { ...place, secrets }))
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
