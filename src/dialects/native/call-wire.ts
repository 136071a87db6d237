import { z } from 'zod'
import { RECIPIENT_STATES } from '../../commands/views.ts'
import { ANSWERED_BY } from '../../model/call-event.ts'
import { callingWindow, recipientRequest } from './batch-wire.ts'
import { e164, id, idOrAlias, instant, instantOut, jsonObject, outcome, pageQuery } from './wire.ts'

/** Calls in requests and answers of the native dialect. */

export const callRequest = z
  .strictObject({
    to: e164,
    agent: idOrAlias.describe('Who speaks: id or alias of an agent.'),
    callerNumber: idOrAlias
      .optional()
      .describe("Id, alias or E.164 of a number; by default the agent's, else the organization's."),
    ringTimeoutSeconds: z.int().min(5).max(80).optional().describe('30 by default.'),
    maxCallSeconds: z.int().min(1).max(28_800).optional().describe('600 by default.'),
    callingWindow: callingWindow.nullish(),
    startAt: instant.nullish().describe('By default now. A time in the past is refused.'),
    expiresAt: instant.nullish().describe('Not placed after it.'),
    ...recipientRequest.pick({ variables: true, metadata: true, timezone: true }).shape,
  })
  .meta({ id: 'native.CallRequest', description: 'One person to call.' })

export const call = z
  .object({
    id,
    batchId: id.nullable().describe('The list it belongs to; null for a call that was asked for by itself.'),
    recipientId: id,
    dialect: z.string().describe('The wire format that made it.'),
    agent: z.object({ id, name: z.string() }),
    from: z.string(),
    to: z.string(),
    state: z.enum(RECIPIENT_STATES),
    outcome: outcome.nullable().describe('Null until it is over.'),
    cause: z.string(),
    causeText: z.string(),
    answeredBy: z.enum(ANSWERED_BY).nullable(),
    sipStatus: z.int().nullable(),
    q850Cause: z.int().nullable(),
    carrierCallId: z.string().nullable(),
    startAt: instantOut.describe('When it was dialled; before that, when it was asked to begin.'),
    dialedAt: instantOut.nullable(),
    acceptedAt: instantOut.nullable(),
    ringingAt: instantOut.nullable(),
    answeredAt: instantOut.nullable(),
    endedAt: instantOut.nullable(),
    keysPressed: z.string().nullable(),
    spokenText: z.string().nullable(),
    variables: jsonObject,
    metadata: z.unknown(),
    erasedAt: instantOut.nullable().describe('When what was said in it was erased.'),
  })
  .meta({ id: 'native.Call', description: 'One dial of one person.' })

export const callQuery = z.strictObject({
  ...pageQuery(100, 20),
  agent: idOrAlias.optional(),
  batch: idOrAlias.optional().describe('Id of a batch.'),
  status: z
    .union([z.string().max(500), z.array(z.string().max(100)).max(30)])
    .optional()
    .describe('States of live calls, `ended`, and outcomes, separated by commas; one of them is enough.'),
  from: instant.optional().describe('Dialled at or after this.'),
  before: instant.optional().describe('Dialled before this.'),
})
