// A node that does nothing but deliver webhooks of the database given, until it is killed.
import { agentKind } from '../../src/agents/registry.ts'
import { carrierKind } from '../../src/carriers/registry.ts'
import { systemClock } from '../../src/clock.ts'
import { ensureInstallation } from '../../src/commands/bootstrap.ts'
import { webhookForm } from '../../src/dialects/registry.ts'
import { createPool } from '../../src/store/database.ts'
import { WebhookDeliverer } from '../../src/webhooks/deliverer.ts'
import { loopbackTargets } from '../loopback-targets.ts'

const database = createPool(process.argv[2]!, { maxConnections: 3 })
const clock = systemClock
const secrets = await ensureInstallation(database, clock)
const kinds = { carrierKind, agentKind, webhookForm }
const context = { database, clock, secrets, signals: { wake() {} }, ...kinds, targets: loopbackTargets }
const log = { info() {}, warn() {} }
new WebhookDeliverer({ context, clock, guard: loopbackTargets, form: webhookForm, log }).start()
setInterval(() => undefined, 1_000)
