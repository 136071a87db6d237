import { cancelBatch } from '../../../commands/cancel-batch.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { pauseBatch } from '../../../commands/pause-batch.ts'
import { resumeBatch } from '../../../commands/resume-batch.ts'
import { retryBatch } from '../../../commands/retry-batch.ts'
import { startBatch } from '../../../commands/start-batch.ts'
import type { BatchView } from '../../../commands/views.ts'
import type { BatchVerb } from '../../../model/batch.ts'
import { actorOf } from '../../dialect.ts'
import { batch, retriedBatch, retryRequest } from '../batch-wire.ts'
import { encodeBatch } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { nothingToSend, pathId } from '../wire.ts'

interface VerbRoute {
  readonly run: (commands: CommandContext, actor: Actor, batchId: string) => Promise<BatchView>
  readonly summary: string
}

const VERBS: Readonly<Record<BatchVerb, VerbRoute>> = {
  start: { run: startBatch, summary: 'Start a draft, or a scheduled batch before its time' },
  pause: { run: pauseBatch, summary: 'Place no more calls; after the answer none is placed. Live calls go on' },
  resume: { run: resumeBatch, summary: 'Go on where it was paused' },
  cancel: { run: cancelBatch, summary: 'Call nobody any more; after the answer no call is placed. Live calls go on' },
}

export const addBatchVerbs: AddRoutes = (scope, { commands }) => {
  const tags = ['Batches']
  for (const [verb, { run, summary }] of Object.entries(VERBS)) {
    scope.post(`/batches/:id/${verb}`, {
      // Some wait until nothing can be sent any more, and doing any of them again changes nothing.
      config: { repeatedBy: 'command' },
      schema: {
        summary,
        description: 'Asking again changes nothing.',
        operationId: `${verb}Batch`,
        tags,
        params: pathId,
        body: nothingToSend,
        response: answers({ 200: batch }),
      },
      handler: async (request) => encodeBatch(await run(commands, actorOf(request), request.params.id)),
    })
  }

  scope.post('/batches/:id/retry', {
    schema: {
      summary: 'Call people with these outcomes once more; a finished batch is opened again',
      operationId: 'retryBatch',
      tags,
      params: pathId,
      body: retryRequest,
      response: answers({ 200: retriedBatch }),
    },
    handler: async (request) => {
      const retried = await retryBatch(commands, actorOf(request), request.params.id, request.body)
      return { batch: encodeBatch(retried.batch), reopened: retried.reopened }
    },
  })
}
