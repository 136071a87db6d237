import { AppError } from '../errors.ts'
import { minimumWindowSeconds } from '../model/minimum-window.ts'
import type { Gate } from '../store/gate.ts'
import type { Client } from '../store/owner-transaction.ts'
import { readWindowFacts } from '../store/window-facts.ts'

/**
 * Refuses a batch, as it stands in this transaction, whose time will be over before everyone can have been called. A
 * batch without an expiry has all the time there is.
 *
 * @throws AppError `window-too-short` that names the seconds it needs.
 */
export async function checkMinimumWindow(client: Client, gate: Gate, batchId: number): Promise<void> {
  const facts = await readWindowFacts(client, { organizationId: gate.organizationId, batchId })
  if (facts.expires_at === null) return
  const opensAtEpochMs = Math.max(gate.nowEpochMs, facts.start_at?.getTime() ?? 0)
  const hasSeconds = (facts.expires_at.getTime() - opensAtEpochMs) / 1000
  const needed = minimumWindowSeconds({
    calls: facts.waiting,
    concurrency: facts.concurrency,
    callsPerSecond: facts.calls_per_second,
    throttleRules: facts.throttle_rules ?? [],
    recentAttempts: facts.recent_attempts,
    recentTalkMs: facts.recent_talk_ms,
  })
  if (hasSeconds >= needed) return
  const least = Number.isFinite(needed) ? `${Math.ceil(needed)} seconds` : 'a limit that lets calls through'
  throw new AppError('window-too-short', { field: 'expiresAt', args: [facts.waiting, least, Math.floor(hasSeconds)] })
}
