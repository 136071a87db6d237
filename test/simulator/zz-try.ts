import { reportOf } from './report.ts'
import { runSeed } from './simulation.ts'

const from = Number(process.argv[2]),
  count = Number(process.argv[3])
const t = process.cpuUsage()
let calls = 0,
  steps = 0,
  vm = 0,
  bad = 0
const cov = new Map()
for (let s = from; s < from + count; s++) {
  const r = await runSeed(s)
  calls += r.calls
  steps += r.steps
  vm += r.virtualMs
  for (const [k, v] of r.coverage) cov.set(k, (cov.get(k) ?? 0) + v)
  if (r.violations.length) {
    bad++
    if (bad <= Number(process.argv[4] ?? 3)) {
      console.log(reportOf(r))
    }
  }
}
const u = process.cpuUsage(t)
console.log({
  count,
  bad,
  calls,
  steps: steps / count,
  vms: vm / count,
  cpuMsPerSeed: (u.user + u.system) / 1000 / count,
})
console.log(cov)
