import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { BATCH_ORDERS, orderedPageStatement } from '../../src/store/batch-order.ts'
import { batchPageStatement } from '../../src/store/batches.ts'
import { createPool, listSettingsOf, runTransaction } from '../../src/store/database.ts'
import { foldKeptCount } from '../../src/store/kept-counts.ts'
import { createTestDatabase } from '../database.ts'

/** A node of a plan, as EXPLAIN writes it. */
interface PlanNode {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly PlanNode[]
  readonly 'Actual Rows'?: number
}

const MANY = 3_000
const AGENT = '0b9c6f0a-4c3f-4d0e-9a53-6f1a5a2f7c11'
/** That of the batch in the middle. */
const BATCH = '7d2f3c52-0d52-4a0b-8d0f-1f0a4f5e6b22'
let pool: pg.Pool

beforeAll(async () => {
  const database = await createTestDatabase()
  pool = createPool(database.connectionString, { maxConnections: 1 })
  await pool.query(`INSERT INTO organization (organization_uuid, name, created_at)
    SELECT gen_random_uuid(), 'o' || n, carillon_now() FROM generate_series(1, 2) n`)
  await pool.query('INSERT INTO gate (organization_id, live_max) VALUES (1, 1), (2, 1)')
  await pool.query(`INSERT INTO trunk VALUES (1, 1, gen_random_uuid(), 't', 'loopback', '{}', 1, carillon_now())`)
  await pool.query(`INSERT INTO agent VALUES (1, 1, '${AGENT}', 'a', 'announcement', '{}', NULL, carillon_now(), NULL)`)
})

async function fill(): Promise<void> {
  await pool.query(
    `INSERT INTO batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
       max_call_seconds, retry_policy, duplicate_numbers, version, created_at, updated_at)
     SELECT 1, n, CASE n WHEN ${MANY / 2} THEN '${BATCH}' ELSE gen_random_uuid() END, 'batch ' || n, 'native', 1, 14155550100, 1, 30, 600, '{"maxAttempts":1,"rules":[]}', 'skip', 1, t, t
     FROM generate_series(1, ${MANY}) n, LATERAL (SELECT carillon_now() + n * interval '1 s' AS t) x`,
  )
  await pool.query(
    `INSERT INTO batch_state (organization_id, batch_id, status, live_max, total, listed) SELECT 1, n, n % 6, 1, n, true FROM generate_series(1, ${MANY}) n`,
  )
  while (await foldKeptCount(pool as unknown as pg.Client)) {}
}

/** What the server does for the prepared statement, with these values; nodes of the plan from the top down. */
async function planOf({ name, text, values }: { name: string; text: string; values: readonly unknown[] }) {
  const scope = { role: 'carillon_api', organizationId: 1 } as const
  return runTransaction(pool, listSettingsOf(scope), async (client) => {
    await client.query({ name, text, values: [...values] })
    const execute = `EXECUTE ${pg.escapeIdentifier(name)}(${values.map((value) => pg.escapeLiteral(String(value))).join(', ')})`
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${execute}`)
    const nodes: PlanNode[] = []
    const walk = (node: PlanNode): void => {
      nodes.push(node)
      node.Plans?.forEach(walk)
    }
    walk(rows[0]['QUERY PLAN'][0].Plan)
    return nodes
  })
}

const INDEX_OF_ORDER = {
  created: 'batch_by_creation',
  updated: 'batch_by_update',
  name: 'batch_by_name',
  start: 'batch_state_by_start',
  status: 'batch_state_by_status',
  total: 'batch_state_by_total',
}

const PAGES = BATCH_ORDERS.flatMap((order) =>
  [true, false].flatMap((descending) =>
    [true, false].map((fromEnd) => {
      const statement = orderedPageStatement(1, {
        order,
        descending,
        offset: fromEnd ? MANY - 60 : 40,
        limit: 20,
        fromEnd,
      })
      return { statement, index: INDEX_OF_ORDER[order] }
    }),
  ),
)

const all = { statuses: null, dialects: null, agent: null, withoutRetries: false }
const agent = { uuid: AGENT, alias: 'a' }
const LISTS = [true, false].flatMap((backwards) =>
  [null, MANY / 2, { uuid: BATCH }].flatMap((beside) =>
    (
      [
        [all, 'batch_listed'],
        [{ ...all, agent }, 'batch_agent'],
        [{ ...all, agent, withoutRetries: true }, 'batch_once'],
      ] as const
    ).map(([filter, index]) => ({ statement: batchPageStatement(1, { beside, backwards, limit: 21 }, filter), index })),
  ),
)

// The first statement of a connection often finds the tables empty, and its plan stays. So the plans are made before
// there is a single batch, and looked at when there are many and no one has counted them for the planner.
test('a page of batches is found in the index of its order, and nothing of any other batch is read', async () => {
  const cases = [...PAGES, ...LISTS]
  for (const { statement } of cases) await planOf(statement)
  await fill()
  for (const { statement, index } of cases) {
    const nodes = await planOf(statement)
    const what = `${statement.name}: ${nodes.map((node) => `${node['Node Type']} ${node['Index Name'] ?? ''}`).join(' > ')}`
    const scans = nodes.filter((node) => node['Relation Name'] !== undefined)
    expect(
      scans.filter((node) => !/^Index( Only)? Scan$/.test(node['Node Type'])),
      what,
    ).toEqual([])
    expect(
      scans.map((node) => node['Index Name']),
      what,
    ).toContain(index)
    // The page itself is put in order, and no more.
    for (const node of nodes.filter((each) => /Sort/.test(each['Node Type'])))
      expect(node['Actual Rows'], what).toBeLessThanOrEqual(21)
    for (const scan of scans) expect(scan['Actual Rows'], what + JSON.stringify(scan)).toBeLessThanOrEqual(60)
  }
})

test('an index of another organization leads nowhere: the first key of every scan is the organization', async () => {
  const nodes = await planOf(PAGES[0]!.statement)
  for (const node of nodes.filter((each) => each['Relation Name'] !== undefined)) {
    expect((node as unknown as Record<string, string>)['Index Cond'], JSON.stringify(node)).toContain('organization_id')
  }
})
