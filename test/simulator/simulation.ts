import type { CarrierTraits } from '../../src/carriers/carrier.ts'
import { Dispatcher } from '../../src/dispatcher/dispatcher.ts'
import type { CallEvent } from '../../src/model/call-event.ts'
import { deriveIdKey } from '../../src/model/id-cipher.ts'
import type { RarePath } from './coverage.ts'
import { type FaultRates, faultsOf, NO_FAULTS } from './faults.ts'
import { type Attempt, Judge, type Violation } from './judge.ts'
import { laneOf } from './memory-rows.ts'
import { MemoryServer } from './memory-store.ts'
import { NodeCarrier, postedBody } from './node-carrier.ts'
import { NodeStore, SharedDatabase } from './node-store.ts'
import { Operator } from './operator.ts'
import { Provider } from './provider.ts'
import { RememberedIds } from './remembered-ids.ts'
import { makeScenario, type Scenario, SECRET } from './scenario.ts'
import type { ServerSide } from './server-side.ts'
import { SimulatedNode } from './simulated-node.ts'
import { isSettled, judgeRest } from './verdict.ts'
import { type HistoryLine, VirtualWorld } from './virtual-world.ts'

/** The longest that everything may need to come to rest once nothing goes wrong any more. */
const REST_WITHIN_MS = 600_000
const LOOK_EVERY_MS = 500
const CALLBACK_WITHIN_MS = 15_000
const CALLBACK_PAUSES_MS = [1_000, 4_000, 15_000]
const silent = { info() {}, warn() {}, error() {} }

const TRAITS: CarrierTraits = {
  lookUpIsComplete: true,
  firstLookUpDelayMs: 2_000,
  nextLookUpDelaysMs: [2_000, 2_000],
  pollSilentCallAfterMs: 2_000,
}
/** Of a carrier that is asked once, later. */
const TRAITS_OF_ONE_LOOK_UP: CarrierTraits = { ...TRAITS, firstLookUpDelayMs: 6_000, nextLookUpDelaysMs: [] }

/** One for all runs, as for all organizations of a process. */
const IDS = new RememberedIds(deriveIdKey(SECRET))

export interface SeedResult {
  readonly seed: number
  readonly traceHash: string
  readonly violations: readonly Violation[]
  readonly history: readonly HistoryLine[]
  readonly attempts: ReadonlyMap<string, Attempt>
  readonly coverage: ReadonlyMap<RarePath, number>
  readonly calls: number
  readonly steps: number
  readonly virtualMs: number
}

export type OpenServer = (scenario: Scenario, world: VirtualWorld) => Promise<ServerSide>

/** In memory, where the judge sees each commit. */
export const inMemory: OpenServer = async (scenario, world) =>
  new MemoryServer(scenario.organizations, () => world.nowEpochMs)

/** Runs one seed: a time in which things go wrong, then a time in which everything must come to rest. */
export async function runSeed(seed: number, openServer: OpenServer = inMemory): Promise<SeedResult> {
  const simulation = new Simulation(seed)
  return simulation.run(openServer)
}

class Simulation {
  readonly #seed: number
  readonly #world: VirtualWorld
  readonly #scenario: Scenario
  readonly #ids = IDS
  readonly #nodes: SimulatedNode[] = []
  readonly #providers = new Map<string, Provider>()
  /** Trunks whose calls have no sound without the node that placed them. */
  readonly #carryingSound = new Set<string>()
  readonly #traits: CarrierTraits
  #faults: FaultRates
  #incarnations = 0
  #quiet = false
  #judge!: Judge
  #database!: SharedDatabase
  #operator!: Operator

  constructor(seed: number) {
    this.#seed = seed
    const { startEpochMs, ...rest } = makeScenario(seed, new VirtualWorld(seed, 0).random)
    this.#scenario = { startEpochMs, ...rest }
    this.#world = new VirtualWorld(seed + 1_000_003, startEpochMs)
    // Some runs are calm, so that what needs a long undisturbed path is reached too.
    this.#faults = faultsOf(this.#world.random.pick([0.1, 0.5, 1, 1, 2]))
    this.#traits = this.#world.random.pick([TRAITS, TRAITS, TRAITS_OF_ONE_LOOK_UP])
  }

  async run(openServer: OpenServer): Promise<SeedResult> {
    const server = await openServer(this.#scenario, this.#world)
    try {
      return await this.#runOn(server)
    } finally {
      await server.close()
    }
  }

  async #runOn(server: ServerSide): Promise<SeedResult> {
    const world = this.#world
    const { organizations } = this.#scenario
    this.#database = new SharedDatabase(world, server)
    this.#judge = new Judge(world, this.#ids, (organizationId) => server.peek(organizationId))
    if (server instanceof MemoryServer) server.onCommit = (tables) => this.#judge.committed(tables)
    this.#expectWindows()
    this.#expectTerms()
    this.#openProviders()
    this.#operator = new Operator({
      world,
      organizations,
      judge: this.#judge,
      database: this.#database,
      wake: (organizationId) => this.#wakeSomebody(organizationId),
      goOn: (organizationId, { trunkId, ...attempt }) => {
        const ref = IDS.encode({ kind: 'attempt', organizationId, ...attempt })
        this.#providers.get(`${organizationId}/${trunkId}`)!.goOn(ref, 'hang-up-asked')
        world.note(ref, 'somebody asks to end it')
      },
    })
    const nodes = world.random.between(2, 3)
    for (let index = 1; index <= nodes; index++) this.#startNode(`node-${index}`, world.random.between(0, 1_500))
    const troubleMs = world.random.between(12_000, 35_000)
    this.#planTrouble(troubleMs)
    this.#operator.plan(troubleMs)
    await this.#trouble(server, troubleMs)
    this.#endTrouble()
    await this.#rest(server)
    return this.#result()
  }

  /** Until it ends, or until nothing is left that could go wrong. */
  async #trouble(server: ServerSide, untilMs: number): Promise<void> {
    const world = this.#world
    while (world.nowMs < untilMs && this.#judge.violations.length === 0) {
      const stopMs = Math.min(untilMs, world.nowMs + 4 * LOOK_EVERY_MS)
      await world.run(stopMs, () => this.#judge.violations.length > 0)
      if (await this.#isAtRest(server)) return
    }
  }

  async #rest(server: ServerSide): Promise<void> {
    const world = this.#world
    const untilMs = world.nowMs + REST_WITHIN_MS
    while (world.nowMs < untilMs && this.#judge.violations.length === 0) {
      await world.run(world.nowMs + LOOK_EVERY_MS, () => this.#judge.violations.length > 0)
      if (await this.#isAtRest(server)) break
      if (!this.#operator.isBusy) await this.#operator.resumePaused()
    }
    if (this.#judge.violations.length > 0) return
    for (const { organizationId } of this.#scenario.organizations) {
      judgeRest(this.#judge, world, await server.readTables(organizationId))
      for (const difference of await server.recount(organizationId)) {
        this.#judge.accuse('I14', `${organizationId}/`, difference)
      }
    }
    for (const { name, dispatcher } of this.#nodes) {
      const { unmatchedEvents } = dispatcher.counters
      if (unmatchedEvents > 0) this.#judge.accuse('I9', name, `${unmatchedEvents} pieces of evidence fit no attempt`)
    }
  }

  async #isAtRest(server: ServerSide): Promise<boolean> {
    if (this.#world.underway > 0 || this.#operator.isBusy) return false
    for (const provider of this.#providers.values()) if (provider.liveCalls > 0) return false
    for (const { organizationId } of this.#scenario.organizations) {
      if (!isSettled(await server.readTables(organizationId))) return false
    }
    return true
  }

  #result(): SeedResult {
    const { coverage, history } = this.#world
    for (const { dispatcher } of this.#nodes) {
      const { adopted, corrected, terminalConflicts, unknown } = dispatcher.counters
      coverage.hit('adopted', adopted)
      coverage.hit('corrected', corrected)
      coverage.hit('terminal-conflict', terminalConflicts)
      coverage.hit('unknown', unknown)
    }
    let calls = 0
    for (const provider of this.#providers.values()) calls += provider.calls.length
    return {
      seed: this.#seed,
      traceHash: this.#world.traceHash(),
      violations: this.#judge.violations,
      history,
      attempts: this.#judge.attempts,
      coverage: coverage.counts,
      calls,
      steps: this.#world.steps,
      virtualMs: this.#world.nowMs,
    }
  }

  #expectWindows(): void {
    for (const { organizationId, batches, lanes } of this.#scenario.organizations) {
      for (const [batchId, { terms }] of batches) {
        const window = terms.callingWindow
        if (!window) continue
        const zone = window.zone === 'recipient' ? [...lanes.values()][0]!.zones[0]! : window.zone
        this.#judge.expectWindow(`${organizationId}/${batchId}`, {
          window,
          zone,
          ringMs: terms.ringTimeoutSeconds * 1000,
        })
        this.#world.coverage.hit('window-shut')
        if (this.#scenario.clockChanges) this.#world.coverage.hit('summer-time')
      }
    }
  }

  #expectTerms(): void {
    for (const tables of this.#scenario.organizations) {
      const { organizationId, recipients, batches, due } = tables
      for (const [key, { batchId, seq }] of recipients) {
        const caller = laneOf(tables, batchId, seq).caller ?? batches.get(batchId)!.terms.caller
        this.#judge.expectTerms(`${organizationId}/${key}`, { caller, notBefore: due.get(key)?.dueAt ?? 0 })
      }
      if (due.size > 0) this.#world.coverage.hit('not-before')
    }
  }

  #openProviders(): void {
    const world = this.#world
    for (const { organizationId, trunks } of this.#scenario.organizations) {
      for (const { definition } of trunks.values()) {
        const { trunkId, trunkUuid } = definition
        const provider = new Provider({
          world,
          faults: () => this.#faults,
          name: `P${organizationId}${trunkId}`,
          organizationId,
          trunkId,
          onCallBegan: (call) => this.#judge.callBegan(call),
          onCallEnded: (call) => this.#judge.callEnded(call),
          onNeverEnded: (call, why) => this.#judge.neverEnded(call, why),
          post: (event) => this.#post(trunkUuid, event),
        })
        const key = `${organizationId}/${trunkId}`
        this.#providers.set(key, provider)
        if (world.random.chance(0.3)) this.#carryingSound.add(key)
      }
    }
  }

  #startNode(name: string, afterMs: number): void {
    const world = this.#world
    world.after(afterMs, () => {
      const wallShiftMs = this.#quiet ? 0 : world.random.pick([0, 0, -3_600_000, 3_600_000, 700, -86_400_000])
      const node = new SimulatedNode({
        world,
        name,
        incarnation: ++this.#incarnations,
        faults: () => this.#faults,
        wallShiftMs,
      })
      node.dispatcher = this.#makeDispatcher(node)
      this.#nodes.push(node)
      world.note(name, 'starts')
      // A process whose start fails ends, and somebody starts it again.
      node.dispatcher.start().catch(() => {
        node.kill('its start')
      })
      node.onDeath(() => this.#startNode(name, this.#quiet ? 300 : world.random.between(500, 15_000)))
    })
  }

  #makeDispatcher(node: SimulatedNode): Dispatcher {
    const world = this.#world
    const faults = () => this.#faults
    return new Dispatcher({
      store: new NodeStore(world, node, this.#database, faults),
      clock: node,
      ids: this.#ids,
      log: silent,
      nodeName: node.name,
      agentKind: () => SPEAKER,
      // Few live at once here: a busy node is one to which little is much.
      overlapFrom: world.random.pick([1, 2, 200]),
      openCarrier: (organizationId, { trunkId }, report) =>
        new NodeCarrier({
          world,
          node,
          faults,
          report,
          provider: this.#providers.get(`${organizationId}/${trunkId}`)!,
          traits: this.#traits,
          carriesSound: this.#carryingSound.has(`${organizationId}/${trunkId}`),
          onWritten: (request, stalled) => this.#judge.written(request, { organizationId, node: node.name, stalled }),
        }),
    })
  }

  /** What goes wrong by the clock; what goes wrong at named points is decided there. */
  #planTrouble(untilMs: number): void {
    const world = this.#world
    const { random } = world
    if (random.chance(0.3)) {
      world.after(random.between(0, untilMs), () => this.#database.restart(random.between(200, 6_000)))
    }
    if (random.chance(0.25)) {
      const provider = random.pick([...this.#providers.values()])
      const fromMs = random.between(0, untilMs)
      world.after(fromMs, () => {
        provider.reachable = false
      })
      world.after(fromMs + random.between(1_000, 15_000), () => {
        provider.reachable = true
      })
    }
    if (random.chance(0.3)) {
      world.after(random.between(1_000, untilMs), () =>
        random.pick(this.#nodes)?.stall(random.between(3_000, 25_000), 'random'),
      )
    }
    if (random.chance(0.3)) world.after(random.between(1_000, untilMs), () => random.pick(this.#nodes)?.kill('random'))
    if (random.chance(0.2)) world.after(random.between(1_000, untilMs), () => this.#stopNode(random.pick(this.#nodes)))
  }

  #stopNode(node: SimulatedNode | undefined): void {
    if (!node?.alive) return
    const world = this.#world
    world.note(node.name, 'is asked to stop')
    if (node.dispatcher.liveCalls > 0) world.coverage.hit('node-stopped')
    const ended = () => node.kill('the end of its stop')
    node.dispatcher.stop().then(ended, ended)
    world.after(20_000, ended)
  }

  #endTrouble(): void {
    const world = this.#world
    world.note('world', 'nothing goes wrong any more')
    this.#quiet = true
    this.#faults = NO_FAULTS
    for (const provider of this.#providers.values()) provider.reachable = true
    this.#operator.finish()
  }

  #wakeSomebody(organizationId: number): void {
    const node = this.#world.random.pick(this.#nodes)
    node?.whenRunning(() => node.dispatcher.wake(organizationId))
  }

  /** The provider tells an event to our public address, behind which any node may stand, and repeats it if need be. */
  #post(trunkUuid: string, event: CallEvent): void {
    const { random, coverage } = this.#world
    const rates = this.#faults
    if (random.chance(rates.callbackLost)) {
      coverage.hit('callback-lost')
      return
    }
    const late = random.chance(rates.callbackLate)
    const delayMs = late ? random.between(1_000, 30_000) : random.between(5, 300)
    this.#postOnce(trunkUuid, event, { delayMs, attempt: 0 })
    if (!random.chance(rates.callbackDoubled)) return
    coverage.hit('callback-doubled')
    this.#postOnce(trunkUuid, event, { delayMs: delayMs + random.between(0, 3_000), attempt: 0 })
  }

  #postOnce(trunkUuid: string, event: CallEvent, { delayMs, attempt }: { delayMs: number; attempt: number }): void {
    const world = this.#world
    world.underway++
    const again = () => {
      const pauseMs = CALLBACK_PAUSES_MS[attempt]
      if (pauseMs !== undefined) this.#postOnce(trunkUuid, event, { delayMs: pauseMs, attempt: attempt + 1 })
    }
    world.after(delayMs, () => {
      const node = world.random.pick(this.#nodes.filter(({ alive }) => alive))
      let over = false
      const finish = (acknowledged: boolean) => {
        if (over) return
        over = true
        world.underway--
        if (!acknowledged) again()
      }
      world.after(CALLBACK_WITHIN_MS, () => finish(false))
      if (!node) {
        finish(false)
        return
      }
      node.whenRunning(() => this.#takeCallback(node, { trunkUuid, event, finish }))
    })
  }

  #takeCallback(
    node: SimulatedNode,
    { trunkUuid, event, finish }: { trunkUuid: string; event: CallEvent; finish: (acknowledged: boolean) => void },
  ): void {
    const world = this.#world
    node.pass('callback-arrived')
    if (!node.alive) {
      finish(false)
      return
    }
    const { ref } = event
    world.note(ref, `callback ${event.kind} at ${node.name}`)
    const { writtenBy } = this.#judge.attempt(ref)
    if (writtenBy !== null && writtenBy !== node.name) world.coverage.hit('callback-elsewhere')
    const callback = { method: 'POST', path: '/', headers: {}, body: postedBody(event) }
    node.dispatcher.takeCallback(trunkUuid, callback).then(
      ({ status }) => {
        // Durable from here on, whether or not the provider learns it.
        if (status === 200 && event.kind === 'ended') this.#judge.attempt(ref).endAcknowledged = true
        node.pass('callback-committed')
        node.whenRunning(() => world.after(20, () => finish(status === 200)))
      },
      () => finish(false),
    )
  }
}

const SPEAKER = {
  kind: 'announcement',
  summary: '',
  settings: null as never,
  speech: () => ({ text: 'Hello', waitForKeySeconds: 0 }),
  stopKey: () => '9',
}
