import { fork } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startEmbeddedPostgres } from '../src/embedded-postgres/supervisor.ts'
import { migrate } from '../src/store/migrate.ts'
import { openConnection } from '../src/store/database.ts'
import { recount, release, seed } from './engine/seed.ts'
const o = { recipients: 100000, batches: 100, organizations: 1, organizationLimit: 5000, suppressed: 100000, nodes: 1, ...JSON.parse(process.argv[2] ?? '{}') }
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-bench-')); fs.chmodSync(dataDir, 0o711)
const stat = new Map<string, [number, number]>()
let sample = 0
const seen = (f: any, m: any) => { const t = JSON.stringify(f) + String(m); const d = /duration: ([\d.]+) ms\s+(\w+) (\w+)/.exec(t); if (o.prof2 && sample++ < 3) console.log(t.slice(0, 300)); if (d) { const k = d[2] + ' ' + d[3]; const x = stat.get(k) ?? [0, 0]; x[0]++; x[1] += Number(d[1]); stat.set(k, x) } }
const log = { debug: seen, info: seen, warn: seen, error: seen }
const pg = await startEmbeddedPostgres({ dataDir, log, settings: { max_wal_size: '8GB', min_wal_size: '2GB', ...(o.pg ?? {}) } })
try {
  await migrate(pg.connectionString)
  const client = await openConnection(pg.connectionString)
  await seed(client, o)
  const nodes = []
  for (let i = 0; i < o.nodes; i++) {
    const child = fork('./engine/node.ts', [pg.connectionString], { execArgv: ['--import', '/work/main/test/run-typescript.mjs', ...(o.prof ? ['--cpu-prof', '--cpu-prof-dir=/tmp/prof'] : []), '--max-semi-space-size=64'] })
    await new Promise((r) => child.once('message', r)); nodes.push(child)
  }
  const wal0 = (await client.query(`SELECT pg_current_wal_lsn() AS l`)).rows[0].l
  const t0 = performance.now()
  await release(client)
  const stopAt = o.stopAfter ?? o.recipients
  let done = 0
  for (;;) {
    await new Promise((r) => setTimeout(r, 50))
    done = (await client.query('SELECT coalesce(sum(settled),0)::int AS n FROM batch_state')).rows[0].n
    if (done >= stopAt * 0.9999) { if (done >= stopAt) break }
    if (performance.now() - t0 > 120000) { console.log('TIMEOUT', done); break }
  }
  const s = (performance.now() - t0) / 1000
  const wal = (await client.query(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float8 AS n`, [wal0])).rows[0].n
  const results = await Promise.all(nodes.map((n) => new Promise((r) => { n.once('message', r); n.send('stop') })))
  console.log(`${Math.round(done / s)} lifecycles/s in ${s.toFixed(2)} s, WAL ${Math.round(wal / done)} B/call`, JSON.stringify(results))
  for (const [k, v] of [...stat].sort((a, b) => b[1][1] - a[1][1]).slice(0, 14)) console.log(k.padEnd(32), v[0], v[1].toFixed(0) + ' ms', (v[1] * 1000 / done).toFixed(2) + ' us/call')
  if (!o.stopAfter) console.log('recount', await recount(client))
  await client.end()
} finally { await pg.stop(); fs.rmSync(dataDir, { recursive: true, force: true }) }
