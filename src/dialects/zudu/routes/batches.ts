import type { BatchInput } from '../../../commands/batch-terms.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { createBatch } from '../../../commands/create-batch.ts'
import { deleteBatch } from '../../../commands/delete-batch.ts'
import type { RecipientInput } from '../../../commands/posted-recipients.ts'
import { replaceBatch } from '../../../commands/replace-batch.ts'
import { startBatch } from '../../../commands/start-batch.ts'
import { updateBatch } from '../../../commands/update-batch.ts'
import type { BatchView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { decodeBatch, decodeChanges, inRequest } from '../decode.ts'
import { encodeBatchId } from '../encode.ts'
import {
  type AddRoutes,
  agentFinder,
  answers,
  batchCallOf,
  cannot,
  inStatus,
  requireBatchCall,
  requireZuduAgent,
  success,
} from '../route-parts.ts'
import * as wire from '../wire.ts'

const tags = ['Batch calls']
const ONE = '/batch-call/:batch_call_id'
const DELETABLE = ['draft', 'completed'] as const

export const addBatches: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.post('/batch-call', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Create a batch call',
      tags,
      body: documentAs(wire.batchRequest, wire.batchRequestDocumented),
      response: answers(wire.enveloped(wire.createdBatchCall)),
    },
    preValidation: async (request, reply) => nameIgnoredFields(wire.batchRequestDocumented, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { input, source } = await asCommand(commands, actor, request.body)
      const idempotent = request.idempotent
      const { batch } = await createBatch(commands, actor, { ...input, idempotent }, source).catch(inTheirForm)
      const { retry_config, quiet_hours, retry_rules, ...fields } = await batchCallOf(services, actor, batch)
      const access_info = { user_id: actor.credentialId, session_id: request.id }
      const given = { retry_config, quiet_hours, retry_rules }
      return success('Batch call created successfully', { ...fields, access_info, ...given })
    },
  })

  scope.get(ONE, {
    schema: {
      summary: 'One batch call',
      tags,
      params: wire.batchPath,
      response: answers(wire.enveloped(wire.batchCall)),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const batch = await requireBatchCall(commands, actor, request.params.batch_call_id)
      return success('Batch call retrieved successfully', await batchCallOf(services, actor, batch))
    },
  })
  addChanges(scope, services)
  addVerbs(scope, services)
}

const addChanges: AddRoutes = (scope, services) => {
  const { commands, clock } = services

  scope.put(ONE, {
    schema: {
      summary: 'Replace a batch call that has not started, its tasks included',
      tags,
      params: wire.batchPath,
      body: documentAs(wire.batchRequest, wire.batchRequestDocumented),
      response: answers(wire.enveloped(wire.batchCall)),
    },
    preValidation: async (request, reply) => nameIgnoredFields(wire.batchRequestDocumented, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { id, status } = await requireBatchCall(commands, actor, request.params.batch_call_id)
      if (status !== 'draft' && status !== 'scheduled') throw cannot('update', { status })
      const replacement = await asCommand(commands, actor, request.body)
      const batch = await inStatus({ commands, actor, batchId: id, verb: 'update' }, () =>
        replaceBatch(commands, actor, id, replacement),
      ).catch(inTheirForm)
      return success('Batch call updated successfully', await batchCallOf(services, actor, batch))
    },
  })

  scope.patch(ONE, {
    schema: {
      summary: 'Change a batch call that is not over',
      tags,
      params: wire.batchPath,
      body: wire.batchChanges,
      response: answers(wire.enveloped(wire.batchCall)),
    },
    preValidation: async (request, reply) => nameIgnoredFields(wire.batchChanges, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await requireBatchCall(commands, actor, request.params.batch_call_id)
      if (found.status === 'completed' || found.status === 'cancelled') throw cannot('update', found)
      const batch = await change({ commands, actor, nowEpochMs: clock.nowEpochMs() }, found, request.body)
      return success('Batch call updated successfully', await batchCallOf(services, actor, batch))
    },
  })
}

const addVerbs: AddRoutes = (scope, { commands, clock }) => {
  scope.delete(ONE, {
    schema: {
      summary: 'Delete a draft or a completed batch call',
      tags,
      params: wire.batchPath,
      response: answers(wire.enveloped(wire.nothing)),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { id } = await requireBatchCall(commands, actor, request.params.batch_call_id)
      await inStatus({ commands, actor, batchId: id, verb: 'delete' }, () =>
        deleteBatch(commands, actor, id, { onlyWhen: DELETABLE }),
      )
      return success('Batch call deleted successfully', null)
    },
  })

  scope.post(`${ONE}/execute`, {
    schema: {
      summary: 'Start a draft or a scheduled batch call now',
      tags,
      params: wire.batchPath,
      response: answers(wire.enveloped(wire.execution)),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { id } = await requireBatchCall(commands, actor, request.params.batch_call_id)
      const batch = await inStatus({ commands, actor, batchId: id, verb: 'execute' }, () =>
        startBatch(commands, actor, id, { onlyOnce: true }),
      )
      const startedAt = batch.startedAt ?? new Date(clock.nowEpochMs())
      return success('Batch call execution started', {
        batch_call_id: encodeBatchId(id),
        status: 'SENT' as const,
        execution_started_at: startedAt.toISOString(),
      })
    },
  })
}

/** A posted batch as a command, with its agents looked up. */
async function asCommand(commands: CommandContext, actor: Actor, request: wire.BatchRequest) {
  const decoded = decodeBatch(request)
  const agentIdOf = agentFinder(commands, actor)
  const agent = await agentIdOf(decoded.agent)
  const recipients: RecipientInput[] = []
  for (const [index, task] of decoded.tasks.entries()) {
    const text = task.agent_id ?? null
    const own = text === null ? undefined : await agentIdOf({ text, field: `tasks[${index}].agent_id` })
    recipients.push(decoded.recipientOf(task, own))
  }
  const input: BatchInput = { ...decoded.input, agent }
  return { input, source: { recipients, path: 'tasks' } }
}

/** What else is asked comes before the start, so that nobody is called by terms that are being changed. */
async function change(
  { commands, actor, nowEpochMs }: { commands: CommandContext; actor: Actor; nowEpochMs: number },
  batch: BatchView,
  request: wire.BatchChangesRequest,
): Promise<BatchView> {
  const { changes, start } = decodeChanges(request, batch, nowEpochMs)
  if (start && batch.status !== 'draft' && batch.status !== 'scheduled') throw cannot('execute', batch)
  const { agent_id } = request
  const agent =
    agent_id === null || agent_id === undefined
      ? undefined
      : (await requireZuduAgent(commands, actor, { text: agent_id, field: 'agent_id' })).id
  const at = { commands, actor, batchId: batch.id }
  const changed = await inStatus({ ...at, verb: 'update' }, () =>
    updateBatch(commands, actor, batch.id, { ...changes, agent }),
  ).catch(inTheirForm)
  if (!start) return changed
  return inStatus({ ...at, verb: 'execute' }, () => startBatch(commands, actor, batch.id, { onlyOnce: true }))
}

function inTheirForm(error: unknown): never {
  throw inRequest(error)
}
