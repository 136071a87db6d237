// Sends generated requests with mutations, made from our own OpenAPI documents, and judges every answer: none of 500 or
// above, none that breaks its own schema, and a heap that does not grow.
// --help tells what can be asked for.
import { migrate } from '../src/store/migrate.ts'
import { collectGarbage } from '../test/collect-garbage.ts'
import { readCommandLine } from '../test/command-line.ts'
import { startTemporaryServer } from '../test/postgres-for-tests.ts'
import { startBareServer } from '../test/requests/bare-server.ts'
import { runRequests } from './requests/run.ts'

/** What the heap may grow between the middle and the end, each after a collection of all garbage. */
const GROWTH_MAX_MB = 20
const WARM_UP = 2_000

const values = readCommandLine(
  {
    name: 'npm run verify:requests --',
    does: `Sends generated requests with mutations, made from our own OpenAPI documents, and judges every answer: none of 500 or
above, none that breaks its own schema, and a heap that does not grow. Ends with a line of JSON.`,
  },
  {
    count: { type: 'string', value: 'N', default: '100000', means: 'requests (100000)' },
    seed: { type: 'string', value: 'N', default: String(Date.now() % 1_000_000), means: 'which ones (random)' },
    from: { type: 'string', value: 'N', default: '0', means: 'begins with this one of the seed (0)' },
  },
)
const count = Number(values.count)
const seed = Number(values.seed)
const from = Number(values.from)

const postgres = await startTemporaryServer()
await migrate(postgres.connectionString)
const { server, first, close } = await startBareServer(postgres.connectionString, {
  log: (line) => process.stderr.write(line),
})
console.error(`${count} requests, seed ${seed}`)

const startedAt = performance.now()
const heapMb: Record<string, number> = {}
const result = await runRequests({
  server,
  first,
  seed,
  from,
  count,
  onProgress(answered) {
    // The first requests compile what later ones use again.
    if (answered === WARM_UP) heapMb.begin = heapNow()
    if (answered === Math.floor(count / 2_000) * 1_000) heapMb.middle = heapNow()
    if (answered % Math.max(1_000, Math.round(count / 20_000) * 1_000) === 0) tell(answered)
  },
})
heapMb.end = heapNow()
const seconds = Math.round((performance.now() - startedAt) / 1_000)
await close()
await postgres.stop()

const growthMb = heapMb.end - (heapMb.middle ?? heapMb.end)
const grew = growthMb > GROWTH_MAX_MB
if (grew) console.error(`BROKEN: the heap grew by ${growthMb} MB in the second half`)
for (const { index, problem, request } of result.failures) {
  console.error(`BROKEN (seed ${seed}, request ${index}): ${problem}\n  ${request}`)
}
const { answered, statuses, operations, succeeded } = result
console.log(JSON.stringify({ seed, answered, seconds, operations, succeeded, statuses, heapMb, broken: result.broken }))
process.exit(grew || result.broken > 0 ? 1 : 0)

function heapNow(): number {
  collectGarbage()
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20)
}

function tell(answered: number): void {
  const perSecond = Math.round((answered * 1_000) / (performance.now() - startedAt))
  console.error(`${answered} answered, ${perSecond} a second, heap ${heapNow()} MB`)
}
