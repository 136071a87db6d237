// Throws malformed and hostile SIP messages at a live call, for as long as one likes. --help tells what can be asked for.
import { collectGarbage } from '../test/collect-garbage.ts'
import { readCommandLine } from '../test/command-line.ts'
import { callUnderFire, seeded } from '../test/sip-hostility.ts'

const GROWTH_MB_MAX = 8
/** Some hundred are to be expected: an unknown request is remembered for half a minute of the call's clock. */
const KEPT_MAX = 1_000

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
const heapMb: number[] = []
for (let count = 1; count <= messages; count++) {
  target.fire()
  if (count % Math.ceil(messages / 10) !== 0) continue
  heapMb.push(heapInUseMb())
  const perSecond = Math.round((count * 1000) / (performance.now() - startedAt))
  console.log(
    `${count}: heap ${heapMb.at(-1)} MB, ${target.liveTransactions} transactions, ${target.pendingTimers} timers, ${perSecond} a second`,
  )
}
// The first tenth fills what is filled once: the code that is compiled, and calls and transactions that are remembered for a while.
const growthMb = (heapMb.at(-1) ?? 0) - (heapMb[0] ?? 0)
const { liveTransactions, pendingTimers } = target
const broken = [
  ...(growthMb > GROWTH_MB_MAX ? [`the heap grew by ${growthMb} MB`] : []),
  ...(liveTransactions > KEPT_MAX ? [`${liveTransactions} transactions are kept`] : []),
  ...(pendingTimers > KEPT_MAX ? [`${pendingTimers} timers are kept`] : []),
]
for (const sentence of broken) console.error(`BROKEN: ${sentence}`)
const endings = [...new Set(target.ended)]
const seconds = Math.round((performance.now() - startedAt) / 1000)
const figures = { messages, seed, seconds, heapMb, liveTransactions, pendingTimers, endings }
console.log(JSON.stringify({ ...figures, broken: broken.length }))
process.exitCode = broken.length > 0 ? 1 : 0

/** Without what is not needed any more. */
function heapInUseMb(): number {
  collectGarbage()
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20)
}
