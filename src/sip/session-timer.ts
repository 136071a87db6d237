import type { Clock, Timer } from '../clock.ts'
import { parametersOf } from './addresses.ts'
import { type SipHeaders, splitOutside } from './message.ts'

/** No session is refreshed more often, whatever the other side asks (RFC 4028 sets 90 s; tests of peers use less). */
const INTERVAL_SECONDS_MIN = 4
const INTERVAL_SECONDS_MAX = 86_400

/** What a Session-Expires header says; null when there is none that can be read. */
export function readSessionExpires(headers: SipHeaders): { seconds: number; refresher: 'uac' | 'uas' | null } | null {
  const [text, ...parameters] = splitOutside(headers.get('session-expires') ?? '', ';')
  if (text === undefined || !/^\d{1,9}$/.test(text)) return null
  const refresher = parametersOf(parameters).get('refresher')?.toLowerCase()
  return {
    seconds: Math.min(INTERVAL_SECONDS_MAX, Math.max(INTERVAL_SECONDS_MIN, Number(text))),
    refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null,
  }
}

/** Keeps a session alive that one of both sides lets run out otherwise (RFC 4028). */
export class SessionTimer {
  readonly #clock: Clock
  readonly #actions: { readonly refresh: () => void; readonly expired: () => void }
  #timer: Timer | null = null

  constructor(clock: Clock, actions: { refresh: () => void; expired: () => void }) {
    this.#clock = clock
    this.#actions = actions
  }

  /** Starts anew after every request or answer that agreed on an interval. */
  start(seconds: number, weRefresh: boolean): void {
    this.stop()
    const { refresh, expired } = this.#actions
    // The other side hangs up a third of the interval before its end, at most 32 s before; so do we.
    const afterMs = weRefresh ? seconds * 500 : (seconds - Math.min(32, seconds / 3)) * 1000
    this.#timer = this.#clock.setTimer(afterMs, weRefresh ? refresh : expired)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
