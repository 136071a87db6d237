import { Gauge, Registry } from 'prom-client'
import type { Dispatcher } from './dispatcher/dispatcher.ts'
import type { WebhookDeliverer } from './webhooks/deliverer.ts'

/** Prometheus figures of this node. Figures of batches and organizations are the API's: they are exact and have owners. */
export function createMetrics(dispatcher: Dispatcher, webhooks: WebhookDeliverer): Registry {
  const registry = new Registry()
  const counters = {
    cycles: 'Dispatch transactions that were committed',
    cyclesFailed: 'Dispatch transactions that failed and were tried again',
    dialed: 'Create-call requests handed to a carrier',
    ended: 'Calls that ended',
    notSent: 'Intents that were never sent to a carrier',
    unknown: 'Attempts whose outcome could not be found out',
    terminalConflicts: 'Definite ends that contradicted a definite end and were not applied',
    corrected: 'Outcomes that late evidence corrected',
    unmatchedEvents: 'Evidence of attempts that do not exist',
    adopted: 'Live calls taken over from dead nodes',
  } as const
  for (const [name, help] of Object.entries(counters)) {
    new Gauge({
      name: `carillon_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`,
      help,
      registers: [registry],
      collect() {
        this.set(dispatcher.counters[name as keyof typeof counters])
      },
    })
  }
  addWebhooks(registry, webhooks)
  new Gauge({
    name: 'carillon_live_calls',
    help: 'Live calls that this node owns',
    registers: [registry],
    collect() {
      this.set(dispatcher.liveCalls)
    },
  })
  return registry
}

function addWebhooks(registry: Registry, webhooks: WebhookDeliverer): void {
  const counters = {
    delivered: 'Webhooks that their receiver took',
    failed: 'Tries of webhooks that failed',
    givenUp: 'Webhooks that were given up after their last try',
    paused: 'Times that an endpoint was paused since it is gone or keeps failing',
  } as const
  for (const [name, help] of Object.entries(counters)) {
    new Gauge({
      name: `carillon_webhooks_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`,
      help,
      registers: [registry],
      collect() {
        this.set(webhooks.counters[name as keyof typeof counters])
      },
    })
  }
}
