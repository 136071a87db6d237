import { Gauge, Registry } from 'prom-client'
import type { AttentionWatch } from './attention-watch.ts'
import type { Dispatcher } from './dispatcher/dispatcher.ts'
import type { MediaEngine } from './media/media-engine.ts'
import { ATTENTION_KINDS } from './model/attention.ts'
import type { SipEndpoint } from './sip/endpoint.ts'
import type { WebhookDeliverer } from './webhooks/deliverer.ts'

export interface Measured {
  readonly dispatcher: Dispatcher
  readonly webhooks: WebhookDeliverer
  readonly sip: SipEndpoint
  readonly media: MediaEngine
  readonly attention: Pick<AttentionWatch, 'count' | 'ageSeconds'>
  /** Who has connections to the database, by name. */
  readonly databases: Readonly<Record<string, { readonly givenUp: number }>>
}

/**
 * Prometheus figures of this node, explained in docs/reference/metrics.md. Figures of batches and organizations are the
 * API's: they are exact and have owners.
 */
export function createMetrics({ dispatcher, webhooks, sip, media, attention, databases }: Measured): Registry {
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
  addSignalling(registry, sip)
  addSound(registry, media)
  addHealth(registry, dispatcher)
  addDatabases(registry, databases)
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

function addSignalling(registry: Registry, sip: SipEndpoint): void {
  new Gauge({
    name: 'carillon_sip_calls_total',
    help: 'Calls over SIP that are over, by the class of the final answer to their INVITE; none: none came',
    labelNames: ['answer'],
    registers: [registry],
    collect() {
      for (const [answer, count] of Object.entries(sip.figures.answers)) this.set({ answer }, count)
    },
  })
  addFigures(registry, () => sip.figures, {
    retransmissions: [
      'sip_retransmissions_total',
      'Requests over UDP that were written again, as nothing had answered',
    ],
    timedOut: ['sip_transactions_timed_out_total', 'Requests that nothing answered within 32 s'],
    malformed: ['sip_malformed_messages_total', 'Datagrams and messages that were no SIP'],
    strayResponses: ['sip_stray_responses_total', 'Answers that belong to no request, late repetitions included'],
    ignoredRequests: ['sip_ignored_requests_total', 'Requests of strangers, which get no answer'],
    transactions: ['sip_transactions', 'Requests that are under way or remembered'],
  })
}

function addSound(registry: Registry, media: MediaEngine): void {
  addFigures(registry, () => media.figures(), {
    sessions: ['rtp_sessions', 'Calls that have sound now'],
    portPairsFree: ['rtp_port_pairs_free', 'Pairs of ports that a call can have'],
    portPairsBusy: ['rtp_port_pairs_aside', 'Pairs of ports that something else on this machine uses'],
    portPairsSetAside: [
      'rtp_port_pairs_set_aside_total',
      'Times that a pair of ports was found in use by something else',
    ],
  })
  addFigures(registry, () => media.figures().totals, {
    sentPackets: ['rtp_sent_packets_total', 'RTP packets sent, of calls that are over'],
    lateFrames: ['rtp_late_frames_total', 'Frames that left more than 20 ms late, of calls that are over'],
    receivedPackets: ['rtp_received_packets_total', 'RTP packets received, of calls that are over'],
    lostPackets: ['rtp_lost_packets_total', 'RTP packets that never arrived, of calls that are over'],
    heard: ['rtp_jitter_milliseconds_count', 'Calls that are over and in which something was received'],
    jitterMs: ['rtp_jitter_milliseconds_sum', 'Sum of the interarrival jitter (RFC 3550) of those calls'],
  })
}

type FigureNames<Figures> = { readonly [Key in keyof Figures]?: readonly [name: string, help: string] }

/** A metric for each figure that has a name. */
function addFigures<Figures extends object>(
  registry: Registry,
  read: () => Figures,
  names: FigureNames<Figures>,
): void {
  for (const [figure, [name, help]] of Object.entries(names) as [keyof Figures, [string, string]][]) {
    new Gauge({
      name: `carillon_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(Number(read()[figure]))
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

function addDatabases(registry: Registry, databases: Measured['databases']): void {
  new Gauge({
    name: 'carillon_database_connections_given_up_total',
    help: 'Connections that were given up since the database host was silent, by whose they were',
    labelNames: ['of'],
    registers: [registry],
    collect() {
      for (const [of, { givenUp }] of Object.entries(databases)) this.set({ of }, givenUp)
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
