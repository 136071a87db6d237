// Proves that no call starts after a pause, a cancel, a suppression or the end of a window was answered.
// --help tells what can be asked for.
import { readCommandLine } from '../test/command-line.ts'
import { LIMITS } from './limits.ts'
import { mischiefOf } from './mischief.ts'
import { startServer } from './server.ts'
import { runStops, type StopResult } from './stops.ts'

const SENTENCES_MAX = 20

const values = readCommandLine(
  {
    name: 'npm run verify:stops --',
    does: `Pauses, cancels, suppresses and shuts windows while a list is called, and judges that no call starts after the answer.`,
  },
  {
    rounds: { type: 'string', value: 'N', default: '1', means: 'rounds (1)' },
    seed: {
      type: 'string',
      value: 'N',
      default: String(Date.now() % 1_000_000),
      means: 'what is stopped, and when (random)',
    },
    recipients: { type: 'string', value: 'N', default: '600', means: 'people of a round (600)' },
    mischief: { type: 'string', value: 'NAME', means: 'do something wrong on purpose, which must be noticed' },
    keep: { type: 'boolean', default: false, means: 'keep the logs, also when all is well' },
  },
)
const mischief = mischiefOf(values.mischief)
const server = await startServer()
const results: StopResult[] = []
let failed = true
try {
  for (let index = 0; index < Number(values.rounds); index++) {
    const place = await server.place(`round-${index + 1}`)
    const seed = Number(values.seed) + index
    console.log(`round ${index + 1}, seed ${seed}`)
    results.push(
      ...(await runStops({ ...place, ...LIMITS, seed, recipients: Number(values.recipients), mischief }, tell)),
    )
  }
  const answers = results.flatMap(({ answerMs }) => answerMs).sort((a, b) => a - b)
  const broken = results.reduce((sum, result) => sum + result.broken.length, 0)
  failed = broken > 0
  const stops = results.reduce((sum, result) => sum + result.stops, 0)
  const answerMs = { p50: answers[Math.floor(answers.length / 2)], max: answers.at(-1) }
  console.log(JSON.stringify({ rounds: Number(values.rounds), stops, answerMs, broken }))
} finally {
  const keep = failed || values.keep
  await server.stop({ keep })
  if (keep) console.log(`The logs are in ${server.folder}`)
}
process.exit(failed ? 1 : 0)

function tell({ name, stops, answerMs, broken }: StopResult): void {
  const verdict = broken.length === 0 ? 'ok    ' : 'BROKEN'
  console.log(`  ${name.padEnd(14)} ${verdict} stopped ${stops} times, answered within ${Math.max(0, ...answerMs)} ms`)
  for (const sentence of broken.slice(0, SENTENCES_MAX)) console.log(`    ${sentence}`)
  if (broken.length > SENTENCES_MAX) console.log(`    … and ${broken.length - SENTENCES_MAX} more`)
}
