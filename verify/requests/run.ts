import type { FastifyInstance } from 'fastify'
import type { FirstOrganization } from '../../src/commands/bootstrap.ts'
import { Random } from '../random.ts'
import { type Belongings, makeBelongings } from './belongings.ts'
import { type BentRequest, bentRequest } from './bent-request.ts'
import { readDocuments } from './document.ts'
import { Judge, type JudgedRequest } from './judge.ts'

export interface RunOptions {
  readonly server: FastifyInstance
  readonly first: FirstOrganization
  readonly seed: number
  /** Index of the first request. */
  readonly from?: number
  readonly count: number
  /** Called now and then with how many were answered. */
  readonly onProgress?: (answered: number) => void
}

export interface Failure {
  readonly index: number
  readonly problem: string
  readonly request: string
}

export interface RunResult {
  readonly answered: number
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>
  readonly operations: number
  /** Operations that were answered with a 2xx at least once: requests got further than to the first check. */
  readonly succeeded: number
  readonly broken: number
  /** The first of each kind. */
  readonly failures: readonly Failure[]
}

/** What requests name is made anew this often, since some of them delete it. */
const FRESH_EVERY = 1_000
const AT_ONCE = 16
/** One of each kind is told, and all are counted. */
const KINDS_TOLD_MAX = 100
const PAYLOAD_SHOWN = 2_000

/** Sends requests that depend on the seed and their index alone (but for the ids of things), and judges each answer. */
export async function runRequests(options: RunOptions): Promise<RunResult> {
  const { server, first, seed, from: begin = 0, count, onProgress } = options
  const documents = await readDocuments(server)
  const judge = new Judge(documents)
  const statuses: Record<string, number> = {}
  const succeeded = new Set<string>()
  const failures: Failure[] = []
  const kinds = new Set<string>()
  let answered = 0
  let broken = 0

  const one = async (index: number, belongings: Belongings): Promise<void> => {
    const request = bentRequest(new Random(seed * 1_000_003 + index), documents, belongings)
    // As the server sees it, without dots.
    const path = new URL(request.url, 'http://localhost').pathname
    const judged = { method: request.method, path, headers: request.headers }
    const { status, problem } = await answerTo(server, judge, { request, judged, index })
    statuses[status] = (statuses[status] ?? 0) + 1
    const operation = status >= 200 && status < 300 ? judge.operationOf(judged) : undefined
    if (operation !== undefined) succeeded.add(`${operation.dialect} ${operation.method} ${operation.path}`)
    if (problem !== null) {
      broken += 1
      const kind = `${operation?.path ?? request.dialect} ${problem.slice(0, 120)}`
      if (!kinds.has(kind) && kinds.size < KINDS_TOLD_MAX) failures.push({ index, problem, request: shown(request) })
      kinds.add(kind)
    }
    answered += 1
    if (answered % FRESH_EVERY === 0) onProgress?.(answered)
  }

  for (let from = begin; from < begin + count; from += FRESH_EVERY) {
    const belongings = await makeBelongings(server, first)
    const below = Math.min(from + FRESH_EVERY, begin + count)
    for (let at = from; at < below; at += AT_ONCE) {
      const indices = Array.from({ length: Math.min(AT_ONCE, below - at) }, (_, offset) => at + offset)
      await Promise.all(indices.map((index) => one(index, belongings)))
    }
  }
  const operations = documents.reduce((sum, document) => sum + document.operations.length, 0)
  return { answered, statuses, operations, succeeded: succeeded.size, broken, failures }
}

async function answerTo(
  server: FastifyInstance,
  judge: Judge,
  { request, judged, index }: { request: BentRequest; judged: JudgedRequest; index: number },
): Promise<{ status: number; problem: string | null }> {
  const { method, url, headers, payload } = request
  const body = payload === undefined ? {} : { payload }
  const sent = { method: method as 'GET', url, headers, remoteAddress: addressOf(index), ...body }
  const answer = await server.inject(sent).catch((error: Error) => error)
  if (answer instanceof Error) return { status: 0, problem: `The answer broke off: ${answer.message}` }
  const contentType = String(answer.headers['content-type'] ?? '')
  const { statusCode: status, body: text } = answer
  return { status, problem: judge.problemOf(judged, { status, contentType, text }) }
}

/** Each request comes from elsewhere: the wrong keys of some would else have the others refused before they are looked at. */
function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
}

/** As one line of JSON, which a person can send again. */
function shown({ method, url, headers, payload }: BentRequest): string {
  const body = payload === undefined ? undefined : payload.toString('utf8').slice(0, PAYLOAD_SHOWN)
  const { authorization: _, 'x-api-key': __, 'x-api-secret': ___, ...plain } = headers
  return JSON.stringify({ method, url, headers: plain, body })
}
