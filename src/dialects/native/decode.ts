import { setImmediate as nextTurn } from 'node:timers/promises'
import type { z } from 'zod'
import type { RecipientSource } from '../../commands/batch-making.ts'
import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { CallInput } from '../../commands/create-call.ts'
import type { BatchListOptions } from '../../commands/list-batches.ts'
import type { CallListOptions } from '../../commands/list-calls.ts'
import type { RecipientListOptions } from '../../commands/list-recipients.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import type { BatchChanges } from '../../commands/update-batch.ts'
import { RECIPIENT_STATES, type RecipientState } from '../../commands/views.ts'
import { AppError, type ErrorDetail, invalidInput } from '../../errors.ts'
import { BATCH_STATUSES, type BatchStatus } from '../../model/batch.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import { readJsonBody } from '../json-body.ts'
import type { Form } from '../multipart-form.ts'
import { problemsOf, refusalOf } from '../zod-problems.ts'
import {
  type BatchFormFields,
  type BatchRequest,
  type batchChanges,
  batchFormFields,
  recipientRequest,
} from './batch-wire.ts'
import type { callQuery, callRequest } from './call-wire.ts'

const BAD_RECIPIENTS_LISTED = 100
const RECIPIENTS_A_TURN = 5_000
/** Fields of a form that are taken as they are written; all others are JSON. */
const PLAIN_FIELDS = new Set([
  'name',
  'agent',
  'callerNumber',
  'duplicateNumbers',
  'startAt',
  'expiresAt',
  'throttle',
  'phoneColumn',
  'onBadRows',
])

/** A posted list as a command. @throws AppError that names the field, and the recipient for what is wrong with one. */
export async function decodeBatch(request: BatchRequest): Promise<{ input: BatchInput; source: RecipientSource }> {
  const { recipients: sent, ...settings } = request
  const recipients = await decodeRecipients(sent)
  return { input: decodeSettings(settings), source: { recipients, path: 'recipients' } }
}

/** A form with a file as a command. @throws AppError that names the field. */
export function decodeForm(form: Form, fileBytesMax: number): { input: BatchInput; source: RecipientSource } {
  const fields = formFields(form.fields)
  const { phoneColumn, onBadRows, ...settings } = fields
  return {
    input: { ...decodeSettings(settings), onBadRows },
    source: { file: form.file.bytes, fileName: form.file.name, phoneColumn, maxBytes: fileBytesMax },
  }
}

/**
 * The recipients of a posted list. Looks for the first hundred that are wrong and no further. Lets others have a turn
 * now and then: calls are placed by the same process.
 */
async function decodeRecipients(list: readonly unknown[]): Promise<RecipientInput[]> {
  const details: ErrorDetail[] = []
  const recipients: RecipientInput[] = []
  for (const [index, sent] of list.entries()) {
    if (index % RECIPIENTS_A_TURN === RECIPIENTS_A_TURN - 1) await nextTurn()
    const result = recipientRequest.safeParse(sent, { reportInput: true })
    if (result.success) {
      const { to, variables, metadata, notBefore, timezone } = result.data
      recipients.push({
        to,
        variables: variables as JsonObject | null | undefined,
        metadata: metadata as JsonObject | null | undefined,
        notBefore: dateOrNull(notBefore),
        timezone,
      })
      continue
    }
    const issues = result.error.issues.map((issue) => ({ ...issue, path: ['recipients', index, ...issue.path] }))
    details.push(...problemsOf(issues))
    if (details.length >= BAD_RECIPIENTS_LISTED) break
  }
  if (details.length > 0) throw refusalOf(details.slice(0, BAD_RECIPIENTS_LISTED))
  return recipients
}

/** A new key, or one that is imported. */
export function decodeKey<Request extends { expiresAt?: string | null | undefined }>(
  request: Request,
): Omit<Request, 'expiresAt'> & { expiresAt?: Date | null | undefined } {
  const { expiresAt, ...rest } = request
  return expiresAt === undefined ? rest : { ...rest, expiresAt: dateOrNull(expiresAt) }
}

/** What a PATCH asks for. */
export function decodeBatchChanges(request: z.infer<typeof batchChanges>): BatchChanges {
  const { startAt, expiresAt, metadata, callingWindow, ...rest } = request
  return {
    ...rest,
    // The command checks what the schema cannot: the zone, and whether the ranges make sense.
    ...(callingWindow === undefined ? {} : { callingWindow: callingWindow as BatchChanges['callingWindow'] }),
    ...(startAt === undefined ? {} : { startAt: new Date(startAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: dateOrNull(expiresAt) }),
    ...(metadata === undefined ? {} : { metadata: metadata as JsonObject | null }),
  }
}

/** The filter of a list of batches. */
export function decodeBatchQuery(query: {
  cursor?: string
  limit?: number
  status?: string | string[]
  dialect?: string | string[]
  agent?: string
}): BatchListOptions {
  return {
    cursor: query.cursor,
    limit: query.limit,
    statuses: wordsOf(query.status, 'status', BATCH_STATUSES) as BatchStatus[] | undefined,
    dialects: split(query.dialect),
    agent: query.agent,
  }
}

/** One person to call, as a command. */
export function decodeCall(request: z.infer<typeof callRequest>): { input: CallInput; recipient: RecipientInput } {
  const { to, variables, metadata, timezone, ...settings } = request
  return {
    input: {
      ...settings,
      dialect: 'native',
      callingWindow: settings.callingWindow as BatchInput['callingWindow'],
      startAt: dateOrNull(settings.startAt),
      pastStart: 'refuse',
      expiresAt: dateOrNull(settings.expiresAt),
    },
    recipient: {
      to,
      timezone,
      variables: variables as JsonObject | null | undefined,
      metadata: metadata as JsonObject | null | undefined,
    },
  }
}

/** The filter of a list of calls. */
export function decodeCallQuery(query: z.infer<typeof callQuery>): CallListOptions {
  const { status, from, before, batch, ...rest } = query
  return {
    ...rest,
    ...statesAndOutcomes(status),
    batchId: batch,
    from: from === undefined ? undefined : new Date(from),
    before: before === undefined ? undefined : new Date(before),
  }
}

/** The filter of a list of recipients. `answered` is a state and an outcome, and asks for both. */
export function decodeRecipientQuery(query: {
  cursor?: string
  limit?: number
  status?: string | string[]
}): RecipientListOptions {
  return { cursor: query.cursor, limit: query.limit, ...statesAndOutcomes(query.status) }
}

function statesAndOutcomes(status: string | string[] | undefined): {
  states: RecipientState[] | undefined
  outcomes: Outcome[] | undefined
} {
  const words = wordsOf(status, 'status', [...RECIPIENT_STATES, ...OUTCOMES])
  return {
    states: words?.filter((word): word is RecipientState => (RECIPIENT_STATES as readonly string[]).includes(word)),
    outcomes: words?.filter((word): word is Outcome => (OUTCOMES as readonly string[]).includes(word)),
  }
}

function decodeSettings(settings: Omit<BatchFormFields, 'phoneColumn' | 'onBadRows'>): BatchInput {
  return {
    dialect: 'native',
    name: settings.name,
    agent: settings.agent,
    callerNumber: settings.callerNumber,
    concurrency: settings.concurrency,
    ringTimeoutSeconds: settings.ringTimeoutSeconds,
    maxCallSeconds: settings.maxCallSeconds,
    // The command checks the zone and whether the ranges make sense; the schema has checked the shape.
    callingWindow: settings.callingWindow as BatchInput['callingWindow'],
    // The same goes for the two shapes of a rule.
    retryPolicy: settings.retryPolicy as BatchInput['retryPolicy'],
    duplicateNumbers: settings.duplicateNumbers,
    startAt: dateOrNull(settings.startAt),
    pastStart: 'refuse',
    draft: settings.draft,
    expiresAt: dateOrNull(settings.expiresAt),
    throttle: settings.throttle,
    metadata: settings.metadata as JsonObject | null | undefined,
  }
}

function formFields(sent: ReadonlyMap<string, string>): BatchFormFields {
  const values: Record<string, unknown> = {}
  for (const [name, text] of sent) {
    if (!Object.hasOwn(batchFormFields.shape, name)) throw invalidInput(name, 'is not a field of this form')
    values[name] = PLAIN_FIELDS.has(name) ? text : jsonField(name, text)
  }
  const result = batchFormFields.safeParse(values, { reportInput: true })
  if (result.success) return result.data
  throw refusalOf(problemsOf(result.error.issues))
}

function jsonField(name: string, text: string): unknown {
  const body = readJsonBody(Buffer.from(text))
  if (body.ok) return body.value
  const field = body.field === '' ? name : `${name}.${body.field}`
  throw new AppError('invalid-input', { field, args: [`${field}: ${body.message}`], remedy: body.remedy })
}

function dateOrNull(text: string | null | undefined): Date | null | undefined {
  return typeof text === 'string' ? new Date(text) : text
}

function wordsOf(sent: string | string[] | undefined, field: string, known: readonly string[]): string[] | undefined {
  const words = split(sent)
  const unknown = words?.find((word) => !known.includes(word))
  if (unknown !== undefined) throw invalidInput(field, `must be of ${known.join(', ')}`)
  return words
}

function split(sent: string | string[] | undefined): string[] | undefined {
  if (sent === undefined) return undefined
  const words = [sent].flat().flatMap((text) => text.split(','))
  return words.map((word) => word.trim()).filter((word) => word !== '')
}
