import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { CallInput } from '../../commands/create-call.ts'
import type { CallListOptions } from '../../commands/list-calls.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import type { RecipientState } from '../../commands/views.ts'
import { type ErrorDetail, invalidInput } from '../../errors.ts'
import type { CallingWindow, Weekday } from '../../model/calling-window.ts'
import { NO_RETRIES } from '../../model/retry-policy.ts'
import { canonicalZone } from '../../model/zone-offsets.ts'
import { problemsOf, refusalOf } from '../zod-problems.ts'
import { type CallFacts, outcomesWith, reasonOf, statusOf } from './encode.ts'
import {
  type BatchRequest,
  CALL_MS,
  type CallFilter,
  type CallTimeWindow,
  DAY_MINUTES,
  RING_MS,
  type Task,
  task,
  WEEKDAYS,
} from './wire.ts'

const PROBLEMS_LISTED = 100
const TASKS_A_TURN = 2_000
const ZONE_DEFAULT = 'America/Los_Angeles'
const EVERY_DAY: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7]
const E164 = /^\+[1-9]\d{6,14}$/
/** An instant before this was meant in seconds. */
const FIRST_EPOCH_MS = Date.UTC(2000, 0)
const LAST_EPOCH_MS = Date.UTC(2199, 0)

/** Ids by which the core knows who was named, and what the organization may have. */
export interface BatchTerms {
  readonly agent: string
  readonly callerNumber: string
  readonly liveMax: number
}

/** A posted batch as a command, but for its recipients. @throws AppError that names the field. */
export function decodeBatch(request: BatchRequest, tasks: readonly Task[], terms: BatchTerms): BatchInput {
  const window = request.call_time_window === undefined ? null : canonicalWindow(request.call_time_window)
  return {
    ...settingsOf(tasks),
    agent: terms.agent,
    callerNumber: terms.callerNumber,
    name: request.name?.trim() ? request.name : undefined,
    concurrency: decodeReserve(request.reserved_concurrency, terms.liveMax),
    startAt: decodeStart(request.trigger_timestamp),
    // Who sends the time of the moment means now, and it is over when it arrives.
    pastStart: 'now',
    duplicateNumbers: 'skip',
    callingWindow: window === null ? null : callingWindowOf(window),
    dialectFields: window === null ? {} : { call_time_window: window as unknown as JsonObject },
  }
}

type Settings = Pick<CallInput, 'dialect' | 'ringTimeoutSeconds' | 'maxCallSeconds' | 'retryPolicy'>

/** How long it rings and how long a call lasts is one for a whole list. @throws AppError when tasks differ in it. */
export function settingsOf(tasks: readonly Pick<Task, 'agent_override'>[]): Settings {
  return {
    dialect: 'retell',
    ringTimeoutSeconds: Math.ceil(sharedMs(tasks, 'ring_duration_ms', RING_MS.fallback) / 1_000),
    maxCallSeconds: Math.ceil(sharedMs(tasks, 'max_call_duration_ms', CALL_MS.fallback) / 1_000),
    retryPolicy: NO_RETRIES,
  }
}

function sharedMs(
  tasks: readonly Pick<Task, 'agent_override'>[],
  name: 'ring_duration_ms' | 'max_call_duration_ms',
  fallback: number,
): number {
  const [first = fallback, ...rest] = tasks.map((each) => each.agent_override?.agent?.[name] ?? fallback)
  const at = rest.findIndex((each) => each !== first)
  if (at < 0) return first
  throw invalidInput(
    `tasks[${at + 1}].agent_override.agent.${name}`,
    'must be that of the first task: all calls of a batch share it',
  )
}

/** Looks for the first hundred faults and no further. Lets others have a turn: calls are placed by the same process. */
export async function decodeTasks(list: readonly unknown[]): Promise<Task[]> {
  if (list.length === 0) throw invalidInput('tasks', 'must have at least 1 entry')
  const details: ErrorDetail[] = []
  const tasks: Task[] = []
  for (const [index, sent] of list.entries()) {
    if (index % TASKS_A_TURN === TASKS_A_TURN - 1) await nextTurn()
    const parsed = task.safeParse(sent, { reportInput: true })
    if (parsed.success) tasks.push(parsed.data)
    else {
      const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['tasks', index, ...issue.path] }))
      details.push(...problemsOf(issues))
    }
    if (details.length >= PROBLEMS_LISTED) break
  }
  if (details.length > 0) throw refusalOf(details.slice(0, PROBLEMS_LISTED))
  return tasks
}

/** @param agent the id of the one that was named for this call; undefined: that of the batch. */
export function recipientOf(sent: Task, agent: string | undefined): RecipientInput {
  const { to_number, override_agent_id, retell_llm_dynamic_variables: variables, metadata } = sent
  return {
    to: to_number,
    variables,
    metadata: metadata as JsonObject | null | undefined,
    agent,
    ...(override_agent_id === undefined ? {} : { dialectFields: { override_agent_id } }),
  }
}

/** @throws AppError unless it is written as E.164. */
export function requireNumberText(text: string, field: string): string {
  if (E164.test(text)) return text
  throw invalidInput(field, 'must be a telephone number in the form of E.164, such as +14155550123')
}

function decodeStart(epochMs: number | undefined): Date | null {
  if (epochMs === undefined) return null
  if (epochMs < FIRST_EPOCH_MS) throw invalidInput('trigger_timestamp', 'must be in milliseconds since 1970')
  const at = new Date(epochMs)
  if (Number.isNaN(at.getTime())) throw invalidInput('trigger_timestamp', 'must be an instant of this century')
  return at
}

function decodeReserve(reserved: number | undefined, liveMax: number): number | undefined {
  if (reserved === undefined) return undefined
  if (reserved < liveMax) return liveMax - reserved
  throw invalidInput('reserved_concurrency', `must leave a call to the batch: at most ${liveMax - 1}`)
}

/** Sorted and joined where they touch, each day once and in order, with the zone named. @throws AppError that names the field. */
export function canonicalWindow(sent: CallTimeWindow): CallTimeWindow {
  const at = 'call_time_window'
  for (const [index, { start, end }] of sent.windows.entries()) {
    if (start < end) continue
    throw invalidInput(`${at}.windows[${index}].end`, 'must be later than start: a window ends on the day it begins')
  }
  const zone = sent.timezone ?? ZONE_DEFAULT
  if (!/^[A-Za-z]/.test(zone) || canonicalZone(zone) === null) {
    throw invalidInput(`${at}.timezone`, 'must be an IANA time zone such as America/New_York')
  }
  const windows: { start: number; end: number }[] = []
  for (const { start, end } of [...sent.windows].sort((one, other) => one.start - other.start)) {
    const last = windows.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else windows.push({ start, end })
  }
  const day = WEEKDAYS.filter((name) => sent.day?.includes(name))
  return { windows, timezone: zone, ...(day.length === 0 ? {} : { day }) }
}

function callingWindowOf({ windows, timezone = ZONE_DEFAULT, day }: CallTimeWindow): CallingWindow {
  const weekdays = day === undefined ? EVERY_DAY : day.map((name) => (WEEKDAYS.indexOf(name) + 1) as Weekday)
  return {
    zone: timezone,
    ranges: windows.map(({ start, end }) => ({ weekdays, from: timeOfDay(start), to: timeOfDay(end) })),
  }
}

function timeOfDay(minutes: number): string {
  if (minutes === DAY_MINUTES) return '24:00'
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** What a list of calls may hold: what the core is asked for, and what of that is left. */
export interface DecodedFilter {
  readonly asked: Pick<CallListOptions, 'states' | 'outcomes' | 'from' | 'before'>
  readonly fits: (call: CallFacts) => boolean
  /** Nothing can fit. */
  readonly isEmpty: boolean
}

/** The batch and the agent are looked up by whoever asks. @throws AppError for a range that ends before it begins. */
export function decodeFilter(filter: CallFilter): DecodedFilter {
  const { call_status: status, disconnection_reason: reason, call_type: type, direction } = filter
  const fits = (call: Pick<CallFacts, 'state' | 'outcome' | 'cause'>) =>
    (status === undefined || (status.value as readonly string[]).includes(statusOf(call))) &&
    (reason === undefined || (call.outcome !== null && reason.value.includes(reasonOf(call.outcome, call.cause))))
  const isAll = status === undefined && reason === undefined
  // Only the states that are over differ by their cause.
  const live = (['dialing', 'accepted', 'ringing', 'answered'] as const satisfies readonly RecipientState[]).filter(
    (state) => fits({ state, outcome: null, cause: 'none' }),
  )
  const outcomes = outcomesWith((end) => fits({ state: 'ended', ...end }))
  return {
    asked: { ...(isAll ? {} : { states: live, outcomes }), ...decodeTimes(filter.start_timestamp) },
    fits,
    isEmpty:
      type?.value.includes('phone_call') === false ||
      direction?.value.includes('outbound') === false ||
      (!isAll && live.length + outcomes.length === 0),
  }
}

/** From when until when, to the millisecond; the core's end is exclusive. */
function decodeTimes(times: CallFilter['start_timestamp']): { from?: Date; before?: Date } {
  if (times === undefined) return {}
  if (times.op === 'bt') {
    const [from, to] = times.value as [number, number]
    if (from > to) throw invalidInput('filter_criteria.start_timestamp.value', 'must not end before it begins')
    return { from: callTime(from), before: callTime(to + 1) }
  }
  const { op, value } = times
  if (op === 'ge' || op === 'gt') return { from: callTime(op === 'ge' ? value : value + 1) }
  return { before: callTime(op === 'lt' ? value : value + 1) }
}

/** No call was dialled before or after: such a bound is as good as the one that comes nearest. */
function callTime(epochMs: number): Date {
  return new Date(Math.min(Math.max(epochMs, FIRST_EPOCH_MS), LAST_EPOCH_MS))
}
