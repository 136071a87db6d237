import type { AgentKind, Variables } from '../agents/agent.ts'
import type { AgentSpeech } from '../carriers/carrier.ts'
import type { Clock } from '../clock.ts'
import type { IdCipher } from '../model/id-cipher.ts'
import type { ClaimedRecipient } from '../store/claim-recipients.ts'
import { type AskedAt, millisecondsSince } from './cycle.ts'
import type { LiveCall } from './live-call.ts'
import type { OrganizationDesk } from './organization-desk.ts'
import { agentOf, type BatchMirror, SEND_DEADLINE_MS } from './organization-mirror.ts'
import type { TrunkCarriers } from './trunk-carriers.ts'

export interface DialOptions {
  readonly clock: Clock
  readonly ids: IdCipher
  readonly carriers: TrunkCarriers
  readonly agentKind: (kind: string) => AgentKind | undefined
}

/** The calls of committed intents, not yet placed. */
export function newCalls(
  desk: OrganizationDesk,
  claims: readonly ClaimedRecipient[],
  options: { ids: IdCipher; claimedAtEpochMs: number },
): LiveCall[] {
  const refs = options.ids.encodeAttempts(desk.organizationId, claims)
  return claims.map((claim, index) => desk.newCall(refs[index]!, claim, options.claimedAtEpochMs))
}

/**
 * Sends the create-call of one committed intent, now or never; the caller has seen its COMMIT and calls this once.
 * An intent that is too old is not sent: the owner knows that it never wrote a byte, and says `not-sent`.
 */
export function dial(
  desk: OrganizationDesk,
  {
    call,
    claim,
    options,
    askedAt,
  }: { call: LiveCall; claim: ClaimedRecipient; options: DialOptions; askedAt: AskedAt },
): void {
  const { clock } = options
  const batch = desk.mirror.batches.get(claim.batchId)
  const carrier = options.carriers.get(desk.organizationId, claim.trunkId)
  const definition = batch && agentOf(batch, claim.lane)
  const agent = definition && options.agentKind(definition.kind)
  if (!batch || !carrier || !agent) {
    endUnsent(desk, call, { cause: 'trunk-unreachable', clock })
    return
  }
  let speech: AgentSpeech
  try {
    speech = agent.speech(definition.settings, () => variablesOf(batch, claim.variables))
  } catch {
    call.endAs('failed', 'agent-error', clock.nowEpochMs())
    desk.touch(call)
    return
  }
  call.lastsAtMost(batch.definition)
  // Nothing may come between check and write.
  const now = { monotonicMs: clock.monotonicMs(), epochMs: clock.nowEpochMs() }
  call.newsAtMonotonicMs = now.monotonicMs
  const elapsedMs = millisecondsSince(askedAt, now)
  const sendWithinMs = Math.min(claim.sendWithinMs, SEND_DEADLINE_MS) - elapsedMs
  if (sendWithinMs <= 0) {
    endUnsent(desk, call, { cause: 'deadline-missed', clock })
    return
  }
  carrier.place({
    ref: call.ref,
    to: `+${claim.digits}`,
    from: batch.lanes.get(claim.lane)?.caller ?? batch.definition.caller,
    ringTimeoutSeconds: batch.definition.ringTimeoutSeconds,
    maxCallSeconds: batch.definition.maxCallSeconds,
    speech,
    sendWithinMs,
  })
}

/** Says of a committed intent that not one byte of its create-call was written: its recipient is due again. */
export function endUnsent(
  desk: OrganizationDesk,
  call: LiveCall,
  why: { cause: 'trunk-unreachable' | 'deadline-missed' | 'stopped-before-send'; clock: Clock },
): void {
  call.endAs('not-sent', why.cause, why.clock.nowEpochMs())
  desk.touch(call)
}

function variablesOf(batch: BatchMirror, stored: string | null): Variables {
  if (stored === null) return {}
  const parsed: unknown = JSON.parse(stored)
  if (!Array.isArray(parsed)) return parsed as Variables
  const names = batch.definition.variableNames ?? []
  // No column is called `__proto__`: such a file is refused.
  const variables: Record<string, unknown> = {}
  for (let index = 0; index < names.length; index++) variables[names[index]!] = parsed[index]
  return variables
}
