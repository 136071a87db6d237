import { z } from 'zod'
import type { JudgeEntry } from './judge-log.ts'
import type { SimulatedNetwork } from './network.ts'

const startedEntry = z.object({ callId: z.string(), ref: z.string(), callbackUrls: z.array(z.string()) })
const tellingEntry = z.object({ callId: z.string(), happenedAtEpochMs: z.number(), ending: z.string().optional() })

/** The acceptance opens every story and is told by `call-started` itself. */
const ACCEPTANCE = 1

interface Recovered {
  readonly callId: string
  readonly callbackUrls: readonly string[]
}

/**
 * Puts the calls of an earlier run's log back into the network and returns those that are not over. What happened while no process ran is told late;
 * what the log holds is not told again. The words of the calls are lost, the ids hold only their length.
 */
export function recoverCalls(entries: readonly JudgeEntry[], network: SimulatedNetwork): Recovered[] {
  const started = entries.flatMap((entry) => (entry.what === 'call-started' ? [startedEntry.parse(entry)] : []))
  const pasts = new Map<string, { told: number; ended: boolean; hungUpAtEpochMs?: number }>()
  for (const entry of entries) {
    if (!/^call-(ringing|answered|ended)$/.test(entry.what)) continue
    const { callId, happenedAtEpochMs, ending } = tellingEntry.parse(entry)
    const told = (pasts.get(callId)?.told ?? ACCEPTANCE) + 1
    const hungUpAtEpochMs = ending?.startsWith('hung-up') ? happenedAtEpochMs : undefined
    pasts.set(callId, { told, ended: ending !== undefined, hungUpAtEpochMs })
  }
  return started.filter(({ callId, ref }) => {
    const past = pasts.get(callId) ?? { told: ACCEPTANCE, ended: false }
    return network.takeOver(callId, ref, past) !== null && !past.ended
  })
}
