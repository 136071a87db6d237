import type { JsonObject } from '../../commands/context.ts'
import type {
  AgentView,
  BatchView,
  OrganizationView,
  RecipientState,
  RecipientView,
  WebhookView,
} from '../../commands/views.ts'
import type { BatchStatus } from '../../model/batch.ts'
import type { Outcome } from '../../model/disposition.ts'
import type { Agent, BatchCall, ListedBatchCall, Pagination, Task, ZuduBatchStatus, ZuduTaskStatus } from './wire.ts'

/** The one table of statuses of batches. A pause is unknown to this wire format. */
export const BATCH_STATUS = {
  draft: 'draft',
  scheduled: 'scheduled',
  running: 'sent',
  paused: 'sent',
  completed: 'completed',
  cancelled: 'failed',
} as const satisfies Record<BatchStatus, ZuduBatchStatus>

/** The one table of statuses of tasks that are not over. */
export const TASK_STATUS_OF_STATE = {
  waiting: 'PENDING',
  due: 'PENDING',
  dialing: 'CALLING',
  accepted: 'CALLING',
  ringing: 'CALLING',
  answered: 'CALLING',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, ZuduTaskStatus>

/** And of those that are. A failure comes with a text; nobody ends `not-sent`, since that is due again. */
export const TASK_STATUS_OF_OUTCOME = {
  answered: { status: 'COMPLETED', text: null },
  voicemail: { status: 'COMPLETED', text: null },
  busy: { status: 'FAILED', text: 'Number busy' },
  'no-answer': { status: 'FAILED', text: 'No answer' },
  rejected: { status: 'FAILED', text: 'Call rejected' },
  failed: { status: 'FAILED', text: 'Call failed' },
  cancelled: { status: 'FAILED', text: 'Cancelled before it was dialled' },
  expired: { status: 'FAILED', text: 'Expired before it was dialled' },
  unknown: { status: 'FAILED', text: 'outcome unknown' },
  'not-sent': { status: 'FAILED', text: 'Call not sent' },
  suppressed: { status: 'FAILED', text: 'Number is on the suppression list' },
  duplicate: { status: 'FAILED', text: 'Number stands earlier in the same batch' },
  'invalid-number': { status: 'FAILED', text: 'Not a telephone number in use' },
  'not-allowed': { status: 'FAILED', text: 'Number may not be called' },
} as const satisfies Record<Outcome, { status: ZuduTaskStatus; text: string | null }>

const THEIR_ORGANIZATION = /^[a-z0-9]{20}$/

export const hexOf = (uuid: string): string => uuid.replaceAll('-', '')

export function encodeBatchId(uuid: string): string {
  return `batch_call_${hexOf(uuid)}`
}

/** The id that its owner brought along, in the form of this wire format, or ours. */
export function encodeAgentId({ id, aliases }: Pick<AgentView, 'id' | 'aliases'>): string {
  return aliases.find((alias) => alias.startsWith('agent_')) ?? `agent_${id}`
}

/** The id that its owner brought along, when it looks like one of this product, or ours. */
export function encodeOrganizationId({ id, aliases }: Pick<OrganizationView, 'id' | 'aliases'>): string {
  return aliases.find((alias) => THEIR_ORGANIZATION.test(alias)) ?? hexOf(id)
}

/** Whether this wire format can say what the batch is: it calls from a number. */
export function isExpressible(batch: Pick<BatchView, 'callerNumber'>): boolean {
  return batch.callerNumber !== ''
}

/**
 * How many tasks were dialled, picked up, and picked up and are over. Who waits to be dialled again was dialled; a number
 * that was in another call when its turn came waits too, so there the dials are the bound.
 */
export function countTasks({ figures }: Pick<BatchView, 'figures'>): {
  sent: number
  picked_up: number
  completed: number
} {
  const { outcomes, live, due, attempts, talking } = figures
  const { answered, voicemail, busy, rejected, failed, unknown } = outcomes
  const over = answered + voicemail + busy + outcomes['no-answer'] + rejected + failed + unknown
  const completed = answered + voicemail
  return { sent: Math.min(attempts, over + live + due), picked_up: completed + talking, completed }
}

export function encodeBatchCall(batch: BatchView, where: { organizationId: string; tasksUrl: string }): BatchCall {
  const { retry_config, quiet_hours, retry_rules } = fieldsOf(batch)
  const given = Object.entries({ retry_config, quiet_hours, retry_rules }).filter(([, value]) => value !== undefined)
  return {
    batch_call_id: encodeBatchId(batch.id),
    name: batch.name,
    from_number: batch.callerNumber,
    scheduled_timestamp: batch.startAt?.getTime() ?? null,
    total_task_count: batch.figures.total,
    total: batch.figures.total,
    ...countTasks(batch),
    agent_id: agentIdOf(batch),
    organization_id: where.organizationId,
    status: BATCH_STATUS[batch.status],
    timezone: timezoneOf(batch),
    last_sent_timestamp: batch.lastDialedAt?.getTime() ?? null,
    tasks_url: where.tasksUrl,
    created_timestamp: batch.createdAt.getTime(),
    ...(Object.fromEntries(given) as object),
  }
}

export function encodeListedBatchCall(batch: BatchView, organizationId: string): ListedBatchCall {
  const { sent, picked_up, completed } = countTasks(batch)
  return {
    batch_call_id: encodeBatchId(batch.id),
    name: batch.name,
    from_number: batch.callerNumber,
    status: BATCH_STATUS[batch.status],
    total_task_count: batch.figures.total,
    sent,
    picked_up,
    completed,
    scheduled_timestamp: batch.startAt === null ? null : Math.floor(batch.startAt.getTime() / 1_000),
    agent_id: agentIdOf(batch),
    organization_id: organizationId,
  }
}

export function encodePagination(page: number, limit: number, total: number): Pagination {
  const totalPages = limit === 0 ? 0 : Math.ceil(total / limit)
  return {
    page,
    limit,
    total_count: total,
    total_pages: totalPages,
    has_next_page: page + 1 < totalPages,
    has_previous_page: page > 0 && totalPages > 0,
  }
}

export function encodeTask(recipient: RecipientView, batch: Pick<BatchView, 'createdAt'>): Task {
  const { status, error } = statusOf(recipient)
  return {
    task_id: `task_${hexOf(recipient.id)}`,
    to_number: recipient.number,
    status,
    call_id: recipient.latestAttemptId === null ? null : `call_${hexOf(recipient.latestAttemptId)}`,
    error_message: error,
    created_at: batch.createdAt.toISOString(),
  }
}

function statusOf({ state, outcome, causeText }: RecipientView): { status: ZuduTaskStatus; error: string | null } {
  if (outcome === null) return { status: state === 'ended' ? 'FAILED' : TASK_STATUS_OF_STATE[state], error: null }
  const { status, text } = TASK_STATUS_OF_OUTCOME[outcome]
  const tellsMore = outcome === 'failed' || outcome === 'invalid-number' || outcome === 'not-allowed'
  return { status, error: tellsMore && causeText !== '' ? causeText : text }
}

/** As it was sent, with what became of it. */
export function encodeStoredTask(recipient: RecipientView, batch: BatchView): JsonObject {
  const { task_id, status, call_id, error_message } = encodeTask(recipient, batch)
  const { max_retries, agent_id } = recipient.dialectFields ?? {}
  return {
    to_number: recipient.number,
    dynamic_variables: recipient.variables,
    ...(max_retries === undefined ? {} : { max_retries }),
    ...(agent_id === undefined ? {} : { agent_id }),
    task_id,
    status,
    call_id,
    error_message,
  }
}

export function encodeAgent(view: AgentView, organizationId: string): Agent {
  return {
    agent_id: encodeAgentId(view),
    agent_name: view.name,
    organization_id: organizationId,
    created_at: view.createdAt.toISOString(),
  }
}

export function encodeWebhook(view: WebhookView, organizationId: string) {
  const description = view.formFields?.description
  return {
    id: `webhook_${hexOf(view.id)}`,
    organization_id: organizationId,
    name: view.name,
    url: view.url,
    description: typeof description === 'string' ? description : '',
    is_active: view.status === 'active',
    created_at: view.createdAt.toISOString(),
    updated_at: view.updatedAt.toISOString(),
  }
}

/** What this wire format stored with a batch that it made. */
export function fieldsOf(batch: Pick<BatchView, 'dialect' | 'dialectFields'>): JsonObject {
  return batch.dialect === 'zudu' ? (batch.dialectFields ?? {}) : {}
}

export function timezoneOf(batch: Pick<BatchView, 'dialect' | 'dialectFields'>): string {
  const { timezone } = fieldsOf(batch)
  return typeof timezone === 'string' ? timezone : 'UTC'
}

/** As it was sent; null when every task named its own. */
function agentIdOf(batch: Pick<BatchView, 'dialect' | 'dialectFields' | 'agent'>): string | null {
  const { agent_id } = fieldsOf(batch)
  if (agent_id === undefined) return encodeAgentId(batch.agent)
  return typeof agent_id === 'string' ? agent_id : null
}
