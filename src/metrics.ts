import { Gauge, Registry } from 'prom-client'
import type { AttentionWatch } from './attention-watch.ts'
import type { Dispatcher } from './dispatcher/dispatcher.ts'
import { ATTENTION_KINDS } from './model/attention.ts'
import type { WebhookDeliverer } from './webhooks/deliverer.ts'

/** Prometheus figures of this node. Figures of batches and organizations are the API's: they are exact and have owners. */
export function createMetrics(
  dispatcher: Dispatcher,
  webhooks: WebhookDeliverer,
  attention: Pick<AttentionWatch, 'count' | 'ageSeconds'>,
): Registry {
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
  addHealth(registry, dispatcher)
  addAttention(registry, attention)
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

function addHealth(registry: Registry, dispatcher: Dispatcher): void {
  new Gauge({
    name: 'carillon_lease_valid',
    help: '1 while the lease of this node holds; at 0 it dials nobody',
    registers: [registry],
    collect() {
      this.set(dispatcher.lease.valid ? 1 : 0)
    },
  })
  new Gauge({
    name: 'carillon_organizations_failing',
    help: 'Organizations whose latest dispatch transaction failed on this node',
    registers: [registry],
    collect() {
      this.set(dispatcher.counters.failing.size)
    },
  })
}

/** What needs somebody, over all organizations, from the last walk: every node tells the same. */
function addAttention(registry: Registry, attention: Pick<AttentionWatch, 'count' | 'ageSeconds'>): void {
  new Gauge({
    name: 'carillon_attention',
    help: 'Things that need somebody, by kind; docs/guides/operations.md says what to do',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      for (const kind of ATTENTION_KINDS) this.set({ kind }, attention.count(kind))
    },
  })
  new Gauge({
    name: 'carillon_attention_age_seconds',
    help: 'Age of the figures of carillon_attention; NaN before the first walk. Above 300 they tell nothing',
    registers: [registry],
    collect() {
      this.set(attention.ageSeconds ?? Number.NaN)
    },
  })
}
