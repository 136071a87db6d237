import { describe, expect, it } from 'vitest'
import { openHotConnection } from '../../src/store/database.ts'
import { endCalls } from '../../src/store/end-calls.ts'
import { ProgressColumns } from '../../src/store/progress-calls.ts'
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
}

const WAYS = [
  ['their key', null, /Index Cond: \(\(ROW\(organization_id, number_hash\) >= ROW\(\$1, t\.hash\)\)/],
  [
    'their place',
    1,
    /Nested Loop[^\n]*\n\s*-> {2}Subquery Scan on t[\s\S]*?-> {2}Tid Scan on live_call l[^\n]*\n\s*TID Cond: \(ctid = t\.place\)/,
  ],
] as const

const LIVE = `INSERT INTO live_call (organization_id, number_hash, batch_id, seq, n, counted, lane, trunk_id, node_id, state, claimed_at, send_not_after)
  SELECT 1, g, 1, g, 1, 1, 0, 1, 1, 1, now(), now() FROM generate_series(1, `

/** How the table is when the plan is made that a connection keeps. */
const TABLES = [
  ['nobody was ever in a call', []],
  ['nobody is in a call any more', ['VACUUM live_call']],
  ['a few are', [`${LIVE} 3) g`, 'VACUUM ANALYZE live_call']],
  ['many are', [`${LIVE} 20000) g`, 'VACUUM ANALYZE live_call']],
] as const

describe.each(TABLES)('when %s', (_, steps) => {
  it.each(WAYS)('live rows are found by %s', async (_, place, plan) => {
    const database = await createTestDatabase()
    const client = await openHotConnection(database.connectionString)
    try {
      for (const step of steps) await client.query(step)
      const call = { ...CALL, place }
      const statements = [
        new ProgressColumns([{ ...call, ...PROGRESS }]).statement(GATE),
        endCalls(GATE, [{ ...call, ...END }]),
      ]
      for (const { text, values } of statements) {
        // Only a prepared statement has the generic plan that the dispatcher's have.
        await client.query(`PREPARE statement AS ${text}`)
        const given = values.map((value) => client.escapeLiteral(Buffer.isBuffer(value) ? '{}' : String(value)))
        const { rows } = await client.query({
          text: `EXPLAIN EXECUTE statement (${given.map((value) => value.replace("'null'", 'NULL'))})`,
          rowMode: 'array',
        })
        await client.query('DEALLOCATE statement')
        expect(rows.flat().join('\n')).toMatch(plan)
      }
    } finally {
      await client.end()
    }
  })
})
