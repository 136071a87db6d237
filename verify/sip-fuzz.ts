// Throws malformed and hostile SIP messages at a live call, for as long as one likes:
//   npm run verify:sip-fuzz -- 5000000 77     (messages, seed)
import { callUnderFire, seeded } from '../test/sip-hostility.ts'

const messages = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31))
console.log(`${messages} messages, seed ${seed}`)
const target = callUnderFire(seeded(seed))
const startedAt = performance.now()
for (let count = 1; count <= messages; count++) {
  target.fire()
  if (count % Math.ceil(messages / 10) !== 0) continue
  const megabytes = (process.memoryUsage().heapUsed / 2 ** 20).toFixed(0)
  const perSecond = Math.round((count * 1000) / (performance.now() - startedAt))
  console.log(
    `${count}: heap ${megabytes} MB, ${target.liveTransactions} transactions, ${target.pendingTimers} timers, ${perSecond} a second`,
  )
}
console.log(`calls ended: ${[...new Set(target.ended)].join(', ')}`)
