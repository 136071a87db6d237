import { z } from 'zod'
import { ATTENTION_KINDS, type AttentionKind } from '../../model/attention.ts'
import { BATCH_STATUSES } from '../../model/batch.ts'
import { OUTCOMES } from '../../model/disposition.ts'
import { EVENT_KINDS, type EventKind } from '../../model/event-kind.ts'

/**
 * What stands in requests and answers of the native dialect, besides batches and recipients. The schemas are the one
 * source of types, of validation and of the OpenAPI document. Requests are strict: an unknown field is refused.
 */

export const id = z.guid().describe('A UUID.')
/** Id in any spelling, or the alias under which the owner knows the thing elsewhere. */
export const idOrAlias = z.string().min(1).max(200).describe('An id, or an alias that was given to it.')
export const instant = z.iso.datetime({ offset: true }).describe('A time in ISO 8601 with its offset.')
/** Written by us: always UTC with milliseconds. */
export const instantOut = z.string().meta({ format: 'date-time' })
export const name = z.string().min(1).max(1_020).describe('Up to 255 characters.')
export const e164 = z.string().min(2).max(100).describe('A telephone number as + and 7 to 15 digits.')
export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be a country code of two capital letters, such as GB')
  .describe('ISO 3166 code of two capital letters.')
export const jsonObject = z.record(z.string(), z.unknown()).describe('Any JSON object.')
export const aliases = z.array(idOrAlias).max(20)

export const outcome = z.enum(OUTCOMES).meta({ id: 'native.Outcome', description: 'How a recipient ended.' })
export const batchStatus = z.enum(BATCH_STATUSES).meta({ id: 'native.BatchStatus' })

export const cursor = z.string().min(1).max(500).describe('`nextCursor` of the page before, unchanged.')

/** The query of a list: at most `max` entries a page. */
export function pageQuery(max: number, fallback: number) {
  const limit = z.coerce.number().int().min(1).max(max).describe(`Entries of a page; ${fallback} by default.`)
  return { cursor: cursor.optional(), limit: limit.optional() }
}

/** An answer that is one page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Send it as `cursor` for the next page; null: this is the last one.'),
  })
}

export const pathId = z.strictObject({ id: idOrAlias })

/** The body of a POST that says everything with its address: none, or an empty object. */
export const nothingToSend = z.strictObject({}).nullish()

// Errors ----------------------------------------------------------------------------------------------------------

export const problem = z
  .object({
    type: z.string(),
    status: z.number().int(),
    code: z.string().describe('One of the codes of the error reference; it never changes its meaning.'),
    message: z.string(),
    field: z.string().optional().describe('The field that is wrong, such as `recipients[3].to`.'),
    remedy: z.string().describe('What to do about it.'),
    retryable: z.boolean().describe('The same request may work later.'),
    details: z
      .array(z.object({ field: z.string(), message: z.string(), remedy: z.string().optional() }))
      .optional()
      .describe('Everything that is wrong, the first 100.'),
    requestId: z.string(),
  })
  .meta({ id: 'native.Problem', description: 'Every refusal has this form (RFC 9457).' })

// Organizations and keys --------------------------------------------------------------------------------------------

const concurrency = z.int().min(0).max(1_000_000).describe('Calls at once at most; 0 stops all calls.')

export const limits = z
  .strictObject({
    requestsPerSecond: z
      .number()
      .positive()
      .max(100_000)
      .optional()
      .describe('Requests that each node takes of the key in a second, twice as many at once.'),
    peoplePerDay: z
      .int()
      .min(0)
      .max(2_000_000_000)
      .optional()
      .describe('People that may be accepted to be called on a day of UTC.'),
    allowedPrefixes: z
      .array(z.string().regex(/^\+[1-9]\d{0,14}$/, 'must be + and the first digits of numbers, such as +1415'))
      .max(1_000)
      .optional()
      .describe('Beginnings of numbers that may be called; others end not-allowed. An empty list allows nobody.'),
  })
  .meta({ id: 'native.Limits', description: 'Against misuse; what is left out has no limit of its own.' })
const organizationLimits = limits.omit({ requestsPerSecond: true }).meta({ id: 'native.OrganizationLimits' })

export const organization = z
  .object({
    id,
    name: z.string(),
    aliases: z.array(z.string()),
    concurrency: z.number().int(),
    defaultCountry: z.string().nullable().describe('Country of numbers without a plus; null: they are refused.'),
    allowedCountries: z
      .array(z.string())
      .nullable()
      .describe('Countries that may be called; null: that of the caller number.'),
    defaultNumberId: id.nullable(),
    retentionDays: z
      .number()
      .int()
      .nullable()
      .describe('Days after which people of a batch that is over are erased; null: what the installation says.'),
    limits: organizationLimits.nullable().describe('What all its keys together may do at most.'),
    createdAt: instantOut,
  })
  .meta({ id: 'native.Organization' })

export const organizationRequest = z
  .strictObject({
    name,
    concurrency: concurrency.optional(),
    defaultCountry: country.nullish(),
    allowedCountries: z.array(country).max(300).nullish(),
    aliases: aliases.optional(),
  })
  .meta({ id: 'native.OrganizationRequest' })

export const organizationChanges = z
  .strictObject({
    name: name.optional(),
    concurrency: concurrency.optional(),
    defaultCountry: country.nullish(),
    allowedCountries: z.array(country).max(300).nullish(),
    defaultNumber: idOrAlias.nullish().describe('Id, alias or E.164 of one of its numbers.'),
    retentionDays: z
      .int()
      .min(1)
      .max(36_500)
      .nullish()
      .describe('Days after which people of a batch that is over are erased; null: what the installation says.'),
    limits: organizationLimits.nullish().describe('Replaces all there were; null takes them away.'),
  })
  .meta({ id: 'native.OrganizationChanges' })

export const usage = z
  .object({
    concurrency: z.number().int(),
    live: z.number().int().describe('Calls at this moment.'),
    openBatches: z.number().int(),
    batches: z.number().int(),
    attempts: z.number().int(),
    talkSeconds: z.number(),
  })
  .meta({ id: 'native.Usage' })

const keyAccess = z.enum(['full', 'read']).describe('A key with `read` changes nothing: what would is answered 403.')
const keyTerms = {
  access: keyAccess.optional(),
  expiresAt: instant.nullish().describe('From when on it is refused. A key that ends makes none that lives longer.'),
  allowedAddresses: z
    .array(z.string().min(1).max(50))
    .min(1)
    .max(20)
    .nullish()
    .describe(
      'IPv4 and IPv6 addresses and ranges (CIDR) that requests with it may come from; from any other address it is refused ' +
        'as a wrong key is. A key that has them makes only keys within them, and with the same ones when nothing is said.',
    ),
}

export const key = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: instantOut,
    revokedAt: instantOut.nullable(),
    limits: limits.nullable(),
    access: keyAccess,
    expiresAt: instantOut.nullable().describe('From when on it is refused.'),
    allowedAddresses: z.array(z.string()).nullable().describe('Null: requests with it may come from anywhere.'),
    lastUsedAt: instantOut.nullable().describe('To a minute; null: it was not used yet.'),
  })
  .meta({ id: 'native.Key' })

export const keyRequest = z
  .strictObject({
    name,
    limits: limits
      .nullish()
      .describe('A key that has limits makes only keys with the same ones, whatever stands here.'),
    ...keyTerms,
  })
  .meta({ id: 'native.KeyRequest' })

export const keyLimits = z
  .strictObject({ limits: limits.nullable().describe('Replaces all there were; null takes them away.') })
  .meta({ id: 'native.KeyLimits' })

export const importedKeyRequest = z
  .strictObject({
    name,
    key: z.string().min(1).max(200).describe('20 to 200 printable characters.'),
    secret: z.string().min(1).max(200).optional().describe('Makes it a pair.'),
    ...keyTerms,
  })
  .meta({ id: 'native.ImportedKeyRequest' })

export const newKey = z
  .object({
    key,
    token: z.string().describe('For `Authorization: Bearer`. It is shown this once.'),
    secret: z.string().describe('For `X-API-SECRET`, with the id of the key in `X-API-KEY`. It is shown this once.'),
  })
  .meta({ id: 'native.NewKey' })

export const me = z
  .object({
    operator: z.boolean(),
    organization: organization.nullable(),
    key: key.nullable(),
  })
  .meta({ id: 'native.Me' })

// Agents, trunks, numbers -------------------------------------------------------------------------------------------

export const agent = z
  .object({
    id,
    name: z.string(),
    kind: z.string(),
    settings: jsonObject,
    defaultNumberId: id.nullable(),
    aliases: z.array(z.string()),
    warnings: z
      .array(z.string())
      .describe('What to look at, such as an announcement that does not say who is calling. You decide.'),
    createdAt: instantOut,
    archivedAt: instantOut.nullable(),
  })
  .meta({ id: 'native.Agent' })

export const agentRequest = z
  .strictObject({
    name,
    kind: z.string().min(1).max(100).describe('Who speaks: a kind of agent of this version, such as `announcement`.'),
    settings: jsonObject,
    defaultNumber: idOrAlias.nullish().describe('Id, alias or E.164 of one of the numbers.'),
    aliases: aliases.optional(),
  })
  .meta({ id: 'native.AgentRequest' })

export const agentChanges = z
  .strictObject({
    name: name.optional(),
    kind: z.string().min(1).max(100).optional().describe('Who speaks; another kind needs settings that fit it.'),
    settings: jsonObject.optional(),
    defaultNumber: idOrAlias.nullish(),
  })
  .meta({ id: 'native.AgentChanges' })

const callsPerSecond = z
  .number()
  .positive()
  .max(10_000)
  .describe('Calls that may start in a second; may be a fraction.')

export const trunk = z
  .object({
    id,
    name: z.string(),
    carrier: z.string(),
    settings: jsonObject,
    secretSettings: z
      .array(z.string())
      .describe('Secret settings that are set. Their values are never shown; a change that leaves one out keeps it.'),
    concurrency: z.number().int(),
    live: z.number().int(),
    callsPerSecond: z.number(),
    blockedUntil: instantOut.nullable().describe('Nothing is dialled through it until then, since it fails.'),
    aliases: z.array(z.string()).describe('Names under which wire formats ask for it, such as `twilio`.'),
    createdAt: instantOut,
  })
  .meta({ id: 'native.Trunk' })

export const trunkTestRequest = z
  .strictObject({
    to: z.string().min(1).max(40).describe('The telephone to ring, such as +14155550123.'),
    from: idOrAlias.optional().describe('Id, alias or E.164 of a number of the trunk; by default its oldest.'),
  })
  .meta({ id: 'native.TrunkTestRequest' })

export const trunkTest = z
  .object({
    findings: z.array(
      z.object({
        level: z.enum(['ok', 'note', 'bad']),
        step: z.string().describe('What was looked at, such as `dns` or `sound`.'),
        text: z.string(),
        remedy: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'native.TrunkTest' })

export const trunkRequest = z
  .strictObject({
    name,
    carrier: z.string().min(1).max(100).describe('A carrier of this version, such as `loopback`.'),
    settings: jsonObject,
    concurrency,
    callsPerSecond,
  })
  .meta({ id: 'native.TrunkRequest' })

export const trunkChanges = z
  .strictObject({
    name: name.optional(),
    settings: jsonObject.optional(),
    concurrency: concurrency.optional(),
    callsPerSecond: callsPerSecond.optional(),
  })
  .meta({ id: 'native.TrunkChanges' })

const throttleRule = z.strictObject({
  maxCalls: z.int().min(1).max(100).describe('Calls that may start in a window.'),
  windowSeconds: z.int().min(1).max(86_400).describe('Length of the sliding window.'),
})
const throttleRules = z.array(throttleRule).min(1).max(20).describe('Each holds for itself.')
const throttleName = z.string().min(1).max(256).describe('Up to 64 characters, unique.')

export const throttle = z
  .object({ id, name: z.string(), rules: z.array(throttleRule), createdAt: instantOut })
  .meta({ id: 'native.Throttle' })

export const throttleRequest = z
  .strictObject({ name: throttleName, rules: throttleRules })
  .meta({ id: 'native.ThrottleRequest' })

export const throttleChanges = z
  .strictObject({ name: throttleName.optional(), rules: throttleRules.optional() })
  .meta({ id: 'native.ThrottleChanges' })

export const number = z
  .object({ id, number: z.string(), trunkId: id, aliases: z.array(z.string()), createdAt: instantOut })
  .meta({ id: 'native.Number' })

export const numberRequest = z
  .strictObject({ number: e164, trunkId: idOrAlias, aliases: aliases.optional() })
  .meta({ id: 'native.NumberRequest' })

// Suppressions ------------------------------------------------------------------------------------------------------

export const suppression = z
  .object({ number: z.string(), reason: z.string(), createdAt: instantOut })
  .meta({ id: 'native.Suppression' })

export const suppressionRequest = z
  .strictObject({
    numbers: z.array(z.string().max(100)).min(1).max(100_000),
    reason: z.string().min(1).max(1_020).optional(),
  })
  .meta({ id: 'native.SuppressionRequest' })

export const suppressionRemoval = z
  .strictObject({ numbers: z.array(z.string().max(100)).min(1).max(100_000) })
  .meta({ id: 'native.SuppressionRemoval' })

export const suppressed = z
  .object({
    added: z.number().int(),
    alreadyThere: z.number().int(),
    rejected: z.array(z.object({ line: z.number().int(), value: z.string(), reason: z.string(), remedy: z.string() })),
  })
  .meta({ id: 'native.Suppressed' })

// Events ------------------------------------------------------------------------------------------------------------

export const event = z
  .object({
    id: z.string().describe('`<block>.<index>`: unique in the organization.'),
    kind: z.enum(Object.keys(EVENT_KINDS) as [EventKind, ...EventKind[]]),
    at: instantOut,
    batchId: id,
    recipientId: id.nullable(),
    attemptId: id.nullable(),
    outcome: outcome.nullable(),
    range: z
      .object({ firstSeq: z.number().int(), count: z.number().int() })
      .nullable()
      .describe('For `lane-closed`: the recipients it ends.'),
  })
  .meta({ id: 'native.Event' })

export const eventQuery = z.strictObject({
  after: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('`nextCursor` of the answer before, or the id of an event (a `webhook-id`); none: from the beginning.'),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
  batchId: idOrAlias.optional(),
})

export const eventPage = z
  .object({
    items: z.array(event),
    nextCursor: z.string().describe('Where to go on, also when nothing more is there yet.'),
    hasMore: z.boolean(),
  })
  .meta({ id: 'native.EventPage' })

export const erasureRequest = z.strictObject({ number: e164 }).meta({ id: 'native.ErasureRequest' })

export const erasure = z
  .object({
    id,
    requestedAt: instantOut,
    finishedAt: instantOut.nullable().describe('Null while there is something left to do.'),
    recipients: z.number().int().describe('Entries of lists that were erased so far.'),
    attempts: z.number().int(),
    rejectedRows: z.number().int(),
  })
  .meta({ id: 'native.Erasure' })

// What needs somebody -------------------------------------------------------------------------------------------------

export const attention = z
  .object({
    kind: z.enum(ATTENTION_KINDS as readonly [AttentionKind, ...AttentionKind[]]),
    level: z
      .enum(['bad', 'warning'])
      .describe('bad: people are not called or not told; warning: somebody should look.'),
    text: z.string(),
    remedy: z.string().describe('What to do about it.'),
    count: z.number().int().describe('How many calls, people or deliveries it is about.'),
    since: instantOut.nullable(),
    objectId: id.nullable().describe('The batch, trunk or webhook that it is about.'),
    reason: z.string().nullable().describe('What exactly, in one word: why a batch waits, the code of an error.'),
  })
  .meta({ id: 'native.Attention' })

export const attentionList = z.object({ items: z.array(attention) })
