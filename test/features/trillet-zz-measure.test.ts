import { writeFileSync } from 'node:fs'
import { it } from 'vitest'
import { AGENT_ID, startTrilletServer } from '../trillet-server.ts'
it('measure', async () => {
  const s = await startTrilletServer()
  const rows: string[] = ['phone_number,first_name,last_name,email,plan']
  let bytes = 50
  for (let at = 0; bytes < 20_900_000; at++) { const r = `+1415${String(5000000 + at)},Ada,Byron,ada.byron.${at}@example.com,gold and a longer text of it`; bytes += r.length + 1; rows.push(r) }
  const form = new FormData()
  form.append('file', new Blob([rows.join('\n')]), 'batch-calls.csv')
  form.append('agentId', AGENT_ID)
  const out: unknown[] = []
  let t = performance.now()
  const lap = (name: string) => { out.push(`${name} ${Math.round(performance.now() - t)} ms`); t = performance.now() }
  const r = await fetch(`${s.baseUrl}/v1/api/batch-calls`, { method: 'POST', headers: s.headers, body: form })
  const a = (await r.json()) as { batchId: string; totalCalls: number }
  lap(`post ${r.status} ${a.totalCalls} ${JSON.stringify(a).slice(0, 200)}`)
  for (const path of ['', '/status', '/calls?page=1&limit=100', '/calls?page=2000&limit=100', '/calls?page=2000&limit=100&status=waiting', '/calls?page=1&status=completed']) {
    const x = await fetch(`${s.baseUrl}/v1/batch-calls/${a.batchId}${path}`, { headers: s.headers })
    const text = await x.text()
    lap(`${path} ${x.status} ${text.length}`)
  }
  const d = await fetch(`${s.baseUrl}/v1/batch-calls/${a.batchId}`, { method: 'DELETE', headers: s.headers })
  lap(`delete ${d.status} ${await d.text()}`)
  out.push(process.memoryUsage().rss / 1e6)
  writeFileSync('/tmp/measure.txt', out.join('\n'))
  await s.close()
})
