import type { Cause } from '../../model/cause.ts'
import type { AttemptDisposition } from '../../model/disposition.ts'
import type { CallEnding, HangUpReason } from '../../sip/ending.ts'

interface Meaning {
  readonly disposition: AttemptDisposition
  readonly cause: Cause
}

const CARRIER_REFUSED: Meaning = { disposition: 'failed', cause: 'carrier-refused' }
const CARRIER_ERROR: Meaning = { disposition: 'failed', cause: 'carrier-error' }
const UNALLOCATED: Meaning = { disposition: 'failed', cause: 'unallocated-number' }
const CREDENTIALS: Meaning = { disposition: 'failed', cause: 'carrier-credentials' }
const NO_SHARED_SOUND: Meaning = { disposition: 'failed', cause: 'media-not-agreed' }
const NUMBER_CHANGED: Meaning = { disposition: 'failed', cause: 'number-changed' }
const OUT_OF_REACH: Meaning = { disposition: 'no-answer', cause: 'temporarily-unavailable' }
const BUSY: Meaning = { disposition: 'busy', cause: 'busy-here' }
const BLOCKED: Meaning = { disposition: 'rejected', cause: 'blocked-by-callee' }
const DECLINED: Meaning = { disposition: 'rejected', cause: 'declined' }

/**
 * Every final answer that is registered for SIP, and the classes for those that are not. Who refuses decides: the called
 * person (busy, rejected), the number (failed), or the carrier (failed, and the trunk's breaker counts `carrier-error`).
 */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  300: CARRIER_REFUSED,
  301: NUMBER_CHANGED,
  302: CARRIER_REFUSED,
  305: CARRIER_REFUSED,
  380: CARRIER_REFUSED,
  400: CARRIER_REFUSED,
  401: CREDENTIALS,
  402: { disposition: 'failed', cause: 'carrier-out-of-credit' },
  403: CARRIER_REFUSED,
  404: UNALLOCATED,
  405: CARRIER_REFUSED,
  406: CARRIER_REFUSED,
  407: CREDENTIALS,
  408: OUT_OF_REACH,
  410: NUMBER_CHANGED,
  412: CARRIER_REFUSED,
  413: CARRIER_REFUSED,
  414: CARRIER_REFUSED,
  415: NO_SHARED_SOUND,
  416: CARRIER_REFUSED,
  417: CARRIER_REFUSED,
  420: CARRIER_REFUSED,
  421: CARRIER_REFUSED,
  422: CARRIER_REFUSED,
  423: CARRIER_REFUSED,
  424: CARRIER_REFUSED,
  425: CARRIER_REFUSED,
  428: CARRIER_REFUSED,
  429: { disposition: 'failed', cause: 'carrier-rate-limited' },
  430: CARRIER_REFUSED,
  433: BLOCKED,
  436: CARRIER_REFUSED,
  437: CARRIER_REFUSED,
  438: CARRIER_REFUSED,
  439: CARRIER_REFUSED,
  440: CARRIER_REFUSED,
  469: CARRIER_REFUSED,
  470: CARRIER_REFUSED,
  480: OUT_OF_REACH,
  481: CARRIER_ERROR,
  482: CARRIER_ERROR,
  483: CARRIER_ERROR,
  484: { disposition: 'failed', cause: 'number-incomplete' },
  485: CARRIER_REFUSED,
  486: BUSY,
  487: OUT_OF_REACH,
  488: NO_SHARED_SOUND,
  489: CARRIER_REFUSED,
  491: CARRIER_ERROR,
  493: CARRIER_REFUSED,
  494: CARRIER_REFUSED,
  500: CARRIER_ERROR,
  501: CARRIER_ERROR,
  502: CARRIER_ERROR,
  503: CARRIER_ERROR,
  504: CARRIER_ERROR,
  505: CARRIER_ERROR,
  513: CARRIER_ERROR,
  555: CARRIER_ERROR,
  580: CARRIER_ERROR,
  600: { disposition: 'busy', cause: 'busy-everywhere' },
  603: DECLINED,
  604: UNALLOCATED,
  606: NO_SHARED_SOUND,
  607: BLOCKED,
  608: BLOCKED,
}

const CLASSES: readonly (readonly [from: number, meaning: Meaning])[] = [
  [600, DECLINED],
  [500, CARRIER_ERROR],
  [300, CARRIER_REFUSED],
]

/** Causes of Q.850 that say more than the class of the answer they come with. */
const BY_Q850: Readonly<Record<number, Meaning>> = {
  1: UNALLOCATED,
  17: BUSY,
  18: OUT_OF_REACH,
  19: { disposition: 'no-answer', cause: 'ring-timeout' },
  20: OUT_OF_REACH,
  21: DECLINED,
  22: NUMBER_CHANGED,
  28: { disposition: 'failed', cause: 'number-incomplete' },
}

/** Answers of a gateway that knows no better and names the reason in Q.850 only. */
const VAGUE: ReadonlySet<number> = new Set([400, 403, 480, 500, 502, 503])

/** What a final answer from 300 on means. Total: every number has a meaning. */
export function meaningOfRefusal(status: number, q850: number | null): Meaning {
  const told = q850 === null || !VAGUE.has(status) ? undefined : BY_Q850[q850]
  return told ?? MEANINGS[status] ?? CLASSES.find(([from]) => status >= from)?.[1] ?? CARRIER_REFUSED
}

const GIVEN_UP = {
  'ring-timeout': { disposition: 'no-answer', cause: 'ring-timeout' },
  user: { disposition: 'cancelled', cause: 'cancelled-by-user' },
  'shut-down': { disposition: 'cancelled', cause: 'shut-down' },
  finished: { disposition: 'cancelled', cause: 'cancelled-by-user' },
  'max-duration': { disposition: 'no-answer', cause: 'ring-timeout' },
  'media-lost': { disposition: 'failed', cause: 'media-lost' },
  'media-not-agreed': NO_SHARED_SOUND,
} as const satisfies Record<HangUpReason, Meaning>

const HUNG_UP = {
  'ring-timeout': 'answered-too-late',
  user: 'hung-up-by-user',
  'shut-down': 'shut-down',
  finished: 'agent-hung-up',
  'max-duration': 'max-duration',
  'media-lost': 'media-lost',
  'media-not-agreed': 'media-not-agreed',
} as const satisfies Record<HangUpReason, Cause>

/** How a call ended, in our words. A call that was answered ends `answered`, whatever came of it. */
export function meaningOfEnding(ending: CallEnding): Meaning {
  switch (ending.kind) {
    case 'refused':
      return meaningOfRefusal(ending.status, ending.q850)
    case 'given-up':
      return refusedMeanwhile(ending) ?? GIVEN_UP[ending.why]
    case 'answered-too-late':
      return { disposition: 'answered', cause: 'answered-too-late' }
    case 'hung-up':
      return { disposition: 'answered', cause: ending.by === 'callee' ? 'callee-hung-up' : HUNG_UP[ending.why] }
    case 'vanished':
      return { disposition: 'answered', cause: 'media-lost' }
    case 'lost':
      return { disposition: 'failed', cause: 'carrier-error' }
  }
}

/** Busy and declined cross a CANCEL too; 487 is the answer to it, and gateways end with 480 or 408 what rang out. */
function refusedMeanwhile({ status, q850 }: { status: number | null; q850: number | null }): Meaning | null {
  if (status === null || status === 487 || status === 480 || status === 408) return null
  if (status >= 500 && status < 600) return null
  return meaningOfRefusal(status, q850)
}
