import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { CallFigures } from '../../src/store/call-figures.ts'
import { claimRecipients } from '../../src/store/claim-recipients.ts'
import { openHotConnection } from '../../src/store/database.ts'
import { endRows } from '../../src/store/end-calls.ts'
import { laneStates } from '../../src/store/lane-states.ts'
import { ownCalls } from '../../src/store/live-calls.ts'
import { organizationsWithOrphans } from '../../src/store/nodes.ts'
import { ProgressColumns } from '../../src/store/progress-calls.ts'
import type { Queryable, Statement } from '../../src/store/statement.ts'
import { createTestDatabase } from '../database.ts'

const GATE = { organizationId: 1, now: '2025-01-06T09:00:00Z', nowEpochMs: 0, liveMax: 1, live: 0, version: 1 }
const CALL = {
  numberHash: 1n,
  trunkId: 1,
  batchId: 1,
  seq: 1,
  n: 1,
  claimedAtEpochMs: 0,
  savedState: 1,
  reachedState: 2,
  acceptedMs: 1,
  ringingMs: -1,
  answeredMs: -1,
  answeredByCode: 0,
}
const PROGRESS = { unsavedCarrierCallId: null, unsavedCarrierState: null }
const END = {
  dispositionCode: 1,
  causeCode: 0,
  sipStatus: -1,
  q850Cause: -1,
  endedMs: 2,
  carrierCallId: null,
  keysPressed: null,
  spokenText: null,
  retryAfterMs: -1,
  dueReasonCode: 1,
  lane: 0,
  counted: 1,
  successorSeq: 2,
}

const LANE = { batchId: 1, lane: 0, trunkId: 1, want: 1, sendWithinMs: 1 }
const claim = (source: 'cursor' | 'due') =>
  claimRecipients(source, { organizationId: 1, now: GATE.now, nodeId: 1, lanes: [LANE] })
const STATEMENTS = {
  'progress, by the places of rows': () => new ProgressColumns([{ ...CALL, ...PROGRESS, place: 1 }]).rows(1),
  'progress, by their keys': () => new ProgressColumns([{ ...CALL, ...PROGRESS, place: null }]).rows(1),
  'ends, by the places of rows': () => endRows(1, [{ ...CALL, ...END, place: 1 }]),
  'ends, by their keys': () => endRows(1, [{ ...CALL, ...END, place: null }]),
  'what follows from ends and progress': () => {
    const figures = new CallFigures()
    figures.addProgress(new ProgressColumns([{ ...CALL, ...PROGRESS, place: 1 }]))
    figures.addEnds([{ ...CALL, ...END, place: 2 }])
    return figures.statement(GATE)
  },
  'claims from the line': () => claim('cursor'),
  'claims of what is due': () => claim('due'),
  'what is left of lanes': () => laneStates(1, [LANE]),
}

/** They read all live calls, of whatever organization. */
const OF_ALL_CALLS = ['own_calls', 'organizations_with_orphans']

const FILL = [
  `INSERT INTO live_call (organization_id, number_hash, batch_id, seq, n, counted, lane, trunk_id, node_id, state, claimed_at, send_not_after)
   SELECT 1, g, 1, g, 1, 1, 0, 1, 1, 1, now(), now() FROM generate_series(1, %) g`,
  `INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason) SELECT 1, g % 100, 0, now(), g, 1, 1, 1 FROM generate_series(1, %) g`,
  `INSERT INTO batch_state (organization_id, batch_id, status, total, live_max) SELECT 1, g, 2, 1, 1 FROM generate_series(1, %) g`,
]
const TABLES = ['live_call', 'due', 'batch_state', 'lane', 'recipient', 'suppression', 'attempt', 'verdict']
const filled = (rows: number) => FILL.map((text) => text.replace(/, %\)/, `, ${rows})`))
const all = (command: string) => TABLES.map((table) => `${command} ${table}`)

/** How the tables are when the plan is made that a connection keeps. */
const STATES = [
  ['nothing was ever there', []],
  ['nothing is there any more', all('VACUUM')],
  ['there is a little', [...filled(3), ...all('VACUUM ANALYZE')]],
  ['there is much', [...filled(20_000), ...all('VACUUM ANALYZE')]],
] as const

/** Tables of which an organization has few rows, or which are analyzed soon after they are filled. */
const SMALL = /Index Scan using ((gate|trunk_state)_pkey|suppression_newest)/

describe.each(STATES)('plans that are made when %s', (_, steps) => {
  it.each(Object.entries(STATEMENTS))('for %s go through no table of an organization', async (name, statement) => {
    const database = await createTestDatabase()
    const client = await openHotConnection(database.connectionString)
    try {
      await client.query('SET session_replication_role = replica')
      for (const step of steps) await client.query(step)
      const plan = await planOf(client, statement())
      const lines = plan.split('\n')
      for (const [at, line] of lines.entries()) {
        expect(line, plan).not.toMatch(/Seq Scan|Hash Join|Merge Join|Bitmap|Join Filter: .*(batch_id|number_hash)/)
        // By more of a key than its organization, alone or as a row of columns.
        if (/Index Cond/.test(line) && !/number_hash|batch_id/.test(line)) expect(lines[at - 1], plan).toMatch(SMALL)
        if (/Index Cond.*ROW/.test(line)) expect(lines[at - 1], plan).toMatch(/_pkey on/)
      }
      if (/^(ends|progress)/.test(name))
        expect(plan).toMatch(/Tid Scan on live_call l[^\n]*\n\s*TID Cond: \(ctid = ANY \(/)
    } finally {
      await client.end()
    }
  })
})

describe.each(STATES)('plans that are made when %s', (_, steps) => {
  it('look for calls of a node in the table itself, and in no index', async () => {
    const database = await createTestDatabase()
    const client = await openHotConnection(database.connectionString)
    try {
      await client.query('SET session_replication_role = replica')
      for (const step of steps) await client.query(step)
      const statements: Statement[] = []
      const query = async (statement: Statement) => {
        statements.push(statement)
        return { rows: [] }
      }
      const asked = { query } as unknown as Queryable
      await ownCalls(asked, 1)
      await organizationsWithOrphans(asked, { always: true })
      for (const statement of statements) {
        const plan = await planOf(client, statement)
        expect(plan, statement.name).toMatch(/Tid Range Scan on live_call/)
        await client.query('DEALLOCATE statement')
      }
      expect(statements.map(({ name }) => name)).toEqual(OF_ALL_CALLS)
    } finally {
      await client.end()
    }
  })
})

/** Only a prepared statement has the generic plan that the dispatcher's have. */
async function planOf(client: pg.Client, { text, values }: Statement): Promise<string> {
  await client.query(`PREPARE statement AS ${text}`)
  const literal = (value: unknown) => {
    if (value === null) return 'NULL'
    return Buffer.isBuffer(value) ? `'{}'` : client.escapeLiteral(String(value))
  }
  const { rows } = await client.query({
    text: `EXPLAIN EXECUTE statement (${values.map(literal)})`,
    rowMode: 'array',
  })
  return rows.flat().join('\n')
}
