import os from 'node:os'
import type { SystemCalls } from '../udp/system-calls.ts'
import type { WorkerStart } from './worker-messages.ts'

/**
 * A frame that waits for a core is late, and on a busy machine a thread waits for tens of milliseconds. So this thread
 * goes before all others as far as the system lets us, as telephone exchanges do: it needs a core for a short while every
 * 5 ms and is never busy for long. `calls` is null where system calls cannot be had.
 */
export function raiseThreadPriority(calls: SystemCalls | null): WorkerStart['priority'] {
  if (calls?.enterRealTime()) return 'real-time'
  // Elsewhere than on Linux 0 is the whole process, whose other threads should not go before anything.
  if (process.platform !== 'linux') return 'normal'
  try {
    os.setPriority(0, os.constants.priority.PRIORITY_HIGH)
    return 'raised'
  } catch {
    return 'normal'
  }
}
