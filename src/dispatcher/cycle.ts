import type { ClaimedRecipient } from '../store/claim-recipients.ts'
import type { AgentDefinition, TrunkDefinition } from '../store/definitions.ts'
import { CommitUnknown, type DispatchStore, type DispatchTransaction, type RowsAhead } from '../store/dispatch-store.ts'
import type { EndedCall } from '../store/end-calls.ts'
import type { Gate } from '../store/gate.ts'
import type { LaneState, TrunkState } from '../store/lane-states.ts'
import type { LiveCallRow } from '../store/live-calls.ts'
import { ProgressColumns, type ProgressedCall } from '../store/progress-calls.ts'
import type { RowPlace } from '../store/row-place.ts'
import type { ThrottleState } from '../store/throttle-states.ts'
import { decideWhatFollows, endedCallRow, pressed, progressedCallRow, wasSent } from './call-rows.ts'
import type { LiveCall } from './live-call.ts'
import type { Inbox, OrganizationDesk } from './organization-desk.ts'
import { agentOf, type Freed, SEND_DEADLINE_MS, type Wanted } from './organization-mirror.ts'
import { type ResolvedStrays, resolveStrays } from './stray-evidence.ts'

/** Lanes whose figures a patrol reads again at once. */
const REFRESHED_LANES_MAX = 500
/** A gate that took longer leaves its claims too little time to be sent: what arrived is written, and the next cycle claims. */
const CLAIM_WITHIN_MS = SEND_DEADLINE_MS / 2

export interface CycleOptions {
  readonly store: DispatchStore
  readonly nodeId: number
  /** False: nothing new is claimed (the node drains); what arrived is still written. */
  readonly claiming: boolean
  readonly skipIfTaken: boolean
  /** Settles when this node's cycle before is taken over; until then nothing is decided. */
  readonly before: Promise<unknown> | null
  /** Work of the cycle before that may be done while the server works on this one. */
  readonly whileUnderway: () => void
  /** Both clocks, read right before the gate is asked for: the send deadline counts from here. */
  readonly stamp: () => AskedAt
  readonly refOf: (call: LiveCallRow) => string
  /** The key by which people to whom an agent speaks ask not to be called again; null: there is none. */
  readonly stopKeyOf: (agent: AgentDefinition) => string | null
  /** Gets the organization's trunks whenever its definitions have changed. */
  readonly learnTrunks: (trunks: readonly TrunkDefinition[]) => void
}

/**
 * When a node asked for the gate, by a clock that never jumps and by one that counts while the machine sleeps. The gate's
 * time is read after it, so that a deadline counted from here never lies behind the `send_not_after` of an intent, however
 * long the gate's answer was on its way.
 */
export interface AskedAt {
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
  /** Where the rows of those lie now. */
  readonly places: readonly RowPlace[]
  readonly adopted: readonly LiveCallRow[]
  /** Calls of this node that somebody asked to end, among them those that were asked before. */
  readonly hangUps: readonly LiveCall[]
  readonly claimed: readonly ClaimedRecipient[]
  readonly askedAt: AskedAt
  readonly strays: ResolvedStrays
  readonly lanes: readonly LaneState[]
  readonly trunks: readonly TrunkState[]
  /** Those under which calls were claimed. */
  readonly throttles: readonly ThrottleState[]
}

/** What was written of a call; more may have arrived while it was being written. */
interface Progress extends ProgressedCall {
  readonly call: LiveCall
}

/** The promises of a transaction that is on its way, COMMIT included. */
interface Underway {
  readonly gate: Gate
  readonly ended: readonly LiveCall[]
  readonly endedRows: readonly EndedCall[]
  readonly progressed: readonly Progress[]
  readonly adopted: readonly LiveCallRow[]
  readonly hangUps: readonly LiveCall[]
  readonly places: readonly Promise<readonly RowPlace[]>[]
  readonly claims: readonly Promise<ClaimedRecipient[]>[]
  readonly strays: ResolvedStrays
  readonly lanes: Promise<LaneState[]>
  readonly trunks: Promise<TrunkState[]>
  readonly throttles: Promise<ThrottleState[]>
}

/**
 * One transaction for everything that has arrived for an organization: ends, progress, chores, and the next claims, so
 * that a freed slot is used again in the very commit that frees it. Two round trips: the gate, then all the rest.
 *
 * Null: another transaction holds the gate and `skipIfTaken` was set; nothing was taken from the inbox.
 * When it throws, the inbox is back, and what may or may not have been committed is found out by later cycles.
 */
export async function runCycle(desk: OrganizationDesk, options: CycleOptions): Promise<CycleResult | null> {
  const askedAt = options.stamp()
  // Whoever waits for the gate prepares meanwhile; whoever may not get it would prepare in vain.
  let taken = options.skipIfTaken ? null : takeUp(desk, options)
  let claimedAtEpochMs: number | null = null
  const rowsAhead = options.before && taken ? rowsToWriteAhead(taken) : null
  try {
    const underway = await options.store.underGate(
      desk.organizationId,
      { skipIfTaken: options.skipIfTaken, rowsAhead, whileUnderway: options.whileUnderway },
      async (gate, transaction) => {
        taken ??= takeUp(desk, options)
        const { inbox, prepared } = taken
        // The server works on it while this node takes over what its cycle before has made true.
        const places = prepared.columns ? [transaction.progressCalls(prepared.columns)] : []
        await options.before
        const plan = await planCycle(desk, { inbox, prepared, places, gate, transaction, options, askedAt })
        if (plan.claims.length > 0) claimedAtEpochMs = gate.nowEpochMs
        return plan
      },
    )
    if (!underway) return null
    const claimed = (await Promise.all(underway.claims)).flat()
    const places = (await Promise.all(underway.places)).flat()
    const lanes = await underway.lanes
    const trunks = await underway.trunks
    const throttles = await underway.throttles
    // Field by field: to copy an object and replace some of its fields costs as much as half a cycle's own work.
    const { gate, ended, endedRows, progressed, adopted, hangUps, strays } = underway
    const written = { ended, endedRows, progressed, places, adopted, hangUps, strays }
    return { gate, inbox: taken!.inbox, askedAt, ...written, claimed, lanes, trunks, throttles }
  } catch (error) {
    if (taken) desk.restore(taken.inbox)
    if (error instanceof CommitUnknown) desk.doubt(claimedAtEpochMs)
    throw error
  }
}

/** Calls as they are to be written. What is heard of them from now on travels with a later cycle. */
interface Prepared {
  /** In the order of the attempts' key, so that neighbours are written one after the other. */
  readonly ended: readonly LiveCall[]
  readonly endedRows: readonly EndedCall[]
  readonly progressed: readonly Progress[]
  /** Null: nothing has progressed, as in most cycles of an idle node. */
  readonly columns: ProgressColumns | null
}

interface Taken {
  readonly inbox: Inbox
  readonly prepared: Prepared
}

function takeUp(desk: OrganizationDesk, { before }: CycleOptions): Taken {
  const inbox = desk.takeInbox({ linesUp: before !== null })
  return { inbox, prepared: prepare(inbox.calls) }
}

function prepare(calls: readonly LiveCall[]): Prepared {
  const ended: LiveCall[] = []
  const progressed: Progress[] = []
  for (const call of calls) {
    if (call.endingUnsaved) ended.push(call)
    else if (call.ending === null && call.unsaved) progressed.push(progressedCallRow(call))
  }
  ended.sort((a, b) => a.batchId - b.batchId || a.seq - b.seq)
  const columns = progressed.length > 0 ? new ProgressColumns(progressed) : null
  return { ended, endedRows: ended.map(endedCallRow), progressed, columns }
}

/**
 * A cycle that lines up writes rows while the one before it has the gate (decision 23): all it has, but for intents that were not
 * sent, of which the gate tells whether they are tried again. Null: nothing may be written, since evidence about calls of
 * others is judged by the rows as they were.
 */
function rowsToWriteAhead({ inbox, prepared }: Taken): RowsAhead | null {
  if (inbox.strays.length > 0) return null
  return { ended: prepared.endedRows.filter((_, index) => wasSent(prepared.ended[index]!)), progress: prepared.columns }
}

interface Plan {
  readonly inbox: Inbox
  readonly prepared: Prepared
  readonly places: Promise<readonly RowPlace[]>[]
  readonly gate: Gate
  readonly transaction: DispatchTransaction
  readonly options: CycleOptions
  readonly askedAt: AskedAt
}

async function planCycle(desk: OrganizationDesk, plan: Plan): Promise<Underway> {
  const { inbox, prepared, places, gate, transaction, options } = plan
  const { mirror } = desk
  mirror.see(gate)
  const { adopted, hangUps } = await doChores(desk, plan)
  if (options.claiming) await learnThrottles(desk, plan)
  const strays = await resolveStrays(desk, { strays: inbox.strays, transaction, nodeId: options.nodeId })
  // With a call that lives again its batch is open again, of which we may have heard that it was over.
  const reopened = strays.revived.map(({ batchId }) => batchId)
  await learnBatches(desk, transaction, { reopened, calls: [inbox.calls, strays.calls, strays.corrected] })
  const found = prepare(strays.calls)
  const ended = [...prepared.ended, ...found.ended]
  const endedRows = [...prepared.endedRows, ...found.endedRows]
  const progressed = [...prepared.progressed, ...found.progressed]
  if (found.columns) places.push(transaction.progressCalls(found.columns))

  const asking = new Set([...ended, ...strays.corrected].filter((call) => asksToStop(desk, call, options)))
  ended.forEach((call, index) => {
    const batch = mirror.batches.get(call.batchId)
    const by = { batch, nowEpochMs: gate.nowEpochMs, asksToStop: asking.has(call) }
    decideWhatFollows(endedRows[index]!, call, by)
  })
  if (inbox.carrierEvents.length > 0) transaction.recordCarrierEvents(inbox.carrierEvents)
  if (ended.length > 0) transaction.endCalls(endedRows)
  if (ended.length + progressed.length > 0) transaction.countCalls()
  if (asking.size > 0) transaction.suppressRecipients([...asking], 'asked during a call')
  for (const [trunkId, health] of inbox.trunkHealth) transaction.setTrunkHealth(trunkId, health)

  const claiming = options.claiming && millisecondsSince(plan.askedAt, options.stamp()) < CLAIM_WITHIN_MS
  const wanted = claiming ? mirror.choose(gate.nowEpochMs, slotsFreed(ended)) : NOTHING_WANTED
  const claims: Promise<ClaimedRecipient[]>[] = []
  for (const source of ['due', 'cursor'] as const) {
    const lanes = wanted[source]
    if (lanes.length > 0) claims.push(transaction.claim(source, { nodeId: options.nodeId, lanes }))
  }
  const asked = [...wanted.due, ...wanted.cursor]
  const throttles = mirror.isThrottled(asked) ? transaction.noteThrottledStarts() : Promise.resolve([])
  const refreshed = inbox.chores.refresh ? mirror.lanesToRefresh(REFRESHED_LANES_MAX) : []
  const lanes = asked.length + refreshed.length ? transaction.laneStates([...asked, ...refreshed]) : Promise.resolve([])
  // Only ends and claims move what trunks may start; what other nodes move is found by the patrol.
  const moved = ended.length > 0 || asked.length > 0 || inbox.trunkHealth.size > 0 || inbox.chores.refresh
  const trunks = moved ? transaction.trunkStates() : Promise.resolve([])
  return {
    gate,
    ended,
    endedRows,
    progressed,
    places,
    adopted,
    hangUps,
    claims,
    strays,
    lanes,
    trunks,
    throttles,
  }
}

const NOTHING_WANTED: Wanted = { cursor: [], due: [] }

/** Read under the gate: until this transaction's commit no other one starts a call under these throttles. */
async function learnThrottles(desk: OrganizationDesk, { gate, transaction }: Plan): Promise<void> {
  const throttleIds = desk.mirror.throttlesInUse(gate.nowEpochMs)
  if (throttleIds.length === 0) return
  desk.mirror.learnThrottles(throttleIds, await transaction.throttleStates(throttleIds))
}

/** What must be known before anything is decided: each is rare and waits for its answer. */
async function doChores(
  desk: OrganizationDesk,
  { inbox, gate, transaction, options }: Plan,
): Promise<{ adopted: LiveCallRow[]; hangUps: LiveCall[] }> {
  const { chores } = inbox
  const { mirror } = desk
  const turned = chores.turn ? await transaction.turnBatches() : 0
  // A request to end a call comes with a new version of its batch, or is found by the heartbeat.
  let touched = false
  if (turned > 0 || gate.version !== mirror.version) {
    const [definitions, trunks, trunkDefinitions] = await Promise.all([
      transaction.batchesSince(mirror.version),
      transaction.trunkStates(),
      transaction.trunks(),
    ])
    options.learnTrunks(trunkDefinitions)
    touched = definitions.some(({ batchId }) => desk.holdsCallsOf(batchId))
    mirror.learn(definitions)
    mirror.learnTrunks(trunks, gate.nowEpochMs)
    mirror.forget((batchId) => desk.holdsCallsOf(batchId))
    // What was turned a moment ago carries the next version; it is read again when the gate shows that one.
    mirror.version = gate.version
  }
  const adopted = chores.adopt ? await transaction.adoptOrphans(options.nodeId) : []
  const which = { nodeId: options.nodeId, hangUpAsked: !chores.disown }
  const own = chores.disown || touched ? await transaction.liveCallsOfNode(which) : []
  const hangUps = own.flatMap((row) => {
    const call = row.hangUpAsked ? desk.calls.get(options.refOf(row)) : undefined
    if (call === undefined) return []
    // The mark has moved the row.
    call.place = row.place
    return [call]
  })
  const lost = chores.disown ? findLostRows(desk, own, options) : []
  if (chores.disown) desk.forgetOrphansBut(() => own.map(options.refOf))
  const known = new Set(adopted.map(options.refOf))
  const found = [...lost, ...own.filter((row) => endsNow(row, () => desk.calls.get(options.refOf(row))))]
  return { adopted: [...adopted, ...found.filter((row) => !known.has(options.refOf(row)))], hangUps }
}

/**
 * A call that we took over before anything was known by which to end it, and of which the node that placed it, not dead
 * but slow, told that since: it can be ended now.
 */
function endsNow(row: LiveCallRow, held: () => LiveCall | undefined): boolean {
  return row.carrierState !== null && held()?.carrierState === null
}

/**
 * Rows of ours that our memory does not hold: the answer to some COMMIT was lost. What we claimed in it was never
 * dialled, and only this node can know: it becomes `not-sent`. What we took over in it may have been dialled by the
 * node that died: it is ours to ask for, and nothing else. Serialized with our own claims by the gate and the cycle, so
 * that the COMMIT in doubt is decided by now.
 *
 * Returns the rows taken over.
 */
function findLostRows(desk: OrganizationDesk, rows: readonly LiveCallRow[], options: CycleOptions): LiveCallRow[] {
  const lost = rows.filter((row) => !desk.calls.has(options.refOf(row)))
  const claimed = lost.filter((row) => desk.doubtfulClaims.has(row.claimedAtEpochMs))
  for (const row of claimed) {
    const { batchId, seq, n, claimedAtEpochMs: atEpochMs } = row
    desk.addStray({
      event: { ref: options.refOf(row), kind: 'not-sent', cause: 'claim-lost', atEpochMs },
      batchId,
      seq,
      n,
    })
  }
  desk.doubtfulClaims.clear()
  for (const row of claimed) desk.doubtfulClaims.add(row.claimedAtEpochMs)
  return lost.filter((row) => !claimed.includes(row))
}

/** Reads the batches that were reopened, and those of calls that are not known. */
async function learnBatches(
  desk: OrganizationDesk,
  transaction: DispatchTransaction,
  of: { readonly reopened: readonly number[]; readonly calls: readonly (readonly LiveCall[])[] },
): Promise<void> {
  const missing = new Set(of.reopened)
  for (const calls of of.calls) {
    for (const { batchId } of calls) if (!desk.mirror.batches.has(batchId)) missing.add(batchId)
  }
  if (missing.size > 0) desk.mirror.learn(await transaction.batchesById([...missing]))
}

/** Known from the lane and not from the call, which another node may have placed. */
function asksToStop(desk: OrganizationDesk, call: LiveCall, options: CycleOptions): boolean {
  if (!call.ending?.keysPressed) return false
  const batch = desk.mirror.batches.get(call.batchId)
  return batch !== undefined && pressed(call, options.stopKeyOf(agentOf(batch, call.lane)))
}

/** By whichever clock counted more: one shows a stopped process, the other a machine that slept. */
export function millisecondsSince(then: AskedAt, now: AskedAt): number {
  return Math.max(now.monotonicMs - then.monotonicMs, now.epochMs - then.epochMs)
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
