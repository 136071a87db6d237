import type { Clock, Timer } from '../../clock.ts'
import type { JudgeLog } from './judge-log.ts'

const LOOK_EVERY_MS = 10
const WINDOW_MS = 100
/** Delays below this are normal and are not written; a window without a line had none above it. */
const NOTABLE_LAG_MS = 5

/**
 * Writes the longest delay of this process's event loop in each window of 100 ms, so that a judge does not
 * blame a node for the network's own pauses.
 */
export function watchEventLoop(clock: Clock, log: JudgeLog): Timer {
  let lookedAtMs = clock.monotonicMs()
  let windowStartedAtMs = lookedAtMs
  let longestMs = 0
  let timer = clock.setTimer(LOOK_EVERY_MS, look)

  function look(): void {
    const nowMs = clock.monotonicMs()
    longestMs = Math.max(longestMs, nowMs - lookedAtMs - LOOK_EVERY_MS)
    if (nowMs - windowStartedAtMs >= WINDOW_MS) {
      const windowMs = Math.round(nowMs - windowStartedAtMs)
      if (longestMs >= NOTABLE_LAG_MS) log.append('event-loop-lag', { longestMs: Math.round(longestMs), windowMs })
      windowStartedAtMs = nowMs
      longestMs = 0
    }
    lookedAtMs = nowMs
    timer = clock.setTimer(LOOK_EVERY_MS, look)
  }

  return { cancel: () => timer.cancel() }
}
