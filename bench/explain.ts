import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startEmbeddedPostgres } from '../src/embedded-postgres/supervisor.ts'
import { migrate } from '../src/store/migrate.ts'
import { openConnection } from '../src/store/database.ts'
import { claimRecipients } from '../src/store/claim-recipients.ts'
import { progressCalls } from '../src/store/progress-calls.ts'
import { endCalls } from '../src/store/end-calls.ts'
import { release, seed } from './engine/seed.ts'
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-bench-')); fs.chmodSync(dataDir, 0o711)
const log = { debug() {}, info() {}, warn() {}, error: console.error }
const pg = await startEmbeddedPostgres({ dataDir, log, settings: {} })
try {
  await migrate(pg.connectionString)
  const c = await openConnection(pg.connectionString)
  await seed(c, { recipients: 100000, batches: 100, organizations: 1, organizationLimit: 5000, suppressed: 100000 })
  await release(c)
  await c.query('SET plan_cache_mode=force_generic_plan')
  const now = (await c.query('SELECT now()::text AS n')).rows[0].n
  const lanes = Array.from({ length: 100 }, (_, i) => ({ batchId: i + 1, lane: 0, want: 25, sendWithinMs: 5000 }))
  const explain = async (st: any, name: string, real = true) => {
    const lit = (v: any) => typeof v === 'number' ? String(v) : v === null ? 'NULL' : `'${String(v).replaceAll("'", "''")}'`
    await c.query('BEGIN; SET LOCAL ROLE carillon_dispatcher')
    await c.query(`PREPARE ${name} AS ${st.text}`)
    const r = await c.query(`EXPLAIN (ANALYZE, TIMING ${process.argv[3] ?? 'on'}, BUFFERS off, COSTS off) EXECUTE ${name}(${st.values.map(lit).join(',')})`)
    await c.query(real ? 'COMMIT' : 'ROLLBACK')
    await c.query(`DEALLOCATE ${name}`)
    return r.rows.map((x: any) => x['QUERY PLAN']).join('\n')
  }
  const claim = claimRecipients('cursor', { organizationId: 1, now, nodeId: 1, lanes })
  const which = process.argv[2]
  const a = await explain(claim, 'claim'); if (which === 'claim') console.log(a)
  const rows = (await c.query('SELECT * FROM live_call')).rows
  const p = rows.map((r: any) => ({ numberHash: r.number_hash, batchId: r.batch_id, seq: r.seq, n: r.n, fromState: 1, toState: 2, acceptedMs: 5, ringingMs: -1, answeredMs: -1, answeredByCode: 0, carrierCallId: 'CA' + String(r.seq).padStart(32, '0') }))
  const b = await explain(progressCalls(1, now, p), 'progress'); if (which === 'progress') console.log(b)
  const e = rows.map((r: any) => ({ numberHash: r.number_hash, batchId: r.batch_id, seq: r.seq, n: r.n, dispositionCode: 1, causeCode: 2, answeredByCode: 0, sipStatus: -1, acceptedMs: 5, ringingMs: 6, answeredMs: 7, endedMs: 8, carrierCallId: 'CA' + String(r.seq).padStart(32, '0'), keysPressed: null, spokenText: null, retryAfterMs: -1, dueReasonCode: 1 }))
  const d = await explain(endCalls(1, now, e), 'endc'); if (which === 'end') console.log(d)
  await c.end()
} finally { await pg.stop(); fs.rmSync(dataDir, { recursive: true, force: true }) }
