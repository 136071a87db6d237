import { runSeed } from './simulation.ts'
import { reportOf } from './report.ts'
import { Judge } from './judge.ts'
if (process.argv[3]) {
const b = process.argv[3]
const seen = new Set()
const old = Judge.prototype.committed
Judge.prototype.committed = function (t) { const x=t.batches.get(Number(b))!; console.log('commit', JSON.stringify({lm:x.liveMax, live:x.live, due:x.due, settled:x.settled,total:x.total, st:x.status,fig:Object.fromEntries(Object.entries(x.figures).filter(([,v])=>v))}), [...t.live.values()].map(r=>`${r.batchId}:${r.seq}:${r.n}=${r.state}@${r.nodeId}`).join(' '), 'due', [...t.due.values()].map(r=>`${r.batchId}:${r.seq}:${r.n}r${r.reason}`).join(' '),'att',[...t.attempts.values()].filter(a=>a.batchId==Number(b)).slice(-4).map(r=>`${r.seq}:${r.n}=${r.disposition}`).join(' ')); for (const a of t.attempts.values()) if (!seen.has(`${a.batchId}:${a.seq}:${a.n}:${a.disposition}`)) { seen.add(`${a.batchId}:${a.seq}:${a.n}:${a.disposition}`); console.log('ATT', a) } return old.call(this, t) }
}
const r = await runSeed(Number(process.argv[2]))
console.log(reportOf(r), r.virtualMs)
