import { onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../src/clock.ts'
import { listDeliveries } from '../src/commands/webhook-deliveries.ts'
import { createWebhook, getWebhook, type WebhookInput } from '../src/commands/webhooks.ts'
import { webhookForm } from '../src/dialects/registry.ts'
import { createPool } from '../src/store/database.ts'
import { WebhookDeliverer } from '../src/webhooks/deliverer.ts'
import type { WebhookForm } from '../src/webhooks/webhook-form.ts'
import { type CommandWorld, commandWorld } from './command-world.ts'
import { loopbackTargets } from './loopback-targets.ts'

export interface WebhookWorld extends CommandWorld {
  /** A deliverer as a node of its own has it; it delivers when it is told to. */
  readonly node: (options?: { clock?: Clock; form?: (name: string) => WebhookForm | undefined }) => WebhookDeliverer
  /** Makes an endpoint and returns its id and its secret. */
  readonly hook: (input: WebhookInput) => Promise<{ id: string; secret: string }>
  readonly deliveries: (id: string) => ReturnType<typeof deliveriesOf>
  readonly webhook: (id: string) => ReturnType<typeof getWebhook>
  /** The database's time stands still here from now on. */
  readonly setTime: (instant: Date) => Promise<void>
}

export async function webhookWorld(options: { clock?: Clock } = {}): Promise<WebhookWorld> {
  const world = await commandWorld(options)
  const { context, actor } = world
  return {
    ...world,
    node: (parts = {}) => nodeOn(world, parts),
    async hook(input) {
      const { webhook, secret } = await createWebhook(context, actor, input)
      return { id: webhook.id, secret }
    },
    deliveries: (id) => deliveriesOf(world, id),
    webhook: (id) => getWebhook(context, actor, id),
    async setTime(instant) {
      await world.sql(
        `CREATE OR REPLACE FUNCTION carillon_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
         AS 'SELECT timestamptz ''${instant.toISOString()}'''`,
      )
    },
  }
}

function nodeOn(
  { context, connectionString }: CommandWorld,
  parts: { clock?: Clock; form?: (name: string) => WebhookForm | undefined },
): WebhookDeliverer {
  const pool = createPool(connectionString, { maxConnections: 3, applicationName: 'webhooks-in-a-test' })
  const deliverer = new WebhookDeliverer({
    context: { ...context, database: pool },
    clock: parts.clock ?? systemClock,
    guard: loopbackTargets,
    form: parts.form ?? webhookForm,
    log: { info() {}, warn() {} },
  })
  onTestFinished(async () => {
    await deliverer.stop()
    await pool.end()
  })
  return deliverer
}

/** Oldest first. */
async function deliveriesOf({ context, actor }: CommandWorld, id: string) {
  const { items } = await listDeliveries(context, actor, id, { limit: 1_000 })
  return [...items].reverse()
}
