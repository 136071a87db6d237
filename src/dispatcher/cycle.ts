import type { ClaimedRecipient } from '../store/claim-recipients.ts'
import type { AgentDefinition, TrunkDefinition } from '../store/definitions.ts'
import type { DispatchStore, DispatchTransaction } from '../store/dispatch-store.ts'
import type { EndedCall } from '../store/end-calls.ts'
import type { Gate } from '../store/gate.ts'
import type { LaneState, TrunkState } from '../store/lane-states.ts'
import type { LiveCallRow } from '../store/live-calls.ts'
import { endedCallRow, pressed } from './call-rows.ts'
import type { LiveCall } from './live-call.ts'
import type { Inbox, OrganizationDesk } from './organization-desk.ts'
import { agentOf, type Freed, type Wanted } from './organization-mirror.ts'
import { type ResolvedStrays, resolveStrays } from './stray-evidence.ts'

/** Lanes whose figures a patrol reads again at once. */
const REFRESHED_LANES_MAX = 500

export interface CycleOptions {
  readonly store: DispatchStore
  readonly nodeId: number
  /** False: nothing new is claimed (the node drains); what arrived is still written. */
  readonly claiming: boolean
  readonly skipIfTaken: boolean
  /** Work of the cycle before that may be done while the server works on this one. */
  readonly whileUnderway: () => void
  /** Both clocks, read right before the claim is sent: the send deadline counts from here. */
  readonly stamp: () => SentAt
  readonly refOf: (call: LiveCallRow) => string
  /** The key by which people to whom an agent speaks ask not to be called again; null: there is none. */
  readonly stopKeyOf: (agent: AgentDefinition) => string | null
  /** Gets the organization's trunks whenever its definitions have changed. */
  readonly learnTrunks: (trunks: readonly TrunkDefinition[]) => void
}

/** When a claim was sent, by a clock that never jumps and by one that counts while the machine sleeps. */
export interface SentAt {
  readonly monotonicMs: number
  readonly epochMs: number
}

/** What one transaction has made true. */
export interface CycleResult {
  readonly gate: Gate
  readonly inbox: Inbox
  readonly ended: readonly LiveCall[]
  readonly endedRows: readonly EndedCall[]
  readonly progressed: readonly Progress[]
  readonly adopted: readonly LiveCallRow[]
  readonly claimed: readonly ClaimedRecipient[]
  readonly sentAt: SentAt
  readonly strays: ResolvedStrays
  readonly lanes: readonly LaneState[]
  readonly trunks: readonly TrunkState[]
}

/** A call and the state that was written for it; more may have arrived while it was being written. */
interface Progress {
  readonly call: LiveCall
  readonly state: number
  readonly carrierCallId: string | null
  readonly carrierState: string | null
}

/** The promises of a transaction that is on its way, COMMIT included. */
interface Underway {
  readonly gate: Gate
  readonly ended: readonly LiveCall[]
  readonly endedRows: readonly EndedCall[]
  readonly progressed: readonly Progress[]
  readonly adopted: readonly LiveCallRow[]
  readonly claims: readonly Promise<ClaimedRecipient[]>[]
  readonly sentAt: SentAt
  readonly strays: ResolvedStrays
  readonly lanes: Promise<LaneState[]>
  readonly trunks: Promise<TrunkState[]>
}

/**
 * One transaction for everything that has arrived for an organization: ends, progress, chores, and the next claims, so
 * that a freed slot is used again in the very commit that frees it. Two round trips: the gate, then all the rest.
 *
 * Null: another transaction holds the gate and `skipIfTaken` was set; nothing was written and the inbox is back.
 * When it throws, the inbox is back as well (for {@link StaleCopies} as evidence to be judged by the rows), and what may or may not have been committed is found out by later cycles.
 */
export async function runCycle(desk: OrganizationDesk, options: CycleOptions): Promise<CycleResult | null> {
  const inbox = desk.takeInbox()
  try {
    const underway = await options.store.underGate(
      desk.organizationId,
      { skipIfTaken: options.skipIfTaken, whileUnderway: options.whileUnderway },
      (gate, transaction) => planCycle(desk, { inbox, gate, transaction, options }),
    )
    if (!underway) {
      desk.restore(inbox)
      return null
    }
    const claimed = (await Promise.all(underway.claims)).flat()
    return {
      ...underway,
      inbox,
      claimed,
      lanes: await underway.lanes,
      trunks: await underway.trunks,
    }
  } catch (error) {
    desk.restore(inbox)
    throw error
  }
}

interface Plan {
  readonly inbox: Inbox
  readonly gate: Gate
  readonly transaction: DispatchTransaction
  readonly options: CycleOptions
}

async function planCycle(desk: OrganizationDesk, plan: Plan): Promise<Underway> {
  const { inbox, gate, transaction, options } = plan
  const { mirror } = desk
  mirror.see(gate)
  const adopted = await doChores(desk, plan)
  const strays = await resolveStrays(desk, { strays: inbox.strays, transaction, nodeId: options.nodeId })
  const calls = [...inbox.calls, ...strays.calls]
  await learnMissingBatches(desk, transaction, [...calls, ...strays.corrected])
  const ended = calls.filter((call) => call.ending !== null)
  const asking = new Set([...ended, ...strays.corrected].filter((call) => asksToStop(desk, call, options)))
  const endedRows = ended.map((call) =>
    endedCallRow(call, {
      batch: mirror.batches.get(call.batchId),
      nowEpochMs: gate.nowEpochMs,
      asksToStop: asking.has(call),
    }),
  )
  const progressed = calls
    .filter((call) => call.ending === null && call.unsaved)
    .map((call) => ({
      call,
      state: call.reachedState,
      carrierCallId: call.carrierCallId,
      carrierState: call.carrierState,
    }))
  if (inbox.carrierEvents.length > 0) transaction.recordCarrierEvents(inbox.carrierEvents)
  if (progressed.length > 0) transaction.progressCalls(progressed.map(({ call }) => call))
  if (ended.length > 0) transaction.endCalls(endedRows)
  if (asking.size > 0) transaction.suppressRecipients([...asking], 'asked during a call')
  for (const [trunkId, health] of inbox.trunkHealth) transaction.setTrunkHealth(trunkId, health)

  const freed = slotsFreed(ended)
  const wanted: Wanted = options.claiming ? mirror.choose(gate.nowEpochMs, freed) : { cursor: [], due: [] }
  const sentAt = options.stamp()
  const claims: Promise<ClaimedRecipient[]>[] = []
  for (const source of ['due', 'cursor'] as const) {
    const lanes = wanted[source]
    if (lanes.length > 0) claims.push(transaction.claim(source, { nodeId: options.nodeId, lanes }))
  }
  const asked = [...wanted.due, ...wanted.cursor]
  const refreshed = inbox.chores.refresh ? mirror.lanesToRefresh(REFRESHED_LANES_MAX) : []
  const lanes = asked.length + refreshed.length ? transaction.laneStates([...asked, ...refreshed]) : Promise.resolve([])
  const trunks = transaction.trunkStates()
  return {
    gate,
    ended,
    endedRows,
    progressed,
    adopted,
    claims,
    sentAt,
    strays,
    lanes,
    trunks,
  }
}

/** What must be known before anything is decided: each is rare and waits for its answer. */
async function doChores(desk: OrganizationDesk, { inbox, gate, transaction, options }: Plan): Promise<LiveCallRow[]> {
  const { chores } = inbox
  const { mirror } = desk
  const turned = chores.turn ? await transaction.turnBatches() : 0
  if (turned > 0 || gate.version !== mirror.version) {
    const [definitions, trunks, trunkDefinitions] = await Promise.all([
      transaction.batchesSince(mirror.version),
      transaction.trunkStates(),
      transaction.trunks(),
    ])
    options.learnTrunks(trunkDefinitions)
    mirror.learn(definitions)
    mirror.learnTrunks(trunks, gate.nowEpochMs)
    mirror.forget((batchId) => desk.holdsCallsOf(batchId))
    // What was turned a moment ago carries the next version; it is read again when the gate shows that one.
    mirror.version = gate.version
  }
  const adopted = chores.adopt ? await transaction.adoptOrphans(options.nodeId) : []
  if (chores.disown) await disownLostClaims(desk, transaction, options)
  return adopted
}

/**
 * A claim whose answer was lost was never dialled, and only this node can know. Its rows of our incarnation that our
 * memory does not hold become `not-sent`. Serialized with our own claims of the organization by the gate and the cycle.
 */
async function disownLostClaims(
  desk: OrganizationDesk,
  transaction: DispatchTransaction,
  options: CycleOptions,
): Promise<void> {
  const rows = await transaction.liveCallsOfNode(options.nodeId)
  for (const row of rows) {
    const ref = options.refOf(row)
    if (desk.calls.has(ref)) continue
    desk.addStray({
      event: { ref, kind: 'not-sent', cause: 'claim-lost', atEpochMs: row.claimedAtEpochMs },
      batchId: row.batchId,
      seq: row.seq,
      n: row.n,
    })
  }
}

async function learnMissingBatches(
  desk: OrganizationDesk,
  transaction: DispatchTransaction,
  calls: readonly LiveCall[],
): Promise<void> {
  const missing = new Set<number>()
  for (const call of calls) if (!desk.mirror.batches.has(call.batchId)) missing.add(call.batchId)
  if (missing.size > 0) desk.mirror.learn(await transaction.batchesById([...missing]))
}

/** Known from the lane and not from the call, which another node may have placed. */
function asksToStop(desk: OrganizationDesk, call: LiveCall, options: CycleOptions): boolean {
  if (!call.ending?.keysPressed) return false
  const batch = desk.mirror.batches.get(call.batchId)
  return batch !== undefined && pressed(call, options.stopKeyOf(agentOf(batch, call.lane)))
}

function slotsFreed(ended: readonly LiveCall[]): Freed {
  const byBatch = new Map<number, number>()
  const byTrunk = new Map<number, number>()
  for (const call of ended) {
    byBatch.set(call.batchId, (byBatch.get(call.batchId) ?? 0) + 1)
    byTrunk.set(call.trunkId, (byTrunk.get(call.trunkId) ?? 0) + 1)
  }
  return { total: ended.length, byBatch, byTrunk }
}
