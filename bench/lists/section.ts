import { number, table } from '../support/markdown.ts'
import type { Distribution } from '../support/statistics.ts'

/** A line that `npm run bench -- lists` has saved. */
interface SavedLists {
  readonly sizes: { readonly batches: number; readonly recipients: number; readonly pageSize: number }
  readonly times: readonly SavedTimes[]
}

interface SavedTimes {
  readonly list: string
  readonly page: string
  readonly ms: Distribution
  /** Lines of earlier versions say nothing of it. */
  readonly nodeCpuMs?: number
  readonly postgresCpuMs?: number
}

/** What is aimed at, in milliseconds at p99 on a machine that does nothing else. */
const GOAL_MS = { page: 5, deepest: 15 } as const

/** The part of docs/reference/performance.md about lists of batches. */
export function listsSection(saved: object): string[] {
  const { sizes, times } = saved as SavedLists
  return [
    '## Lists of batches',
    '',
    `${sizes.pageSize} of ${number(sizes.batches)} batches with ${number(sizes.recipients)} recipients, over HTTP, one request after the other on one connection, with`,
    'the dispatcher at work beside it; every page is compared with the database. Milliseconds from the first byte sent to',
    `the last one read; the client collects its garbage between requests. The goal at p99 is ${GOAL_MS.page} ms for the first page and any page by cursor, ${GOAL_MS.deepest} ms for the deepest page by`,
    'number; a page in the middle passes half of an index. CPU is the time of all cores for each request, with what runs beside.',
    '',
    ...table([
      ['list and order', 'page', 'requests', 'p50', 'p95', 'p99', 'max', 'CPU of Node', 'of PostgreSQL'],
      ...times.map(({ list, page, ms, nodeCpuMs, postgresCpuMs }) => [
        list,
        page,
        number(ms.count),
        ...[ms.p50, ms.p95, ms.p99, ms.max, nodeCpuMs ?? '', postgresCpuMs ?? ''].map(String),
      ]),
    ]),
    '',
  ]
}
