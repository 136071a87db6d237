import { test } from 'vitest'
import { createBatch } from '../../src/commands/create-batch.ts'
import { exportResults } from '../../src/commands/export-results.ts'
import { commandWorld, fileOf } from '../command-world.ts'

test('speed', async () => {
  const world = await commandWorld()
  const lines = ['phone_number,first_name,city,amount']
  for (let i = 0; i < 100_000; i++) lines.push(`+1${2_000_000_000 + i * 70_001},Ann${i},Springfield,${i}`)
  const text = lines.join('\n')
  const t0 = performance.now()
  const { batch } = await createBatch(world.context, world.actor, { dialect: 'native', agent: 'announcement' }, { file: fileOf(text), maxBytes: 1e9 })
  console.log('import', Math.round(performance.now() - t0))
  const orig = (await import('pg')).default.Client.prototype.query
  const seen = new Map<string, [number, number]>()
  const pool = world.context.database
  const client = await pool.connect()
  await client.query("BEGIN; SET LOCAL ROLE carillon_api; SELECT set_config('carillon.organization_id','1',true)")
  const q = process.env.Q!
  const rows = await client.query('EXPLAIN (ANALYZE, BUFFERS) ' + (globalThis as any).__sql, [1, (await world.sql('select max(batch_id) as b from batch'))[0]!.b, 1, 5000, 50]).catch((e: Error) => ({ rows: [{ e: e.message }] }))
  console.log(rows.rows.map((r: any) => r['QUERY PLAN'] ?? r.e).join('\n'))
  await client.query('ROLLBACK')
  client.release()
  const t2 = performance.now()
  let n = 0
  for await (const piece of await exportResults(world.context, world.actor, batch.id, 'csv')) n += piece.length
  console.log('export', n, Math.round(performance.now() - t2))
  void orig; void seen; void q
}, 400_000)
