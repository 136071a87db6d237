// Throws malformed and hostile SIP messages at a live call, for as long as one likes. --help tells what can be asked for.
import { readCommandLine } from '../test/command-line.ts'
import { callUnderFire, seeded } from '../test/sip-hostility.ts'

const values = readCommandLine(
  {
    name: 'npm run verify:sip-fuzz --',
    does: 'Throws malformed and hostile SIP messages at a live call, and shows what the process holds meanwhile.',
    examples: ['--count 5000000 --seed 77'],
  },
  {
    count: { type: 'string', value: 'N', default: '1000000', means: 'messages (1000000)' },
    seed: {
      type: 'string',
      value: 'N',
      default: String(Math.floor(Math.random() * 2 ** 31)),
      means: 'which ones (random)',
    },
  },
)
const messages = Number(values.count)
const seed = Number(values.seed)
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
