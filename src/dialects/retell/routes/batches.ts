import { createBatch } from '../../../commands/create-batch.ts'
import { getOrganization } from '../../../commands/organizations.ts'
import type { RecipientInput } from '../../../commands/posted-recipients.ts'
import type { NumberView } from '../../../commands/views.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import type { Asking } from '../../find-by-id.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { decodeBatch, decodeTasks, recipientOf } from '../decode.ts'
import { encodeBatch } from '../encode.ts'
import { type AddRoutes, agentFinder, agentOfNumber, answers, findNumber } from '../route-parts.ts'
import { batchCall, batchRequest, batchRequestDocumented, type Task } from '../wire.ts'

const tags = ['Batch calls']

export const addBatches: AddRoutes = (scope, { commands }) => {
  scope.post('/create-batch-call', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Create Batch Call',
      description: 'Calls everybody on a list, now or at `trigger_timestamp`. On any error nothing is stored.',
      tags,
      body: documentAs(batchRequest, batchRequestDocumented),
      response: answers({ 201: batchCall }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(batchRequestDocumented, request.body, reply),
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const asking = { commands, actor }
      const tasks = await decodeTasks(request.body.tasks)
      const number = await findNumber(asking, request.body.from_number, 'from_number')
      const { agent, recipients } = await partiesOf(asking, number, tasks)
      const { liveMax } = await getOrganization(commands, actor)
      const input = decodeBatch(request.body, tasks, { agent, callerNumber: number.id, liveMax })
      const asked = { ...input, idempotent: request.idempotent }
      const { batch } = await createBatch(commands, actor, asked, { recipients, path: 'tasks' })
      return reply.status(201).send(encodeBatch(batch))
    },
  })
}

/**
 * Who speaks: the agent that a task names, else the one whose number it is called from. A batch of the core has an agent
 * in any case: where every task names its own, that of the first.
 */
async function partiesOf(
  asking: Asking,
  number: NumberView,
  tasks: readonly Task[],
): Promise<{ agent: string; recipients: RecipientInput[] }> {
  const find = agentFinder(asking)
  const recipients: RecipientInput[] = []
  for (const [index, task] of tasks.entries()) {
    const { override_agent_id: named } = task
    const agent =
      named === undefined ? undefined : await find({ text: named, field: `tasks[${index}].override_agent_id` })
    recipients.push(recipientOf(task, agent))
  }
  const unnamed = recipients.findIndex(({ agent }) => agent === undefined)
  const first = recipients[0]?.agent
  if (unnamed < 0 && first !== undefined) return { agent: first, recipients }
  return { agent: await requireAgentOfNumber(asking, number, `tasks[${unnamed}].override_agent_id`), recipients }
}

/** @throws AppError `agent-not-found` with the field that may name one. */
export async function requireAgentOfNumber(asking: Asking, number: NumberView, field: string): Promise<string> {
  const bound = await agentOfNumber(asking, number)
  if (bound !== undefined) return bound.id
  const remedy = `Name an agent in ${field}, or make ${number.number} the default number of one: PATCH /carillon/v1/agents/{id} with {"defaultNumber":"${number.number}"}.`
  throw new AppError('agent-not-found', { field, remedy })
}
