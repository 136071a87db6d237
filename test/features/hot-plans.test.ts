import { expect, it } from 'vitest'
import { openHotConnection } from '../../src/store/database.ts'
import { endCalls } from '../../src/store/end-calls.ts'
import { ProgressColumns } from '../../src/store/progress-calls.ts'
import { createTestDatabase } from '../database.ts'

const GATE = { organizationId: 1, now: '2025-01-06T09:00:00Z', nowEpochMs: 0, liveMax: 1, live: 0, version: 1 }
const PROBE = /Index Cond: \(\(ROW\(organization_id, number_hash\) >= ROW\(t\.organization_id, t\.hash\)\)/

it('finds live rows by their key, also by a plan made while nobody was in a call and the table was vacuumed', async () => {
  const database = await createTestDatabase()
  const client = await openHotConnection(database.connectionString)
  try {
    await client.query('VACUUM live_call')
    for (const { text, values } of [new ProgressColumns([]).statement(GATE), endCalls(GATE, [])]) {
      const { rows } = await client.query({ text: `EXPLAIN ${text}`, values: [...values], rowMode: 'array' })
      expect(rows.flat().join('\n')).toMatch(PROBE)
    }
  } finally {
    await client.end()
  }
})
