import { listRecipients } from '../../../commands/list-recipients.ts'
import type { RecipientView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { decodeStatus } from '../decode.ts'
import { countCalls, encodeScheduledCall, isBeforeWindow, templateOf, textOf } from '../encode.ts'
import { encodeCall, factsOfLatest, readingOf } from '../encode-call.ts'
import { type AddRoutes, answers, batchOfAgent, encodeList, joinUrls } from '../route-parts.ts'
import { batchPath, call, listOf, listQuery, PAGE_SIZE, scheduledCall, scheduledCallsQuery } from '../wire.ts'

const BATCH = '/api/agents/:agent_id/scheduled_batches/:batch_id'

export const addBatchCalls: AddRoutes = (scope, services) => {
  const { commands, clock, publicUrl } = services

  scope.get(`${BATCH}/scheduled_calls`, {
    schema: {
      summary: 'The calls of a batch, each with its status',
      tags: ['Scheduled batches'],
      params: batchPath,
      querystring: scheduledCallsQuery,
      response: answers({ 200: listOf(scheduledCall) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { cursor, pageSize = PAGE_SIZE.fallback, status } = request.query
      const { batch } = await batchOfAgent(commands, actor, request.params)
      const isFuture = isBeforeWindow(batch, clock.nowEpochMs())
      const filter = status === undefined ? {} : decodeStatus(status, isFuture)
      const page = await listRecipients(commands, actor, batch.id, { ...filter, cursor, limit: pageSize })
      const total = status === undefined ? batch.figures.total : countCalls(batch, isFuture)[status]
      const encode = (recipient: RecipientView) => encodeScheduledCall(recipient, batch, isFuture)
      return encodeList(page, encode, { request, publicUrl, total })
    },
  })

  scope.get(`${BATCH}/created_calls`, {
    schema: {
      summary: 'The calls of a batch that were made',
      tags: ['Scheduled batches'],
      params: batchPath,
      querystring: listQuery,
      response: answers({ 200: listOf(call) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { cursor, pageSize = PAGE_SIZE.fallback } = request.query
      const { agent, batch } = await batchOfAgent(commands, actor, request.params)
      const filter = decodeStatus('SUCCESS', false)
      const page = await listRecipients(commands, actor, batch.id, { ...filter, cursor, limit: pageSize })
      const total = countCalls(batch, false).SUCCESS
      const systemPrompt = textOf(templateOf(agent)?.systemPrompt)
      const joinUrlOf = joinUrls(services)
      const encode = (recipient: RecipientView) => {
        const facts = factsOfLatest(recipient)!
        const reading = readingOf(facts, recipient, batch)
        const joinUrl = joinUrlOf(facts.id, recipient.number, reading.medium)
        return encodeCall(reading, { joinUrl, systemPrompt })
      }
      return encodeList(page, encode, { request, publicUrl, total })
    },
  })
}
