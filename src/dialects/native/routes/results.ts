import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { exportRejectedRows } from '../../../commands/export-rejected-rows.ts'
import { type ExportFormat, exportResults } from '../../../commands/export-results.ts'
import { actorOf } from '../../dialect.ts'
import { type AddRoutes, answers, textOf } from '../route-parts.ts'
import { pathId } from '../wire.ts'

type Export = (
  commands: CommandContext,
  actor: Actor,
  batchId: string,
  format: ExportFormat,
) => Promise<AsyncIterable<string>>

const FORMATS = [
  { ending: 'csv', format: 'csv', mediaType: 'text/csv', called: 'Csv' },
  { ending: 'jsonl', format: 'json-lines', mediaType: 'application/jsonl', called: 'JsonLines' },
] as const

const EXPORTS: readonly { name: string; operation: string; summary: string; run: Export }[] = [
  {
    name: 'results',
    operation: 'downloadResults',
    summary: 'Everybody of a batch in the order of the upload, with the uploaded columns and what became of each',
    run: exportResults,
  },
  {
    name: 'rejected-rows',
    operation: 'downloadRejectedRows',
    summary: 'The rows of the uploaded file that are no recipients, with what is wrong and what to do',
    run: exportRejectedRows,
  },
]

/** Downloads of any length; they are read from the database as fast as the client takes them. */
export const addResults: AddRoutes = (scope, { commands }) => {
  for (const { name, operation, summary, run } of EXPORTS) {
    for (const { ending, format, mediaType, called } of FORMATS) {
      scope.get(`/batches/:id/${name}.${ending}`, {
        exposeHeadRoute: false,
        schema: {
          summary,
          operationId: `${operation}As${called}`,
          tags: ['Batches'],
          params: pathId,
          response: answers({ 200: textOf(mediaType, 'The rows, one a line.') }),
        },
        handler: async (request, reply) => {
          const rows = await run(commands, actorOf(request), request.params.id, format)
          reply.header('content-type', `${mediaType}; charset=utf-8`)
          reply.header('content-disposition', `attachment; filename="${name}.${ending}"`)
          const download: FastifyReply = reply
          return download.send(Readable.from(rows, { objectMode: false }))
        },
      })
    }
  }
}
