import { createHash } from 'node:crypto'
import type { CallRequest, CarrierContext } from '../../src/carriers/carrier.ts'
import { type SipSettings, sipSettings } from '../../src/carriers/sip/config.ts'
import { SipTrunk } from '../../src/carriers/sip/trunk.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createMediaEngine } from '../../src/media/engine.ts'
import type { MediaEngine } from '../../src/media/media-engine.ts'
import type { CallEvent } from '../../src/model/call-event.ts'
import { SipEndpoint } from '../../src/sip/endpoint.ts'
import type { NameService } from '../../src/sip/resolve.ts'
import type { Voices } from '../../src/voices/voices.ts'
import { loopbackTargets } from '../loopback-targets.ts'
import { promptOf, soundOf } from '../media/sound.ts'

export interface TrunkBench {
  readonly trunk: SipTrunk
  readonly sip: SipEndpoint
  readonly events: CallEvent[]
  readonly warnings: string[]
  readonly context: CarrierContext
  place(changes?: Partial<CallRequest>): string
  /** What was told of a call, as `kind` or `ended: disposition (cause) status`. */
  story(ref: string): string
  until(condition: () => boolean, what?: string): Promise<void>
  ended(ref: string): Promise<Extract<CallEvent, { kind: 'ended' | 'not-sent' }>>
  stop(): Promise<void>
}

let made = 0
let engine: MediaEngine | null = null

/** One for the process: a worker thread that loads TypeScript takes the process along when another one was ended before. */
export function sound(): MediaEngine {
  const first = 20_000 + (process.pid % 120) * 100
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  engine ??= createMediaEngine({
    clock: systemClock,
    log: log as never,
    ports: { first, last: first + 999 },
    workers: 1,
  })
  return engine
}

/** A voice that says every text as a sound of its own, at once. */
export function toneVoices(seconds = 0.5): Voices {
  const seedOf = (text: string) => createHash('sha256').update(text).digest().readUInt32BE()
  return { prepare: async ({ text }) => promptOf(soundOf(seedOf(text), seconds)) }
}

/** The product's own trunk, SIP side and sound on real sockets and the real clock. */
export function trunkBench(
  settings: Partial<SipSettings> & { host?: string },
  options: {
    clock?: Clock
    names?: NameService
    bindAddresses?: readonly string[]
    voices?: Voices
    media?: MediaEngine
  } = {},
): TrunkBench {
  const clock = options.clock ?? systemClock
  const events: CallEvent[] = []
  const warnings: string[] = []
  const log = {
    info: () => undefined,
    warn: (fields: { err?: Error }, text: string) => void warnings.push(`${text}: ${fields.err?.message}`),
  }
  const sip = new SipEndpoint({
    clock,
    bindAddresses: options.bindAddresses ?? ['127.0.0.1'],
    port: 0,
    advertisedAddress: null,
    allowedPrivateTargets: ['127.0.0.0/8', '::1/128'],
  })
  const context: CarrierContext = {
    clock,
    report: (event) => void events.push(event),
    log,
    targets: loopbackTargets,
    callbackUrl: '',
    media: options.media ?? sound(),
    voices: options.voices ?? toneVoices(),
    sip,
  }
  const trunk = new SipTrunk(sipSettings.parse({ host: '127.0.0.1', ...settings }), context, options.names)
  const until = async (condition: () => boolean, what = 'a condition'): Promise<void> => {
    const start = performance.now()
    while (!condition()) {
      if (performance.now() - start > 100_000)
        throw new Error(`never came: ${what}; told: ${JSON.stringify(events)} ${warnings}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const endOf = (ref: string) =>
    events.find((event) => event.ref === ref && (event.kind === 'ended' || event.kind === 'not-sent'))
  return {
    trunk,
    sip,
    events,
    warnings,
    context,
    until,
    place(changes = {}) {
      const ref = changes.ref ?? (++made).toString(16).padStart(32, '0')
      trunk.place({
        ref,
        to: '+14155550142',
        from: '+14155550100',
        ringTimeoutSeconds: 20,
        maxCallSeconds: 60,
        sendWithinMs: 5000,
        speech: { text: 'Good morning, this is a test.', waitForKeySeconds: 0 },
        ...changes,
      })
      return ref
    },
    story: (ref) =>
      events
        .filter((event) => event.ref === ref)
        .map(wordOf)
        .join(' '),
    async ended(ref) {
      await until(() => endOf(ref) !== undefined, `the end of ${ref}`)
      return endOf(ref) as Extract<CallEvent, { kind: 'ended' | 'not-sent' }>
    },
    async stop() {
      await trunk.close()
      sip.close()
    },
  }
}

function wordOf(event: CallEvent): string {
  if (event.kind === 'not-sent') return `not-sent (${event.cause})`
  if (event.kind !== 'ended') return event.kind
  const { disposition, cause, sipStatus, q850Cause } = event
  return `ended: ${disposition} (${cause})${sipStatus ? ` ${sipStatus}` : ''}${q850Cause ? ` Q.850 ${q850Cause}` : ''}`
}
