import { carrierKind } from '../../src/carriers/registry.ts'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { startServer } from '../../src/main.ts'
import { toneVoices } from './trunk-bench.ts'

/** A whole server whose trunks speak with tones; says where it listens. Runs until it is killed. */
export async function startTestNode() {
  return startServer(loadConfig(), createLogger({ level: process.env.TEST_LOG ?? 'silent' }), {
    carrierKind(name) {
      const kind = carrierKind(name)
      if (kind === undefined) return undefined
      return { ...kind, open: (settings, context) => kind.open(settings, { ...context, voices: toneVoices() }) }
    },
  })
}

if (process.argv[1] === import.meta.filename) {
  const server = await startTestNode()
  console.log(JSON.stringify({ url: server.url }))
}
