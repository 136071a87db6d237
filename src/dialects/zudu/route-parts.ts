import type { z } from 'zod'
import type { Actor, CommandContext } from '../../commands/context.ts'
import { getBatch } from '../../commands/get-batch.ts'
import { getOrganization } from '../../commands/organizations.ts'
import { signLink } from '../../commands/signed-link.ts'
import type { AgentView, BatchView } from '../../commands/views.ts'
import { AppError } from '../../errors.ts'
import type { DialectServices } from '../dialect.ts'
import { agentIdFinder, findAgentByAnyId } from '../find-by-id.ts'
import type { ZodScope } from '../zod-routes.ts'
import { type AgentReference, decodeId } from './decode.ts'
import { BATCH_STATUS, encodeBatchCall, encodeBatchId, encodeOrganizationId, isExpressible } from './encode.ts'
import { errorBody } from './wire.ts'

export type AddRoutes = (scope: ZodScope, services: DialectServices) => void

export const BATCH_PREFIX = 'batch_call_'
export const TASKS_LINK = 'zudu tasks'
const LINK_OPENS_MS = 24 * 3_600_000

/** The answers of a route: what it gives, and the form of every refusal. */
export function answers<Given extends z.ZodType>(given: Given) {
  return { 200: given, '4xx': errorBody, '5xx': errorBody }
}

/** The envelope of a success. */
export function success<Data>(message: string, data: Data) {
  return { message, status: 'success' as const, error: null, data }
}

/** The organization's id as this wire format writes it. */
export async function organizationIdOf(commands: CommandContext, actor: Actor): Promise<string> {
  return encodeOrganizationId(await getOrganization(commands, actor))
}

/** A batch by its id in a path. @throws AppError `batch-not-found`, also for what this wire format cannot say. */
export async function requireBatchCall(commands: CommandContext, actor: Actor, id: string): Promise<BatchView> {
  const batch = await getBatch(commands, actor, decodeId(id, BATCH_PREFIX))
  if (!isExpressible(batch)) throw new AppError('batch-not-found')
  return batch
}

/** A batch as get, put and patch answer it, with a link to its tasks that opens for a day from now. */
export async function batchCallOf({ commands, publicUrl, clock }: DialectServices, actor: Actor, batch: BatchView) {
  const expiresAtEpochMs = clock.nowEpochMs() + LINK_OPENS_MS
  const token = signLink(commands, actor, { purpose: TASKS_LINK, id: batch.id, expiresAtEpochMs })
  const tasksUrl = `${publicUrl()}/batch-call/${encodeBatchId(batch.id)}/tasks.json?token=${token}`
  return encodeBatchCall(batch, { organizationId: await organizationIdOf(commands, actor), tasksUrl })
}

/** An agent by what its owner calls it, or by our id with or without its prefix. @throws AppError `agent-not-found`. */
export function requireZuduAgent(
  commands: CommandContext,
  actor: Actor,
  { text, field }: { text: string; field?: string },
): Promise<AgentView> {
  return findAgentByAnyId({ commands, actor }, [text, decodeId(text, 'agent_')], field)
}

/** Looks each agent up once. @throws AppError `agent-not-found` with the first field that names it. */
export function agentFinder(commands: CommandContext, actor: Actor) {
  return agentIdFinder((reference: AgentReference) => requireZuduAgent(commands, actor, reference))
}

/** The refusal of a transition that does not exist, in the words that the product prints. */
export function cannot(
  verb: 'execute' | 'delete' | 'update',
  batch: Pick<BatchView, 'status'>,
  cause?: unknown,
): AppError {
  return printed(`Cannot ${verb} batch call with status ${BATCH_STATUS[batch.status].toUpperCase()}`, cause)
}

/** A refusal with the text that the product prints and nothing beside it. */
export function printed(text: string, cause?: unknown): AppError {
  return new AppError('invalid-input', { args: [text], remedy: '', cause })
}

/** Runs a command and puts its refusal of a status into the words that the product prints. */
export async function inStatus<T>(
  {
    commands,
    actor,
    batchId,
    verb,
  }: {
    commands: CommandContext
    actor: Actor
    batchId: string
    verb: 'execute' | 'delete' | 'update'
  },
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'batch-status-conflict')) throw error
    throw cannot(verb, await getBatch(commands, actor, batchId), error)
  }
}
