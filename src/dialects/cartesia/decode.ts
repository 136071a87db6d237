import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { CallInput } from '../../commands/create-call.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import { type ErrorDetail, invalidInput } from '../../errors.ts'
import { NO_RETRIES } from '../../model/retry-policy.ts'
import { problemsOf, refusalOf } from '../zod-problems.ts'
import type { WireVersion } from './version.ts'
import {
  type BatchRequest,
  CALL_MINUTES,
  type CallsQuery,
  type CallsRequest,
  outboundCall,
  type PageQuery,
  RING_SECONDS,
} from './wire.ts'

const PROBLEMS_LISTED = 100
const RECIPIENTS_A_TURN = 2_000
const SECONDS_OF_A_MINUTE = 60
const HORIZON_DAYS = 30
const HORIZON_MS = HORIZON_DAYS * 86_400_000

/** What a request means depends on it. */
export interface RequestTerms {
  readonly version: WireVersion
  readonly nowEpochMs: number
  /** Calls at once that the organization may have. */
  readonly liveMax: number
  /** Ids by which the core knows who was named. */
  readonly agent: string
  readonly callerNumber: string
  readonly region: string
}

/** A posted batch as a command. @throws AppError that names the fields, the first 100 for the recipients. */
export async function decodeBatch(
  request: BatchRequest,
  terms: RequestTerms,
): Promise<{ input: BatchInput; recipients: RecipientInput[] }> {
  const { recipientsMax } = terms.version
  if (request.recipients.length < 1 || request.recipients.length > recipientsMax) {
    throw invalidInput('recipients', `must have 1 to ${recipientsMax} entries`)
  }
  const recipients = await decodeRecipients(request.recipients)
  const input: BatchInput = {
    ...settingsOf(request, terms),
    name: request.name,
    concurrency: request.target_concurrency_limit ?? Math.max(1, Math.floor(terms.liveMax / 2)),
    startAt: decodeStart(request.scheduled_at, terms.nowEpochMs),
    pastStart: 'refuse',
    duplicateNumbers: 'skip',
  }
  return { input, recipients }
}

/** What the calls of a request have in common. */
export function settingsOf(request: BatchRequest | CallsRequest, terms: RequestTerms): CallInput {
  const { agent, callerNumber, region } = terms
  const minutes = request.max_call_duration_minutes ?? CALL_MINUTES.fallback
  return {
    dialect: 'cartesia',
    agent,
    callerNumber,
    ringTimeoutSeconds: request.ringing_timeout_seconds ?? RING_SECONDS.fallback,
    maxCallSeconds: minutes * SECONDS_OF_A_MINUTE,
    retryPolicy: NO_RETRIES,
    // As they were sent: an owner's own ids come back as the owner writes them.
    dialectFields: { agentId: request.agent_id, fromNumberId: request.from_number_id, region },
  }
}

/** Metadata is given back and may be spoken. */
export function recipientOf({ to_number, metadata }: CallsRequest['outbound_calls'][number]): RecipientInput {
  const values = metadata as JsonObject | null | undefined
  return { to: to_number, variables: values, metadata: values }
}

/** Looks for the first hundred faults and no further. Lets others have a turn: calls are placed by the same process. */
async function decodeRecipients(list: readonly unknown[]): Promise<RecipientInput[]> {
  const details: ErrorDetail[] = []
  const recipients: RecipientInput[] = []
  for (const [index, sent] of list.entries()) {
    if (index % RECIPIENTS_A_TURN === RECIPIENTS_A_TURN - 1) await nextTurn()
    const parsed = outboundCall.safeParse(sent, { reportInput: true })
    if (parsed.success) {
      recipients.push(recipientOf(parsed.data))
      continue
    }
    const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['recipients', index, ...issue.path] }))
    details.push(...problemsOf(issues))
    if (details.length >= PROBLEMS_LISTED) break
  }
  if (details.length > 0) throw refusalOf(details.slice(0, PROBLEMS_LISTED))
  return recipients
}

function decodeStart(text: string | undefined, nowEpochMs: number): Date | null {
  if (text === undefined) return null
  const epochMs = Date.parse(text)
  if (epochMs <= nowEpochMs) throw invalidInput('scheduled_at', 'must lie in the future')
  if (epochMs > nowEpochMs + HORIZON_MS) throw invalidInput('scheduled_at', `must lie within ${HORIZON_DAYS} days`)
  return new Date(epochMs)
}

/** Beside which entry a page lies. @throws AppError `invalid-input` when both sides are asked for. */
export function decodePlace(query: PageQuery): { beside: string | null; backwards: boolean } {
  const { starting_after: after, ending_before: before } = query
  if (after !== undefined && before !== undefined) {
    throw invalidInput('ending_before', 'must not stand beside starting_after')
  }
  return { beside: after ?? before ?? null, backwards: before !== undefined }
}

/** From when until when calls of a list were dialled; the end is inclusive to the millisecond. */
export function decodeTimes(query: CallsQuery): { from: Date | undefined; before: Date | undefined } {
  const { start_time_gte: gte, start_time_lte: lte } = query
  const from = gte === undefined ? undefined : new Date(gte)
  const before = lte === undefined ? undefined : new Date(Date.parse(lte) + 1)
  if (from !== undefined && before !== undefined && from >= before) {
    throw invalidInput('start_time_lte', 'must not lie before start_time_gte')
  }
  return { from, before }
}
