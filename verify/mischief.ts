import type { Carrier, CarrierContext, CarrierKind } from '../src/carriers/carrier.ts'
import { sleep } from '../src/clock.ts'
import type { CallEvent } from '../src/model/call-event.ts'
import { isSinkMischief, SINK_MISCHIEFS, type SinkMischief } from './webhooks/sink-mischief.ts'

/** What a carrier of a node may do wrong, and the promise that it breaks. */
export const MISCHIEFS = {
  'dials-twice': 'sends every create-call request twice: double calls',
  forgets: 'drops one create-call request in fifty: people who are not called',
  'ends-early': 'reports the end of a call as soon as it was taken: more live calls than allowed',
  'in-bursts': 'collects requests for 300 ms: too many calls a second',
  'sends-late': 'sends one request in ten 6.5 s late: calls after a pause was answered',
  'hides-outcomes': 'reports every ended call as busy: outcomes that are not the truth',
} as const
export type Mischief = keyof typeof MISCHIEFS

export function isMischief(text: string | undefined): text is Mischief {
  return text !== undefined && Object.hasOwn(MISCHIEFS, text)
}

/** What the command line asks for. Ends the program with a list of what there is when it asks for something else. */
export function mischiefOf(text: string | undefined): Mischief | undefined {
  if (text === undefined || isMischief(text)) return text
  return tellMischiefs(MISCHIEFS)
}

/** The same where webhooks are received too. */
export function anyMischiefOf(text: string | undefined): Mischief | SinkMischief | undefined {
  if (text === undefined || isMischief(text) || isSinkMischief(text)) return text
  return tellMischiefs({ ...MISCHIEFS, ...SINK_MISCHIEFS })
}

function tellMischiefs(mischiefs: Readonly<Record<string, string>>): never {
  const known = Object.entries(mischiefs).map(([name, means]) => `  ${name}: ${means}`)
  console.error(`--mischief is one of:\n${known.join('\n')}`)
  return process.exit(2)
}

const BURST_EVERY_MS = 300
const LATE_BY_MS = 6500

/** The same kind of carrier, whose carriers do the mischief. */
export function mischievous(kind: CarrierKind | undefined, mischief: Mischief): CarrierKind | undefined {
  return kind && { ...kind, open: (settings, context) => PLANS[mischief](kind, settings, context) }
}

type Plan = (kind: CarrierKind, settings: unknown, context: CarrierContext) => Carrier

const PLANS: Readonly<Record<Mischief, Plan>> = {
  'dials-twice': (kind, settings, context) =>
    changed(kind.open(settings, context), (carrier, request) => {
      carrier.place(request)
      carrier.place(request)
    }),
  forgets: (kind, settings, context) => {
    let placed = 0
    return changed(kind.open(settings, context), (carrier, request) => {
      if (++placed % 50 !== 0) carrier.place(request)
    })
  },
  'ends-early': (kind, settings, context) =>
    kind.open(settings, {
      ...context,
      report(event, onDurable) {
        context.report(event, onDurable)
        if (event.kind !== 'accepted') return
        const { ref, atEpochMs } = event
        context.report({ kind: 'ended', ref, atEpochMs, disposition: 'answered', cause: 'agent-hung-up' })
      },
    }),
  'in-bursts': (kind, settings, context) =>
    changed(kind.open(settings, context), (carrier, request) => {
      const waitMs = BURST_EVERY_MS - (context.clock.nowEpochMs() % BURST_EVERY_MS)
      context.clock.setTimer(waitMs, () => carrier.place(request))
    }),
  'sends-late': (kind, settings, context) => {
    let placed = 0
    return changed(kind.open(settings, context), async (carrier, request) => {
      if (++placed % 10 === 0) await sleep(context.clock, LATE_BY_MS)
      carrier.place(request)
    })
  },
  'hides-outcomes': (kind, settings, context) => {
    const carrier = kind.open(settings, context)
    return {
      ...bound(carrier),
      decodeCallback(callback) {
        const { status, events } = carrier.decodeCallback!(callback)
        const asBusy = (event: CallEvent): CallEvent =>
          event.kind === 'ended' ? { ...event, disposition: 'busy', cause: 'busy-here' } : event
        return { status, events: events.map(asBusy) }
      },
    }
  },
}

/** The same carrier with another way to place calls. */
function changed(
  carrier: Carrier,
  place: (carrier: Carrier, request: Parameters<Carrier['place']>[0]) => void,
): Carrier {
  return { ...bound(carrier), place: (request) => void place(carrier, request) }
}

/** A class instance keeps its methods on the prototype and its state private, so each is bound to it. */
function bound(carrier: Carrier): Carrier {
  return {
    traits: carrier.traits,
    place: (request) => carrier.place(request),
    hangUp: (call) => carrier.hangUp(call),
    lookUp: (call) => carrier.lookUp(call),
    probe: () => carrier.probe(),
    close: () => carrier.close(),
    ...(carrier.decodeCallback ? { decodeCallback: (callback) => carrier.decodeCallback!(callback) } : {}),
  }
}
