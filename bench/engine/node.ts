import { agentKind } from '../../src/agents/registry.ts'
import { systemClock } from '../../src/clock.ts'
import { Dispatcher } from '../../src/dispatcher/dispatcher.ts'
import { IdCipher } from '../../src/model/id-cipher.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { instantCarrier } from './instant-carrier.ts'

/** One node of the engine bench in a process of its own. */
const log = { info() {}, warn: (fields: object, text: string) => console.error(text, fields), error: console.error }
const dispatcher = new Dispatcher({
  store: new PostgresDispatchStore(process.argv[2]!),
  clock: systemClock,
  ids: new IdCipher(Buffer.alloc(16, 7)),
  log,
  nodeName: `bench-${process.pid}`,
  openCarrier: (_organizationId, _trunk, report) => instantCarrier({ clock: systemClock, report }),
  agentKind,
})
process.on('disconnect', () => process.exit(1))
process.on('message', async () => {
  const cpu = process.cpuUsage()
  await dispatcher.stop()
  process.send!({ counters: dispatcher.counters, cpuSeconds: (cpu.user + cpu.system) / 1e6 })
  process.disconnect()
  process.exit(0)
})
await dispatcher.start()
process.send!('ready')
