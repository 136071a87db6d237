import type { FastifyReply } from 'fastify'
import type { Clock } from '../../../clock.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { whyBatchWaits } from '../../../commands/why-waiting.ts'
import type { Waiting } from '../../../model/why-waiting.ts'
import { actorOf } from '../../dialect.ts'
import { RequestError } from '../../request-errors.ts'
import { liveFigures } from '../batch-wire.ts'
import { encodeFigures, encodeWaiting } from '../encode.ts'
import { LiveFigures, type Reading, type Watcher } from '../live-figures.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { pathId } from '../wire.ts'

/** Why a batch waits takes more questions than its figures and changes less often. */
const WAITING_FOR_MS = 2_000
const RETRY_AFTER_MS = 1_000

export const addLive: AddRoutes = (scope, { commands, clock }) => {
  const live = new LiveFigures(clock)
  scope.addHook('preClose', async () => live.close())

  scope.get('/batches/:id/live', {
    exposeHeadRoute: false,
    schema: {
      summary: 'The figures of a batch as they change, as server-sent events',
      description:
        'An event `figures` at most four times a second, and one `end` when nothing will change any more. ' +
        'Without changes a comment is sent every 15 seconds. After an hour the connection is closed and the client comes back.',
      operationId: 'watchBatch',
      tags: ['Batches'],
      params: pathId,
      response: answers({
        200: { description: 'Events without end.', content: { 'text/event-stream': { schema: liveFigures } } },
      }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const { id } = await getBatch(commands, actor, request.params.id)
      if (live.isFull) throw new RequestError('too-many-watchers', { headers: { 'retry-after': '30' } })
      const name = `${actor.organizationId} ${id}`
      const watcher = openStream(reply)
      const leave = live.watch(name, readerOf({ commands, clock, actor, batchId: id }), watcher)
      reply.raw.on('close', leave)
    },
  })
}

/** From here on the answer is written by hand: the framework has no say in a body that does not end. */
function openStream(reply: FastifyReply): Watcher {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Tells nginx not to collect the events.
    'x-accel-buffering': 'no',
  })
  raw.write(`retry: ${RETRY_AFTER_MS}\n\n`)
  const send = (text: string): void => {
    raw.write(`event: figures\ndata: ${text}\n\n`)
  }
  // A client that does not read gets the newest figures when it does, not all it has missed.
  let missed: string | null = null
  raw.on('drain', () => {
    if (missed !== null) send(missed)
    missed = null
  })
  return {
    tell(text) {
      if (raw.writableNeedDrain) missed = text
      else send(text)
    },
    beat: () => raw.write(': still here\n\n'),
    end: (reason) => raw.end(`event: end\ndata: ${JSON.stringify({ reason })}\n\n`),
  }
}

interface Watched {
  readonly commands: CommandContext
  readonly clock: Clock
  readonly actor: Actor
  readonly batchId: string
}

function readerOf({ commands, clock, actor, batchId }: Watched): () => Promise<Reading> {
  let waiting: Waiting | null = null
  let askedAtMs = Number.NEGATIVE_INFINITY
  let lastBody = ''
  let lastText = ''
  return async () => {
    const batch = await getBatch(commands, actor, batchId)
    const final = batch.status === 'completed' || batch.status === 'cancelled'
    const nowMs = clock.monotonicMs()
    if (nowMs - askedAtMs >= WAITING_FOR_MS) {
      waiting = final ? null : await whyBatchWaits(commands, actor, batchId)
      askedAtMs = nowMs
    }
    const content = { status: batch.status, figures: encodeFigures(batch), waiting: encodeWaiting(waiting) }
    const body = JSON.stringify(content)
    if (body !== lastBody) {
      lastBody = body
      lastText = JSON.stringify(liveFigures.parse({ at: new Date(clock.nowEpochMs()).toISOString(), ...content }))
    }
    return { text: lastText, final: final && batch.figures.live === 0 }
  }
}
