import { AppError } from '../errors.ts'
import { BATCH_STATUS_CODE, type DuplicateNumbers } from '../model/batch.ts'
import type { CallingWindow } from '../model/calling-window.ts'
import { type CallPolicy, countryOf } from '../model/phone-number.ts'
import { NO_RETRIES, type RetryPolicy } from '../model/retry-policy.ts'
import type { AgentRow } from '../store/agents.ts'
import { readDialingRules } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import { type Caller, findCaller } from './caller-number.ts'
import {
  checkedDate,
  checkedJson,
  checkedRetryPolicy,
  checkedText,
  checkedWhole,
  checkedWindow,
  NAME_CHARS_MAX,
} from './checked-input.ts'
import type { Actor, CommandContext, JsonObject } from './context.ts'
import type { DialectSecrets } from './dialect-secrets.ts'
import { requireAgent } from './find-objects.ts'
import type { IdempotentRequest } from './idempotency.ts'
import { lookForThrottle } from './throttles.ts'
import { UNBOUND_AGENT_KIND } from './unbound-agent.ts'

/** What is asked of a batch, apart from its recipients. */
export interface BatchInput {
  /** By default the name of the file, else the date. */
  readonly name?: string | undefined
  /** The wire format that asks. */
  readonly dialect: string
  /** For one call: lists of batches do not show it. */
  readonly single?: boolean | undefined
  /** Id in any spelling, or alias. */
  readonly agent: string
  /** Id, alias or E.164 of a number; by default the agent's, else the organization's. */
  readonly callerNumber?: string | undefined
  /** Id or alias; by default that of the caller number. */
  readonly trunk?: string | undefined
  /** 5..80, by default 30. */
  readonly ringTimeoutSeconds?: number | undefined
  /** 1..28800, by default 600. */
  readonly maxCallSeconds?: number | undefined
  /** Calls at once; by default as many as the organization may have. */
  readonly concurrency?: number | undefined
  /** Checked here, whatever its shape. */
  readonly callingWindow?: CallingWindow | null | undefined
  /** Checked here, whatever its shape; by default everyone is dialled once. */
  readonly retryPolicy?: RetryPolicy | undefined
  readonly duplicateNumbers?: DuplicateNumbers | undefined
  /** Null or absent: now. */
  readonly startAt?: Date | null | undefined
  /** What a start in the past means: a refusal (the default) or now. */
  readonly pastStart?: 'refuse' | 'now' | undefined
  /** Waits for `resumeBatch`. */
  readonly paused?: boolean | undefined
  /** Waits for `startBatch`; a start that is given is kept and may lie in the past. */
  readonly draft?: boolean | undefined
  readonly expiresAt?: Date | null | undefined
  /** Refuses an expiry before which not everyone can be called. */
  readonly refuseShortWindow?: boolean | undefined
  readonly metadata?: JsonObject | null | undefined
  /** Name or id of a throttle whose rules hold for its calls, too. */
  readonly throttle?: string | null | undefined
  /** What the dialect must be able to repeat. */
  readonly dialectFields?: JsonObject | null | undefined
  /** The same, but sealed in the database; a view holds them sealed among `dialectFields`. */
  readonly dialectSecrets?: DialectSecrets | undefined
  /** The request with an idempotency key that asks: it makes one batch, however often it is taken over. */
  readonly idempotent?: IdempotentRequest | null | undefined
  /** `accept` (default) leaves bad rows of a file out and reports them; `reject` refuses the file. */
  readonly onBadRows?: 'accept' | 'reject' | undefined
}

/** Of an uploaded list. */
export const FILE_BYTES_MAX = 20 * 1_048_576
export const RING_TIMEOUT_SECONDS = { min: 5, max: 80, fallback: 30 } as const
export const MAX_CALL_SECONDS = { min: 1, max: 28_800, fallback: 600 } as const

/** What a batch will be, as far as it does not depend on the database. */
export interface BatchTerms {
  readonly name: string | null
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly concurrency: number | null
  readonly callingWindow: CallingWindow | null
  readonly retryPolicy: RetryPolicy
  readonly duplicateNumbers: DuplicateNumbers
  readonly statusCode: number
  readonly startAt: Date | null
  readonly expiresAt: Date | null
  readonly metadata: string | null
  readonly dialectFields: string | null
}

/** @throws AppError for the first field that does not fit. */
export function batchTerms(input: BatchInput, nowEpochMs: number): BatchTerms {
  const { startAt, statusCode } = startOf(input, nowEpochMs)
  return {
    name: input.name === undefined ? null : checkedText(input.name, 'name', { max: NAME_CHARS_MAX }),
    ringTimeoutSeconds: checkedWhole(
      input.ringTimeoutSeconds ?? RING_TIMEOUT_SECONDS.fallback,
      'ringTimeoutSeconds',
      RING_TIMEOUT_SECONDS,
    ),
    maxCallSeconds: checkedWhole(input.maxCallSeconds ?? MAX_CALL_SECONDS.fallback, 'maxCallSeconds', MAX_CALL_SECONDS),
    concurrency: input.concurrency ?? null,
    callingWindow: checkedWindow(input.callingWindow),
    retryPolicy: input.retryPolicy === undefined ? NO_RETRIES : checkedRetryPolicy(input.retryPolicy),
    duplicateNumbers: input.duplicateNumbers ?? 'skip',
    statusCode,
    startAt,
    expiresAt: checkedExpiry(input.expiresAt ?? null, startAt, nowEpochMs),
    metadata: jsonOrNull(input.metadata, 'metadata'),
    dialectFields: jsonOrNull(input.dialectFields, 'dialectFields'),
  }
}

/** @throws AppError `expiry-before-start`. */
export function checkedExpiry(expiresAt: Date | null, startAt: Date | null, nowEpochMs: number): Date | null {
  if (expiresAt === null) return null
  checkedDate(expiresAt, 'expiresAt')
  const earliest = Math.max(nowEpochMs, startAt?.getTime() ?? 0)
  if (expiresAt.getTime() <= earliest) throw new AppError('expiry-before-start', { field: 'expiresAt' })
  return expiresAt
}

/**
 * Stands in the row of a batch that has no limit of its own: the organization's holds for it, whatever that becomes. Every
 * claim checks both, so that a number that no organization reaches says it.
 */
const AS_THE_ORGANIZATION = 2_147_483_647

/** What is stored; null: as many calls at once as the organization may make. @throws AppError `concurrency-above-limit`, `invalid-input`. */
export function checkedConcurrency(wanted: number | null, liveMax: number): number {
  if (wanted === null) return AS_THE_ORGANIZATION
  checkedWhole(wanted, 'concurrency', { min: 1, max: 1_000_000 })
  if (wanted > liveMax) throw new AppError('concurrency-above-limit', { field: 'concurrency', args: [liveMax] })
  return wanted
}

/** How many calls at once a batch may make, as it is shown. */
export function shownConcurrency(row: { readonly live_max: number; readonly organization_live_max: number }): number {
  return row.live_max === AS_THE_ORGANIZATION ? row.organization_live_max : row.live_max
}

export function jsonOrNull(value: JsonObject | null | undefined, field: string): string | null {
  return value === null || value === undefined ? null : checkedJson(value, field)
}

function startOf(input: BatchInput, nowEpochMs: number): { startAt: Date | null; statusCode: number } {
  const startAt = input.startAt ?? null
  if (startAt !== null) checkedDate(startAt, 'startAt')
  if (input.draft === true) return { startAt, statusCode: BATCH_STATUS_CODE.draft }
  const isFuture = startAt !== null && startAt.getTime() > nowEpochMs
  if (startAt !== null && !isFuture && input.pastStart !== 'now') {
    throw new AppError('start-in-past', { field: 'startAt' })
  }
  if (input.paused === true) return { startAt, statusCode: BATCH_STATUS_CODE.paused }
  return { startAt, statusCode: isFuture ? BATCH_STATUS_CODE.scheduled : BATCH_STATUS_CODE.running }
}

/** Who speaks, from which number, through which trunk, and who may be called by it. */
export interface BatchParties {
  readonly agentId: number
  readonly caller: Caller
  /** No real telephone rings. */
  readonly takesAnyNumber: boolean
  /** Recipients have no number. */
  readonly isJoined: boolean
  readonly defaultCountry: string | undefined
  readonly policy: CallPolicy | null
  /** Who may be called from another number, on a trunk that rings real telephones. */
  readonly strictPolicyFor: (callerDigits: number | null) => CallPolicy
  /** The agent's, else the organization's. */
  readonly defaultNumberId: number | null
  readonly throttleId: number | null
}

/**
 * An agent that can be given calls.
 * @throws AppError `agent-not-found`, also for an archived one; `agent-unbound`.
 */
export async function speakingAgent(
  client: Client,
  organizationId: number,
  { reference, field }: { reference: string; field: string },
): Promise<AgentRow> {
  const agent = await requireAgent(client, organizationId, reference).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error
    throw new AppError('agent-not-found', { field, cause: error })
  })
  if (agent.archived_at !== null) {
    throw new AppError('agent-not-found', { field, remedy: 'The agent is archived. Name another one.' })
  }
  if (agent.kind === UNBOUND_AGENT_KIND) throw new AppError('agent-unbound', { field, args: [agent.agent_uuid] })
  return agent
}

/**
 * The caller is the batch's number, else the agent's, else the organization's; its trunk carries the calls.
 * @throws AppError `agent-not-found`, `agent-unbound`, `trunk-not-found`, `no-caller-number`, `caller-not-owned`.
 */
export async function batchParties(
  context: Pick<CommandContext, 'carrierKind'>,
  client: Client,
  actor: Pick<Actor, 'organizationId' | 'limits'>,
  input: Pick<BatchInput, 'agent' | 'trunk' | 'callerNumber' | 'throttle'>,
): Promise<BatchParties> {
  const { organizationId } = actor
  const agent = await speakingAgent(client, organizationId, { reference: input.agent, field: 'agent' })
  const rules = await readDialingRules(client, organizationId)
  const { trunk, callerNumber } = input
  const defaultNumberId = agent.default_number_id ?? rules.default_number_id
  const caller = await findCaller(context, client, { organizationId, path: '', trunk, callerNumber, defaultNumberId })
  const terms = context.carrierKind(caller.carrier)
  const takesAnyNumber = terms?.takesAnyNumber === true
  const strictPolicyFor = (digits: number | null): CallPolicy => {
    const callerCountry = digits === null ? undefined : countryOf(digits)
    return {
      allowedCountries: new Set(rules.allowed_countries ?? (callerCountry === undefined ? [] : [callerCountry])),
      allowedPrefixes: [rules.limits?.allowedPrefixes, actor.limits?.allowedPrefixes].filter(
        (list) => list !== undefined,
      ),
    }
  }
  return {
    agentId: agent.agent_id,
    caller,
    takesAnyNumber,
    isJoined: terms?.isJoined === true,
    defaultCountry: rules.default_country ?? undefined,
    policy: takesAnyNumber ? null : strictPolicyFor(caller.digits),
    strictPolicyFor,
    defaultNumberId,
    throttleId: await throttleIdOf(client, organizationId, input.throttle ?? null),
  }
}

/** @throws AppError `throttle-not-found` with the field. */
export async function throttleIdOf(
  client: Client,
  organizationId: number,
  reference: string | null,
): Promise<number | null> {
  if (reference === null) return null
  const found = await lookForThrottle(client, organizationId, reference)
  if (found === undefined) throw new AppError('throttle-not-found', { field: 'throttle' })
  return found.throttle_id
}
