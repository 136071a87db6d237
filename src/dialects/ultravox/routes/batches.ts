import { randomBytes } from 'node:crypto'
import type { BatchInput } from '../../../commands/batch-terms.ts'
import type { Actor, CommandContext, JsonObject } from '../../../commands/context.ts'
import { createBatch } from '../../../commands/create-batch.ts'
import { deleteBatch } from '../../../commands/delete-batch.ts'
import { openDialectSecret } from '../../../commands/dialect-secrets.ts'
import { listOnceBatches } from '../../../commands/list-batches.ts'
import { pauseBatch } from '../../../commands/pause-batch.ts'
import { resumeBatch } from '../../../commands/resume-batch.ts'
import { ensureJoinedTrunk } from '../../../commands/trunks.ts'
import { updateBatch } from '../../../commands/update-batch.ts'
import type { BatchView } from '../../../commands/views.ts'
import { AppError } from '../../../errors.ts'
import { SecretUnreadable } from '../../../model/secret-box.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import {
  batchFields,
  batchSecrets,
  decodeAgentTerms,
  decodeBatch,
  decodeBatchChanges,
  inRequest,
  JOINED_CARRIER,
  WEBHOOK_SECRET,
} from '../decode.ts'
import { encodeBatch, textOf } from '../encode.ts'
import { type AddRoutes, answers, batchOfAgent, encodeList, liveAgent, nothing } from '../route-parts.ts'
import {
  agentPath,
  type BatchChanges,
  batchChanges,
  batchPath,
  batchRequest,
  batchRequestDocumented,
  listOf,
  listQuery,
  PAGE_SIZE,
  scheduledBatch,
} from '../wire.ts'

const tags = ['Scheduled batches']
const BATCHES = '/api/agents/:agent_id/scheduled_batches'

export const addBatches: AddRoutes = (scope, services) => {
  const { commands, publicUrl } = services

  scope.get(BATCHES, {
    schema: {
      summary: 'List the batches of an agent, newest first',
      tags,
      params: agentPath,
      querystring: listQuery,
      response: answers({ 200: listOf(scheduledBatch) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { cursor, pageSize = PAGE_SIZE.fallback } = request.query
      const asked = { agent: request.params.agent_id, cursor, limit: pageSize }
      const page = await listOnceBatches(commands, actor, asked)
      return encodeList(page, shownTo(commands, actor), { request, publicUrl, total: page.total })
    },
  })

  scope.post(BATCHES, {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Call a list of people',
      tags,
      params: agentPath,
      body: documentAs(batchRequest, batchRequestDocumented),
      response: answers({ 201: scheduledBatch }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(batchRequestDocumented, request.body, reply),
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const agent = await liveAgent(commands, actor, request.params.agent_id)
      const decoded = await decodeBatch(request.body, decodeAgentTerms(agent.id, agent.dialectFields))
      if (decoded.plans.some(({ kind }) => kind === 'joined')) {
        await commands.targets.requireTarget(request.body.webhookUrl!, 'webhookUrl')
        await ensureJoinedTrunk(commands, actor, JOINED_CARRIER)
      }
      const source = { recipients: decoded.recipients, path: 'calls' }
      const input = { ...withSecret(decoded.input), idempotent: request.idempotent }
      const created = await createBatch(commands, actor, input, source).catch((error: unknown) => {
        throw inRequest(error, decoded.plans)
      })
      return reply.status(201).send(shownTo(commands, actor)(created.batch))
    },
  })
  addOneBatch(scope, services)
}

const addOneBatch: AddRoutes = (scope, { commands }) => {
  scope.get(`${BATCHES}/:batch_id`, {
    schema: { summary: 'One batch', tags, params: batchPath, response: answers({ 200: scheduledBatch }) },
    handler: async (request) => {
      const actor = actorOf(request)
      return shownTo(commands, actor)((await batchOfAgent(commands, actor, request.params)).batch)
    },
  })

  scope.patch(`${BATCHES}/:batch_id`, {
    schema: {
      summary: 'Change, pause or resume a batch; after the answer to a pause no call of it starts',
      tags,
      params: batchPath,
      body: batchChanges,
      response: answers({ 200: scheduledBatch }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(batchChanges, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { batch } = await batchOfAgent(commands, actor, request.params)
      return shownTo(commands, actor)(await change({ commands, actor }, batch, request.body))
    },
  })

  scope.delete(`${BATCHES}/:batch_id`, {
    schema: {
      summary: 'Delete a batch: whoever waits is dropped, calls under way go on',
      tags,
      params: batchPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const { batch } = await batchOfAgent(commands, actor, request.params)
      await deleteBatch(commands, actor, batch.id)
      return reply.status(204).send(null)
    },
  })
}

/** Who is asked to join calls must be able to tell who asks: a secret is chosen when none is sent. */
function withSecret(input: BatchInput): BatchInput {
  if (input.dialectFields?.webhookUrl === null || input.dialectSecrets !== undefined) return input
  return { ...input, dialectSecrets: { [WEBHOOK_SECRET]: randomBytes(24).toString('base64url') } }
}

/** A batch as whoever has the organization's key reads it. A secret that no key opens any more is shown as none. */
function shownTo(commands: CommandContext, { organizationId }: Actor) {
  return (batch: BatchView) => encodeBatch(batch, secretOf(commands, organizationId, batch))
}

function secretOf(commands: CommandContext, organizationId: number, batch: BatchView): string | null {
  try {
    return openDialectSecret(commands, organizationId, batch, WEBHOOK_SECRET)
  } catch (error) {
    if (error instanceof SecretUnreadable) return null
    throw error
  }
}

/** A pause comes first and a resumption last, so that nobody is called by terms that are being changed. */
async function change(
  { commands, actor }: { commands: CommandContext; actor: Actor },
  batch: BatchView,
  request: BatchChanges,
): Promise<BatchView> {
  const { paused } = request
  let changed = batch
  if (paused === true) changed = await verb(() => pauseBatch(commands, actor, batch.id))
  if (Object.keys(request).some((key) => key !== 'paused')) {
    await checkWebhookChange(commands, batch, request)
    const named = definedOf(batchFields(request), request)
    const withoutSecret: JsonObject = request.webhookSecret === null ? { [WEBHOOK_SECRET]: null } : {}
    const dialectFields = { ...batch.dialectFields, ...named, ...withoutSecret }
    const dialectSecrets = batchSecrets(request)
    const changes = { ...decodeBatchChanges(request), dialectFields, dialectSecrets }
    changed = await updateBatch(commands, actor, batch.id, changes)
  }
  // What runs or waits for its window is not paused: there is nothing to resume.
  if (paused === false && changed.status === 'paused') {
    changed = await verb(() => resumeBatch(commands, actor, batch.id))
  }
  return changed
}

/** A batch has a webhook from the beginning, because somebody must be asked to join its calls, or has none. */
async function checkWebhookChange(commands: CommandContext, batch: BatchView, request: BatchChanges): Promise<void> {
  const { webhookUrl, webhookSecret } = request
  const hasWebhook = textOf(batch.dialectFields?.webhookUrl) !== null
  const refuse = (field: string, rule: string, remedy: string) => {
    throw new AppError('invalid-input', { field, args: [`${field} ${rule}`], remedy })
  }
  if (webhookUrl === null && hasWebhook) {
    refuse('webhookUrl', 'cannot be taken away: somebody must be asked to join calls.', 'Send another address.')
  }
  if (typeof webhookUrl === 'string' && !hasWebhook) {
    refuse('webhookUrl', 'is not allowed: all calls have an outgoing medium.', 'Leave webhookUrl out.')
  }
  if (webhookSecret === null && hasWebhook) {
    refuse('webhookSecret', 'cannot be taken away.', 'Send another secret.')
  }
  if (typeof webhookUrl === 'string') await commands.targets.requireTarget(webhookUrl, 'webhookUrl')
}

async function verb(run: () => Promise<BatchView>): Promise<BatchView> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'batch-status-conflict')) throw error
    const rule = 'paused cannot be changed: the batch has ended.'
    throw new AppError('invalid-input', { field: 'paused', args: [rule], remedy: error.remedy, cause: error })
  }
}

/** Of the stored fields those that the request names. */
function definedOf(fields: ReturnType<typeof batchFields>, request: BatchChanges) {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => request[key as keyof BatchChanges] !== undefined))
}
