import type { AgentKind } from '../agents/agent.ts'
import type { CallRequest, Carrier, CarrierCallback, CarrierContext, TestFinding } from '../carriers/carrier.ts'
import { type Clock, sleep } from '../clock.ts'
import type { CallEvent } from '../model/call-event.ts'
import type { IdCipher } from '../model/id-cipher.ts'
import type { TrunkDefinition } from '../store/definitions.ts'
import { type DispatchStore, HeldTooLong, StaleCopies } from '../store/dispatch-store.ts'
import { Alarms } from './alarms.ts'
import { adoptedCall } from './call-rows.ts'
import { noteEnded, noteProgressed } from './committed-calls.ts'
import { type CycleResult, runCycle } from './cycle.ts'
import { dial, endUnsent, newCalls } from './dial.ts'
import { DispatcherCounters } from './dispatcher-counters.ts'
import type { DispatcherLog } from './dispatcher-log.ts'
import { Hands } from './hands.ts'
import type { LiveCall } from './live-call.ts'
import { NodeLease } from './node-lease.ts'
import { OrganizationDesk, type Stray } from './organization-desk.ts'
import { Patrol } from './patrol.ts'
import { Reconciler } from './reconcile.ts'
import { organizationsToRead } from './row-check.ts'
import { TrunkBreaker } from './trunk-breaker.ts'
import { type OpenCarrier, TrunkCarriers } from './trunk-carriers.ts'

export interface DispatcherOptions {
  readonly store: DispatchStore
  readonly clock: Clock
  readonly ids: IdCipher
  readonly log: DispatcherLog
  readonly nodeName: string
  readonly openCarrier: (
    organizationId: number,
    trunk: Parameters<OpenCarrier>[1],
    report: CarrierContext['report'],
  ) => ReturnType<OpenCarrier>
  readonly agentKind: (kind: string) => AgentKind | undefined
  /** So much to dial and to acknowledge is worth overlapping with the server's work; less is done at once. */
  readonly overlapFrom?: number
  /** False: it takes care of calls that live and begins none. */
  readonly dialing?: boolean
}

/** Which trunk of which organization tells something. */
interface EvidenceSource {
  readonly organizationId: number
  readonly trunkId: number
}

/** In how many milliseconds an organization wants its next cycle; null: when something happens. */
type Pause = number | null | 'failed'

/** Pause before a cycle that failed is tried again. */
const RETRY_CYCLE_MS = 200
const OVERLAP_FROM = 200
/** A claim that brings nothing although the copy promised something is not asked again sooner. */
const FRUITLESS_MS = 50

/**
 * Who is rung when. One dispatcher a node; all nodes of a database share the work and know each other only through it.
 *
 * It reacts to evidence from carriers, to commands (`wake`) and to time, and answers each with a cycle: one transaction
 * of one organization (see `cycle.ts`). At most one cycle of an organization runs at a time on this node, so whatever
 * arrives meanwhile travels with the next one: the busier, the larger the groups.
 */
export class Dispatcher {
  readonly counters = new DispatcherCounters()
  readonly #options: DispatcherOptions
  readonly #desks = new Map<number, OrganizationDesk>()
  readonly #ready = new Set<number>()
  readonly #running = new Set<number>()
  /** The cycle of each running organization that is on its way, and the one behind it. */
  readonly #current = new Map<number, Promise<Pause>>()
  readonly #linedUp = new Map<number, Promise<Pause>>()
  readonly #alarms: Alarms
  readonly #hands: Hands
  readonly #overlapFrom: number
  readonly #carriers: TrunkCarriers
  readonly #tools: DispatcherOptions & { readonly carriers: TrunkCarriers }
  readonly #breaker: TrunkBreaker
  readonly lease: NodeLease
  readonly #patrol: Patrol
  readonly #reconciler: Reconciler
  #claiming = false
  #stopped = false
  #whenIdle: (() => void)[] = []

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#hands = new Hands(options.clock)
    this.#overlapFrom = options.overlapFrom ?? OVERLAP_FROM
    this.#alarms = new Alarms(options.clock, (organizationId) => this.#makeReady(organizationId))
    this.#carriers = new TrunkCarriers((organizationId, trunk) => {
      const source = { organizationId, trunkId: trunk.trunkId }
      return options.openCarrier(organizationId, trunk, (event, onDurable) => this.#take(source, event, onDurable))
    })
    this.#tools = { ...options, carriers: this.#carriers }
    this.#breaker = new TrunkBreaker({ ...this.#tools, tell: (id) => this.#makeReady(id) })
    this.lease = new NodeLease({ ...options, onBeat: () => this.#onBeat(), onLost: () => this.#onLeaseLost() })
    this.#patrol = new Patrol({ ...options, visit: (organizationId, chores) => this.#visit(organizationId, chores) })
    this.#reconciler = new Reconciler({
      ...this.#tools,
      calls: () => this.#allCalls(),
      holds: (call) => this.#desks.get(call.organizationId)?.calls.get(call.ref) === call,
      report: (call, event) => this.#take(call, event),
    })
  }

  /** Registers this process as a node and begins to dial. */
  async start(): Promise<void> {
    await this.lease.start()
    this.#claiming = this.#options.dialing ?? true
    this.#patrol.start()
    this.#reconciler.start()
  }

  get nodeId(): number {
    return this.lease.nodeId
  }

  /** Live calls this node owns. */
  get liveCalls(): number {
    return [...this.#desks.values()].reduce((calls, desk) => calls + desk.calls.size, 0)
  }

  /** Something of the organization changed: look at once. Harmless when nothing did. */
  wake(organizationId: number): void {
    this.#visit(organizationId, { turn: true })
  }

  /**
   * What a provider posted to a trunk's address, on any node. Resolves when the evidence in it is committed; rejects
   * when that failed, so that the provider tries again.
   */
  async takeCallback(trunkUuid: string, callback: CarrierCallback): Promise<{ status: number }> {
    const trunk = this.#carriers.byUuid(trunkUuid) ?? (await this.#openByUuid(trunkUuid))
    if (!trunk?.carrier.decodeCallback) return { status: 403 }
    const { status, events } = trunk.carrier.decodeCallback(callback)
    await Promise.all(events.map((event) => new Promise<void>((durable) => this.#take(trunk, event, durable))))
    return { status }
  }

  /**
   * Rings one telephone through a trunk, outside of any batch; null: its carrier has no such test. The number was
   * checked by whoever asks.
   */
  async testTrunk(trunkUuid: string, request: CallRequest): Promise<readonly TestFinding[] | null> {
    const trunk = this.#carriers.byUuid(trunkUuid) ?? (await this.#openByUuid(trunkUuid))
    return (await trunk?.carrier.testCall?.(request)) ?? null
  }

  /** Where a call that this node answers for is placed; null: it lives elsewhere, or not. */
  carrierOf(ref: string): Carrier | null {
    const call = this.#held(ref)
    return call === undefined ? null : this.#carriers.holding(call.organizationId, call.trunkId, ref)
  }

  /** Claims nothing more; resolves when no call of this node lives, or when `stop` is called. */
  async drain(): Promise<void> {
    this.#claiming = false
    while (this.liveCalls > 0 && !this.#stopped) await this.#idle()
  }

  /** Asks the carriers to end every call of this node. */
  hangUpAll(): void {
    for (const call of this.#allCalls()) this.#hangUp(call)
  }

  /** Dials nothing more, writes what is known, and leaves the calls that live to the other nodes. */
  async stop(): Promise<void> {
    this.#claiming = false
    this.#stopped = true
    this.#patrol.stop()
    this.#reconciler.stop()
    this.#breaker.stop()
    this.#alarms.cancelAll()
    while (this.#running.size > 0) await this.#idle()
    // Answers to create-calls that are on their way still come in, and are written below.
    await this.#carriers.close()
    for (const desk of this.#desks.values()) {
      desk.doDeferred()
      if (desk.hasMail) await this.#cycle(desk, null)
    }
    await this.lease.stop()
    await this.#options.store.close()
    this.#tellIdle()
  }

  /** Evidence from a trunk, in any order, any number of times. `onDurable` runs after it is committed. */
  #take(source: EvidenceSource, event: CallEvent, onDurable?: () => void): void {
    const desk = this.#deskOf(source.organizationId)
    const call = desk.calls.get(event.ref)
    const parts = call ?? this.#options.ids.decode(event.ref)
    // A trunk speaks for its own organization only.
    if (!parts || parts.organizationId !== source.organizationId || (call && call.trunkId !== source.trunkId)) {
      this.counters.unmatchedEvents++
      onDurable?.()
      return
    }
    if (event.eventKey) desk.addCarrierEvent(source.trunkId, event.eventKey)
    this.#judge(desk, { event, batchId: parts.batchId, seq: parts.seq, n: parts.n, onDurable })
    this.#arm(desk, null)
  }

  #judge(desk: OrganizationDesk, evidence: Stray): void {
    const call = desk.calls.get(evidence.event.ref)
    // What comes while an end is being written is judged by the row that the end leaves: it may correct it.
    if (call?.ending !== null) {
      desk.addStray(evidence)
      return
    }
    this.#merge(desk, call, evidence.event)
    if (evidence.onDurable) desk.addOnDurable(call, evidence.onDurable)
  }

  #merge(desk: OrganizationDesk, call: LiveCall, event: CallEvent): void {
    if (call.merge(event)) desk.touch(call)
    // A carrier that did not know the call yet when it was asked can end it now.
    if (call.hangUpAsked && call.ending === null) this.#hangUp(call)
    call.newsAtMonotonicMs = this.#options.clock.monotonicMs()
    call.misses = 0
    this.#breaker.note(desk, call.trunkId, event)
  }

  async #openByUuid(trunkUuid: string) {
    const found = await this.#options.store.findTrunk(trunkUuid)
    if (!found) return null
    this.#learnTrunks(found.organizationId, [found.definition])
    return this.#carriers.byUuid(trunkUuid)
  }

  #deskOf(organizationId: number): OrganizationDesk {
    let desk = this.#desks.get(organizationId)
    if (!desk) {
      desk = new OrganizationDesk(organizationId)
      this.#desks.set(organizationId, desk)
    }
    return desk
  }

  #visit(organizationId: number, chores: Parameters<OrganizationDesk['askFor']>[0]): void {
    const desk = this.#deskOf(organizationId)
    desk.askFor({ ...chores, refresh: true })
    // Where calls go on anyway, a look at what other nodes have left travels with them.
    const isLook = Object.keys(chores).length === 0
    if (!isLook || desk.waitingCalls === 0) this.#makeReady(organizationId)
  }

  #makeReady(organizationId: number): void {
    if (this.#stopped) return
    this.#ready.add(organizationId)
    if (!this.#running.has(organizationId)) this.#pump()
  }

  #pump(): void {
    for (const organizationId of this.#ready) {
      if (this.#running.size >= this.#hands.count || this.#stopped) return
      if (this.#running.has(organizationId)) continue
      this.#ready.delete(organizationId)
      this.#running.add(organizationId)
      this.#alarms.cancel(organizationId)
      const desk = this.#deskOf(organizationId)
      this.#serve(desk).then((pauseMs) => {
        this.#running.delete(organizationId)
        this.#arm(desk, pauseMs)
        this.#tellIdle()
        this.#pump()
      })
    }
  }

  /** Sets the organization's next cycle: after `pauseMs` (null: when something happens), sooner when mail asks for it. */
  #arm(desk: OrganizationDesk, pauseMs: number | null): void {
    if (this.#stopped || this.#running.has(desk.organizationId)) return
    const withinMs = Math.min(pauseMs ?? Infinity, desk.mailWithinMs(this.#overlapFrom) ?? Infinity)
    if (withinMs === 0) this.#makeReady(desk.organizationId)
    else if (withinMs < Infinity) this.#alarms.within(desk.organizationId, withinMs)
  }

  /** Runs cycles until none is lined up. */
  async #serve(desk: OrganizationDesk): Promise<number | null> {
    let cycle: Promise<Pause> | null = this.#cycle(desk, null)
    let pause: Pause = null
    while (cycle) {
      this.#current.set(desk.organizationId, cycle)
      pause = await cycle
      cycle = this.#linedUp.get(desk.organizationId) ?? null
      this.#linedUp.delete(desk.organizationId)
    }
    if (pause !== 'failed') return pause
    if (!this.#stopped) await sleep(this.#options.clock, RETRY_CYCLE_MS)
    return 0
  }

  /**
   * A large group waits while its organization's transaction is on its way, and nobody else wants to be served: the next
   * cycle lines up at the gate now, so that the server has its statements as soon as this one has committed.
   */
  #lineUp(desk: OrganizationDesk): void {
    const { organizationId } = desk
    if (this.#stopped || this.#othersWait(organizationId) || desk.waitingCalls < this.#overlapFrom) return
    const before = this.#current.get(organizationId)
    if (before) this.#linedUp.set(organizationId, this.#cycle(desk, before))
  }

  readonly #othersWait = (id: number) => this.#ready.size > (this.#ready.has(id) ? 1 : 0)

  /** Runs one cycle; `before` is the one of the same organization that is on its way. */
  async #cycle(desk: OrganizationDesk, before: Promise<unknown> | null): Promise<Pause> {
    const { clock, store, log } = this.#options
    try {
      const result = await runCycle(desk, {
        store,
        nodeId: this.lease.nodeId,
        claiming: this.#claiming && this.lease.valid,
        skipIfTaken: before === null && this.#ready.size > 0,
        before,
        whileUnderway: () => {
          desk.doDeferred()
          this.#lineUp(desk)
        },
        stamp: () => ({ monotonicMs: clock.monotonicMs(), epochMs: clock.nowEpochMs() }),
        refOf: (row) => this.#refOf(desk, row),
        stopKeyOf: (agent) => this.#options.agentKind(agent.kind)?.stopKey(agent.settings) ?? null,
        learnTrunks: (trunks) => this.#learnTrunks(desk.organizationId, trunks),
      })
      this.counters.cycleDone(desk.organizationId)
      if (!result) return this.#hands.noteGateTaken()
      desk.defer(this.#settle(desk, result))
      // A busy node dials and acknowledges while the server works on the next transaction, at once where others keep it busy.
      const goesOn = desk.mailWithinMs(this.#overlapFrom) === 0 || this.#linedUp.has(desk.organizationId)
      const isLarge = result.claimed.length + result.inbox.onDurable.length >= this.#overlapFrom
      if (!goesOn || !isLarge || this.#running.size > 1 || this.#othersWait(desk.organizationId)) desk.doDeferred()
      return this.#nextCycleInMs(desk, result)
    } catch (error) {
      if (error instanceof StaleCopies || error instanceof HeldTooLong) {
        // A row may only have moved: it is looked for by its key before the copy is given up.
        if (error instanceof StaleCopies && !desk.forgetPlaces()) this.#readAgain(desk)
        return 0
      }
      this.counters.cycleFailed(desk.organizationId, error)
      log.warn({ err: error, organizationId: desk.organizationId }, 'A dispatch cycle failed and is tried again')
      desk.doDeferred()
      return 'failed'
    }
  }

  /** Takes over what a committed cycle has made true. Returns what follows from it: dialling and acknowledging. */
  #settle(desk: OrganizationDesk, result: CycleResult): () => void {
    const { mirror } = desk
    const { claimed, gate, inbox, askedAt } = result
    desk.settle(inbox)
    const calls = newCalls(desk, claimed, { ids: this.#options.ids, claimedAtEpochMs: gate.nowEpochMs })
    for (const call of calls) this.#hold(desk, call)
    this.counters.dialed += claimed.length
    noteEnded(desk, result, this.counters)
    for (const call of result.ended) desk.release(call)
    for (const call of noteProgressed(result)) if (desk.calls.has(call.ref)) desk.touch(call)
    this.#settleStrays(desk, result)
    for (const call of result.hangUps) if (!call.hangUpAsked) this.#hangUp(call)
    for (const call of result.hangUps) call.hangUpAsked = true
    mirror.live = gate.live - result.ended.length + claimed.length
    mirror.learnTrunks(result.trunks, gate.nowEpochMs)
    mirror.learnThrottles([], result.throttles)
    mirror.learnLanes(result.lanes)
    const handedOn = new Set(result.strays.handedOn)
    return () => {
      calls.forEach((call, index) => {
        // A node that stops dials nothing more, and only it can say so.
        if (this.#stopped) endUnsent(desk, call, { cause: 'stopped-before-send', clock: this.#tools.clock })
        else dial(desk, { call, claim: claimed[index]!, options: this.#tools, askedAt })
      })
      for (const run of inbox.onDurable) run()
      for (const stray of inbox.strays) if (!handedOn.has(stray)) stray.onDurable?.()
    }
  }

  #nextCycleInMs(desk: OrganizationDesk, result: CycleResult): number | null {
    if (!this.#claiming) return null
    const { nowEpochMs } = result.gate
    const wakeAt = desk.mirror.wakeAtEpochMs(nowEpochMs)
    if (wakeAt === null) return null
    if (wakeAt > nowEpochMs) return wakeAt - nowEpochMs
    return result.claimed.length > 0 || result.lanes.length === 0 ? 0 : FRUITLESS_MS
  }

  #settleStrays(desk: OrganizationDesk, result: CycleResult): void {
    const { strays } = result
    this.counters.terminalConflicts += strays.conflicts
    this.counters.corrected += strays.corrected.length
    this.counters.unmatchedEvents += strays.unmatched
    this.counters.adopted += result.adopted.length
    for (const row of result.adopted) {
      const ref = this.#refOf(desk, row)
      if (!desk.calls.has(ref)) this.#keep(desk, adoptedCall(desk, ref, row))
      this.#endOrphan(desk.calls.get(ref)!, row.carrierState)
      if (row.hangUpAsked) this.#hangUp(desk.calls.get(ref)!)
    }
    for (const call of strays.revived) this.#keep(desk, call)
    for (const { call, savedState } of strays.own) {
      if (call.ending) continue
      call.noteSaved(savedState)
      const endsNow = desk.takeBackOrphan(call)
      this.#keep(desk, call)
      if (endsNow) this.#endOrphan(call, call.carrierState)
      if (call.hangUpAsked) this.#hangUp(call)
    }
    for (const call of strays.unwanted) this.#hangUp(call)
    for (const stray of strays.handedOn) this.#judge(desk, stray)
  }

  #learnTrunks(organizationId: number, trunks: readonly TrunkDefinition[]): void {
    try {
      this.#carriers.learn(organizationId, trunks)
    } catch (error) {
      this.#options.log.error({ err: error, organizationId }, 'A trunk cannot be opened with its settings')
    }
  }

  /** From now on this node answers for the call: it asks its carrier when it is silent. */
  #keep(desk: OrganizationDesk, call: LiveCall): void {
    call.newsAtMonotonicMs = this.#options.clock.monotonicMs()
    this.#hold(desk, call)
  }

  /** Another node was faster with one of the calls. The rows know better: drop the copies, judge what we know by the rows. */
  #readAgain(desk: OrganizationDesk): void {
    for (const call of desk.takeCalls()) {
      desk.drop(call)
      this.#judgeAgain(desk, call)
    }
  }

  #judgeAgain(desk: OrganizationDesk, call: LiveCall): void {
    for (const event of call.evidence()) {
      desk.addStray({ event, batchId: call.batchId, seq: call.seq, n: call.n })
    }
  }

  #hold(desk: OrganizationDesk, call: LiveCall): void {
    desk.hold(call)
    if (call.unsaved) desk.touch(call)
  }

  *#allCalls(): Generator<LiveCall> {
    for (const desk of this.#desks.values()) yield* desk.calls.values()
  }

  /** The call of that reference, if it is one of this node's. */
  #held(ref: string): LiveCall | undefined {
    const parts = this.#options.ids.decode(ref)
    return parts === null ? undefined : this.#desks.get(parts.organizationId)?.calls.get(ref)
  }

  #refOf(desk: OrganizationDesk, row: { batchId: number; seq: number; n: number }): string {
    const { batchId, seq, n } = row
    return this.#options.ids.encode({ kind: 'attempt', organizationId: desk.organizationId, batchId, seq, n })
  }

  #hangUp(call: LiveCall): void {
    this.#carriers.holding(call.organizationId, call.trunkId, call.ref)?.hangUp(call.handle)
  }

  /** A call that was carried by the node that died goes on without anybody who speaks: its carrier ends it. */
  #endOrphan(call: LiveCall, carrierState: string | null): void {
    this.#carriers.get(call.organizationId, call.trunkId)?.endOrphan?.(call.asOrphan(carrierState))
  }

  async #onBeat(): Promise<void> {
    const { store, ids } = this.#options
    const rows = await store.ownCalls(this.nodeId)
    const callOf = (organizationId: number, ref: string) => this.#desks.get(organizationId)?.calls.get(ref)
    for (const organizationId of organizationsToRead(rows, { ids, callOf })) {
      this.#deskOf(organizationId).askFor({ disown: true })
      this.#makeReady(organizationId)
    }
  }

  /** A survivor has taken our calls over: what we hold of them is not ours any more. */
  #onLeaseLost(): void {
    this.#options.log.warn({ calls: this.liveCalls }, 'This node was taken for dead; its calls belong to others now')
    for (const call of [...this.#allCalls()]) {
      const desk = this.#deskOf(call.organizationId)
      desk.release(call)
      this.#judgeAgain(desk, call)
      this.#carriers.holding(call.organizationId, call.trunkId, call.ref)?.abandon?.(call.handle)
    }
    for (const desk of this.#desks.values()) {
      desk.takeCalls()
      this.#arm(desk, null)
    }
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  #tellIdle(): void {
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}
