import { z } from 'zod'
import { RECIPIENT_STATES } from '../../commands/views.ts'
import { ATTEMPT_STATUSES } from '../../model/attempt-transitions.ts'
import { ANSWERED_BY } from '../../model/call-event.ts'
import { ATTEMPT_DISPOSITIONS, OUTCOMES } from '../../model/disposition.ts'
import { DUE_REASONS, type DueReason } from '../../model/due-reason.ts'
import { EVENT_KINDS, type EventKind } from '../../model/event-kind.ts'
import { ATTEMPTS_MAX, RETRYABLE_DISPOSITIONS } from '../../model/retry-policy.ts'
import { WAITING_REASONS } from '../../model/why-waiting.ts'
import { documentAs } from '../open-api.ts'
import { batchStatus, e164, id, idOrAlias, instant, instantOut, jsonObject, name, outcome, pageQuery } from './wire.ts'

/** Batches and recipients in requests and answers of the native dialect. */

/** More recipients than this come as a file, or as several batches. */
export const RECIPIENTS_MAX = 200_000

const timeOfDay = z.string().regex(/^([01]\d|2[0-4]):[0-5]\d$/, 'must be a time of day such as 09:00')

/** An offset such as +05:30 is no place: it keeps no summer time, and a number has none of its own. */
const zoneName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^(?![+-])/, 'must be an IANA time zone such as Europe/Berlin')

export const callingWindow = z
  .strictObject({
    zone: zoneName.describe('An IANA time zone, or `recipient`: every zone the number may be in.'),
    ranges: z
      .array(
        z.strictObject({
          weekdays: z.array(z.int().min(1).max(7)).min(1).max(7).describe('Monday is 1, Sunday is 7.'),
          from: timeOfDay,
          to: timeOfDay.describe('Exclusive; may be 24:00, and earlier than `from` for a range over midnight.'),
        }),
      )
      .min(1)
      .max(100),
  })
  .meta({ id: 'native.CallingWindow', description: 'When people may be rung.' })

/** One of two shapes, which the command tells apart: gaps, or a time of day with its zone. */
const retryRule = z.strictObject({
  gapsSeconds: z
    .array(z.number().min(0))
    .min(1)
    .max(ATTEMPTS_MAX)
    .optional()
    .describe('Seconds from the end of a call to the next one; the last gap is used again when there are too few.'),
  at: z.string().max(5).optional().describe('Instead of gaps: when clocks of the zone next show this time, HH:MM.'),
  zone: zoneName.optional().describe('IANA time zone of those clocks.'),
})

export const retryPolicy = z
  .strictObject({
    maxAttempts: z.int().min(1).max(ATTEMPTS_MAX).describe('Dials of one person at most, the first included.'),
    rules: z
      .strictObject(
        Object.fromEntries(RETRYABLE_DISPOSITIONS.map((word) => [word, retryRule.optional()])) as Record<
          (typeof RETRYABLE_DISPOSITIONS)[number],
          z.ZodOptional<typeof retryRule>
        >,
      )
      .describe('A disposition without a rule is final.'),
  })
  .meta({ id: 'native.RetryPolicy', description: 'When a person is rung again.' })

export const recipientRequest = z
  .strictObject({
    to: e164,
    variables: jsonObject.nullish().describe('Values the agent may speak.'),
    metadata: jsonObject.nullish().describe('Given back with the result and never spoken.'),
    notBefore: instant.nullish().describe('Not called before.'),
    timezone: zoneName.nullish().describe('IANA zone the person is in; by default told by the number.'),
  })
  .meta({ id: 'native.RecipientRequest' })

const batchSettings = {
  name: name.optional().describe('By default the name of the file, else the date.'),
  agent: idOrAlias.describe('Who speaks: id or alias of an agent.'),
  callerNumber: idOrAlias
    .optional()
    .describe("Id, alias or E.164 of a number; by default the agent's, else the organization's."),
  concurrency: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Calls at once; by default as many as the organization may have.'),
  ringTimeoutSeconds: z.int().min(5).max(80).optional().describe('30 by default.'),
  maxCallSeconds: z.int().min(1).max(28_800).optional().describe('600 by default.'),
  callingWindow: callingWindow.nullish(),
  retryPolicy: retryPolicy.optional().describe('By default everyone is dialled once.'),
  duplicateNumbers: z
    .enum(['skip', 'call'])
    .optional()
    .describe('What becomes of a number that stands twice; `skip` by default.'),
  startAt: instant.nullish().describe('By default now. A time in the past is refused.'),
  draft: z.boolean().optional().describe('Waits for `start`.'),
  expiresAt: instant.nullish().describe('Nobody is called after it.'),
  throttle: z.string().min(1).max(200).nullish().describe('Name or id of a throttle that holds for its calls, too.'),
  metadata: jsonObject.nullish(),
}

const batchRequestDocumented = z
  .strictObject({ ...batchSettings, recipients: z.array(recipientRequest).min(1).max(RECIPIENTS_MAX) })
  .meta({ id: 'native.BatchRequest' })

/**
 * The recipients are looked at one by one when they are decoded, so that a long list of wrong ones ends in a short
 * answer and not in a long search for everything that is wrong.
 */
export const batchRequest = documentAs(
  z.strictObject({ ...batchSettings, recipients: z.array(z.unknown()).min(1).max(RECIPIENTS_MAX) }),
  batchRequestDocumented,
)
export type BatchRequest = z.infer<typeof batchRequest>

/** The plain fields of a form, after those that are written as JSON were read. */
export const batchFormFields = z.strictObject({
  ...batchSettings,
  phoneColumn: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('Header of the column with the numbers, where it cannot be guessed.'),
  onBadRows: z
    .enum(['accept', 'reject'])
    .optional()
    .describe('`accept` (default) leaves bad rows out and reports them.'),
})
export type BatchFormFields = z.infer<typeof batchFormFields>

/** The form itself is read by hand; this is what the document says of it. */
export const batchForm = documentAs(
  z.unknown(),
  batchFormFields
    .extend({ file: z.string().meta({ contentMediaType: 'text/csv', description: 'A CSV file with a header row.' }) })
    .meta({ id: 'native.BatchForm' }),
)

export const batchChanges = z
  .strictObject({
    name: name.optional(),
    concurrency: z.int().min(0).max(1_000_000).optional(),
    callingWindow: callingWindow.nullish(),
    startAt: instant.optional().describe('Only before the batch has started.'),
    expiresAt: instant.nullish(),
    throttle: z.string().min(1).max(200).nullish().describe('Name or id; null takes it away.'),
    metadata: jsonObject.nullish(),
  })
  .meta({ id: 'native.BatchChanges' })

export const retryRequest = z
  .strictObject({ outcomes: z.array(outcome).min(1).max(OUTCOMES.length) })
  .meta({ id: 'native.RetryRequest' })

const count = z.number().int()

export const figures = z
  .object({
    total: count,
    waiting: count.describe('Not taken up yet.'),
    due: count.describe('To be tried (again) at an instant.'),
    live: count,
    settled: count.describe('Final: the sum of the outcomes.'),
    dialing: count,
    accepted: count,
    ringing: count,
    talking: count,
    attempts: count,
    talkSeconds: z.number(),
    outcomes: z.object(
      Object.fromEntries(OUTCOMES.map((word) => [word, count])) as Record<(typeof OUTCOMES)[number], typeof count>,
    ),
  })
  .meta({ id: 'native.Figures', description: 'total = waiting + due + live + settled' })

export const waiting = z
  .object({
    reason: z.enum(WAITING_REASONS),
    text: z.string().describe('One sentence for people.'),
    nextTryAt: instantOut.nullable().describe("Null: it depends on somebody's action or on free lines."),
    position: count.nullable().describe('How many are before it; for a batch how many wait.'),
  })
  .meta({ id: 'native.Waiting', description: 'Why somebody is not being called now.' })

const batchFields = {
  id,
  name: z.string(),
  dialect: z.string().describe('The wire format that made it.'),
  status: batchStatus,
  agent: z.object({ id, name: z.string() }),
  callerNumber: z.string(),
  trunk: z.object({ id, name: z.string(), carrier: z.string() }),
  concurrency: count,
  ringTimeoutSeconds: count,
  maxCallSeconds: count,
  callingWindow: callingWindow.nullable(),
  retryPolicy,
  duplicateNumbers: z.enum(['skip', 'call']),
  columns: z.array(z.string()).nullable().describe('Header of the uploaded file; null for a posted list.'),
  rejectedRows: count,
  metadata: jsonObject.nullable(),
  createdAt: instantOut,
  updatedAt: instantOut,
  startAt: instantOut.nullable(),
  expiresAt: instantOut.nullable(),
  startedAt: instantOut.nullable(),
  lastDialedAt: instantOut.nullable(),
  completedAt: instantOut.nullable(),
  figures,
}

export const batch = z.object(batchFields).meta({ id: 'native.Batch' })

const limit = z.object({ concurrency: count, live: count })

export const batchDetail = z
  .object({
    ...batchFields,
    waiting: waiting.nullable().describe('Why it is not calling (more) now; null when nobody waits.'),
    limits: z
      .object({
        batch: limit,
        trunk: limit.extend({ callsPerSecond: z.number(), blockedUntil: instantOut.nullable() }),
        organization: z.object({ concurrency: count }),
      })
      .describe('What holds for its calls at this moment.'),
  })
  .meta({ id: 'native.BatchDetail' })

export const rejectedRow = z
  .object({ line: count, column: z.string(), value: z.string(), reason: z.string(), remedy: z.string() })
  .meta({ id: 'native.RejectedRow' })

export const createdBatch = z
  .object({
    batch,
    rejectedRows: z.array(rejectedRow).describe('The first 100 rows of the file that are no recipients.'),
  })
  .meta({ id: 'native.CreatedBatch' })

export const retriedBatch = z.object({ batch, reopened: count }).meta({ id: 'native.RetriedBatch' })

const listed = z.union([z.string().max(500), z.array(z.string().max(100)).max(30)])

export const batchQuery = z.strictObject({
  ...pageQuery(100, 20),
  status: listed.optional().describe('Statuses of batches, separated by commas.'),
  dialect: listed.optional().describe('Wire formats, separated by commas.'),
  agent: idOrAlias.optional(),
})

export const recipientQuery = z.strictObject({
  ...pageQuery(1_000, 100),
  status: listed
    .optional()
    .describe(`States (${RECIPIENT_STATES.join(', ')}) and outcomes, separated by commas; one of them is enough.`),
})

export const recipientPath = z.strictObject({ id: idOrAlias, recipientId: z.string().min(1).max(200) })

const dueReason = z.enum(Object.keys(DUE_REASONS) as [DueReason, ...DueReason[]])

export const recipient = z
  .object({
    id,
    batchId: id,
    seq: count.describe('Position in the batch from 1.'),
    line: count.describe('Line of the uploaded file (the header is line 1), or position in the posted list.'),
    number: z.string(),
    state: z.enum(RECIPIENT_STATES),
    outcome: outcome.nullable().describe('Null until it is final.'),
    cause: z.string(),
    causeText: z.string(),
    answeredBy: z.enum(ANSWERED_BY).nullable(),
    attempts: count,
    firstDialedAt: instantOut.nullable(),
    lastDialedAt: instantOut.nullable(),
    answeredAt: instantOut.nullable(),
    lastEndedAt: instantOut.nullable(),
    finishedAt: instantOut.nullable(),
    talkSeconds: z.number(),
    keysPressed: z.string().nullable(),
    latestAttemptId: id.nullable(),
    dueAt: instantOut.nullable(),
    dueReason: dueReason.nullable(),
    variables: jsonObject,
    metadata: z.unknown(),
  })
  .meta({ id: 'native.Recipient' })

export const attempt = z
  .object({
    id,
    n: count,
    state: z.enum(ATTEMPT_STATUSES),
    disposition: z.enum(ATTEMPT_DISPOSITIONS).nullable(),
    cause: z.string(),
    causeText: z.string(),
    answeredBy: z.enum(ANSWERED_BY).nullable(),
    sipStatus: count.nullable(),
    q850Cause: count.nullable(),
    carrierCallId: z.string().nullable(),
    dialedAt: instantOut,
    acceptedAt: instantOut.nullable(),
    ringingAt: instantOut.nullable(),
    answeredAt: instantOut.nullable(),
    endedAt: instantOut.nullable(),
    keysPressed: z.string().nullable(),
    spokenText: z.string().nullable(),
  })
  .meta({ id: 'native.Attempt' })

export const recipientDetail = z
  .object({
    recipient,
    attempts: z.array(attempt),
    events: z.array(
      z.object({
        kind: z.enum(Object.keys(EVENT_KINDS) as [EventKind, ...EventKind[]]),
        at: instantOut,
        attemptId: id.nullable(),
        outcome: outcome.nullable(),
      }),
    ),
    waiting: waiting.nullable().describe('Null when it is in a call or final.'),
  })
  .meta({ id: 'native.RecipientDetail' })

/** What `GET /batches/{id}/live` sends, as the data of each event. */
export const liveFigures = z
  .object({ at: instantOut, status: batchStatus, figures, waiting: waiting.nullable() })
  .meta({ id: 'native.LiveFigures' })
