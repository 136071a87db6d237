import { test } from 'vitest'
import { commandWorld, people } from '../command-world.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { listBatches } from '../../src/commands/list-batches.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { getRecipient } from '../../src/commands/get-recipient.ts'
import { exportResults } from '../../src/commands/export-results.ts'
import { whyBatchWaits } from '../../src/commands/why-waiting.ts'
import { listEvents } from '../../src/commands/list-events.ts'
import { listSuppressions, addSuppressions } from '../../src/commands/suppressions.ts'
import { listRecentOutcomes } from '../../src/commands/list-recent-outcomes.ts'
import { recount } from '../../src/commands/recount.ts'
import fs from 'node:fs'

test('plans', { timeout: 600_000 }, async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(people(100_000), { concurrency: 50 })
  for (let i = 0; i < 3; i++) await world.makeBatch(people(1000))
  const id = (await world.sql('SELECT min(batch_id) AS b FROM batch'))[0]!.b
  // 60k dialled (5k of them due again), 5k suppressed
  await world.sql(`UPDATE lane SET next_seq = 65001 WHERE batch_id = ${id} AND lane = 0`)
  await world.sql(`INSERT INTO attempt (organization_id,batch_id,seq,n,counted,trunk_id,node_id,disposition,cause,answered_by,claimed_at,accepted_ms,ringing_ms,answered_ms,ended_ms)
    SELECT 1,${id},s,1,1,(SELECT min(trunk_id) FROM trunk),1,CASE WHEN s % 20000 = 0 THEN 9 WHEN s % 3 = 0 THEN 3 ELSE 1 END,0,0,now(),1,2,CASE WHEN s%3<>0 AND s%20000<>0 THEN 100 END,2000 FROM generate_series(1,60000) s`)
  await world.sql(`INSERT INTO due SELECT 1,${id},0,now()+interval '1 h',s,2,1,1 FROM generate_series(3,15000,3) s`)
  await world.sql(`INSERT INTO verdict SELECT 1,${id},s,11,now() FROM generate_series(60001,65000) s`)
  await world.sql(`UPDATE batch_state SET due=5000, attempts=60000, settled=60000 WHERE batch_id=${id}`)
  await world.sql(`INSERT INTO event_block SELECT 1, (SELECT block_no FROM gate) + b, now(), array_fill(${id}, ARRAY[50]), (SELECT array_agg(b*50+i) FROM generate_series(1,50) i), array_fill(1::smallint, ARRAY[50]), array_fill(6::smallint,ARRAY[50]), array_fill(1::smallint,ARRAY[50]), array_fill(0,ARRAY[50]) FROM generate_series(1,2000) b`)
  await world.sql('UPDATE gate SET block_no = block_no + 2000')
  await addSuppressions(context, actor, { numbers: people(100_000).map(({ to }) => to.replace('+1555', '+1666')) })
  if (process.env.ANALYZED === '1') await world.sql('ANALYZE')
  const out: string[] = []
  let label = ''
  let explain = true
  const pool = context.database
  const connect = pool.connect.bind(pool) as any
  ;(pool as any).connect = async () => {
    const client = await connect()
    if (client.wrapped) return client
    client.wrapped = true
    const query = client.query.bind(client)
    client.query = async (a: any, values: any) => {
      const text = typeof a === 'string' ? a : a.text
      const vals = typeof a === 'string' ? values : a.values
      if (explain && /^\s*(SELECT|WITH)/.test(text) && vals) {
        const plan = await query({ text: `EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) ${text}`, values: vals })
        const lines = plan.rows.map((r: any) => r['QUERY PLAN'] as string)
        const time = lines.filter((l: string) => /Execution Time|Planning Time/.test(l)).join(' ')
        const seq = lines.filter((l: string) => /Seq Scan|Hash|Merge Join|Sort|Removed by/.test(l)).map((l: string) => l.trim().slice(0, 150))
        out.push(`[${label}] ${text.replace(/\s+/g, ' ').slice(0, 70)} ... ${time}\n    ${seq.join('\n    ')}`)
        if (process.env.FULL && label === process.env.FULL) out.push(lines.join('\n'))
      }
      return query(a, values)
    }
    return client
  }
  const run = async (name: string, work: () => Promise<any>) => {
    label = name
    explain = true
    await work()
    explain = false
    const t = performance.now()
    const r = await work()
    out.push(`## ${name}: ${(performance.now() - t).toFixed(1)} ms ${JSON.stringify(r).slice(0, 60)}`)
  }
  const size = (p: any) => ({ n: p.items.length, next: p.nextCursor !== null })
  await run('getBatch', async () => (await getBatch(context, actor, batch.id)).figures.total)
  await run('listBatches', async () => size(await listBatches(context, actor)))
  await run('list all', async () => size(await listRecipients(context, actor, batch.id, { limit: 1000 })))
  await run('list offset 90000', async () => size(await listRecipients(context, actor, batch.id, { limit: 100, offset: 90_000 })))
  await run('list answered', async () => size(await listRecipients(context, actor, batch.id, { outcomes: ['answered'] })))
  await run('list unknown', async () => size(await listRecipients(context, actor, batch.id, { outcomes: ['unknown'] })))
  await run('list live', async () => size(await listRecipients(context, actor, batch.id, { states: ['dialing', 'ringing'] })))
  await run('list due', async () => size(await listRecipients(context, actor, batch.id, { states: ['due'] })))
  await run('list waiting', async () => size(await listRecipients(context, actor, batch.id, { states: ['waiting'] })))
  await run('list suppressed', async () => size(await listRecipients(context, actor, batch.id, { outcomes: ['suppressed'] })))
  await run('list answered offset 30000', async () => size(await listRecipients(context, actor, batch.id, { outcomes: ['answered'], offset: 30_000 })))
  const one = (await listRecipients(context, actor, batch.id, { limit: 1 })).items[0]!
  await run('getRecipient', async () => (await getRecipient(context, actor, one.id)).recipient.state)
  await run('whyBatch', async () => whyBatchWaits(context, actor, batch.id))
  await run('recent', async () => (await listRecentOutcomes(context, actor, batch.id)).length)
  await run('events', async () => size(await listEvents(context, actor, { limit: 100 })))
  await run('events of batch', async () => size(await listEvents(context, actor, { limit: 100, batchId: batch.id })))
  await run('suppressions', async () => size(await listSuppressions(context, actor)))
  explain = false
  let t = performance.now()
  let chars = 0
  for await (const piece of await exportResults(context, actor, batch.id, 'csv')) chars += piece.length
  out.push(`## export csv ${(performance.now() - t).toFixed(0)} ms ${chars}`)
  t = performance.now()
  out.push(`## recount ${(performance.now() - t).toFixed(0)} ms ${(await recount(context, actor.organizationId)).slice(0, 5).join(' | ')}`)
  out.push(`## recount took ${(performance.now() - t).toFixed(0)} ms`)
  fs.writeFileSync('/tmp/plans.txt', out.join('\n'))
})
