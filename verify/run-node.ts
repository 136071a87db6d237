// One node of Carillon in a process of its own, configured by the environment as any other.
//   node --import ./test/run-typescript.mjs verify/run-node.ts [mischief] [tones]
// With a mischief its carriers do what carriers must never do, to see that the judge finds it. With `tones` its voice is a
// sound of its own for each text, made at once, so that no voice needs to be installed.
import type { CarrierKind } from '../src/carriers/carrier.ts'
import { carrierKind } from '../src/carriers/registry.ts'
import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { startServer } from '../src/main.ts'
import { toneVoices } from '../test/sip/trunk-bench.ts'
import { isMischief, mischievous } from './mischief.ts'

const TONE_SECONDS = 1

const args = process.argv.slice(2)
const mischief = args.find(isMischief)
const config = loadConfig()
const log = createLogger({ level: config.logLevel, nodeName: config.nodeName })
const server = await startServer(config, log, { carrierKind: kindOf })
process.on('disconnect', () => process.exit(1))
process.on('message', async (message: 'stop' | { blockMs: number }) => {
  if (message !== 'stop') {
    const untilMs = performance.now() + message.blockMs
    while (performance.now() < untilMs);
    return
  }
  await server.stop()
  process.exit(0)
})
process.send!({ url: server.url })

function kindOf(name: string): CarrierKind | undefined {
  const kind = args.includes('tones') ? speaking(carrierKind(name)) : carrierKind(name)
  return mischief === undefined ? kind : mischievous(kind, mischief)
}

function speaking(kind: CarrierKind | undefined): CarrierKind | undefined {
  if (kind === undefined) return undefined
  return {
    ...kind,
    open: (settings, context) => kind.open(settings, { ...context, voices: toneVoices(TONE_SECONDS) }),
  }
}
