import type { AttemptKey } from '../../src/model/attempt-key.ts'
import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import type { Judge } from './judge.ts'
import type { Tables } from './memory-rows.ts'
import type { SharedDatabase } from './node-store.ts'
import { LONE_BATCH_ID } from './scenario.ts'
import type { VirtualWorld } from './virtual-world.ts'

const UNSENT_POLL_MS = 40
const UNSENT_WAIT_MS_MAX = 6_000
const LIVE_LOOKS_MAX = 12
const LIVE_LOOK_MS = 400
const RETRYABLE = (['busy', 'no-answer', 'failed', 'rejected', 'unknown'] as const).map(codeOfOutcome)

export interface OperatorOptions {
  readonly world: VirtualWorld
  readonly database: SharedDatabase
  readonly judge: Judge
  readonly wake: (organizationId: number) => void
  readonly organizations: readonly Tables[]
  /** The person of a call would not hang up by themselves. */
  readonly goOn: (organizationId: number, call: AttemptKey & { trunkId: number }) => void
}

/** Somebody who pauses, cancels, suppresses and changes limits while calls are made. */
export class Operator {
  readonly #options: OperatorOptions
  #underway = 0

  constructor(options: OperatorOptions) {
    this.#options = options
  }

  get isBusy(): boolean {
    return this.#underway > 0
  }

  /** Plans some commands for the time until `untilMs`. */
  plan(untilMs: number): void {
    const { world, organizations } = this.#options
    const { random } = world
    for (const tables of organizations) {
      const count = random.between(0, 3)
      for (let index = 0; index < count; index++) {
        const batchId = random.pick([...tables.batches.keys()])
        world.after(random.between(500, untilMs), () => this.#start(this.#something(tables, batchId)))
      }
      const { organizationId, batches } = tables
      if (batches.has(LONE_BATCH_ID)) this.#start(() => this.#pauseAtTheEnd(organizationId, LONE_BATCH_ID, untilMs))
    }
  }

  /** What must be done so that everything can come to rest: nothing stays paused, no window keeps anybody waiting. */
  finish(): void {
    const { organizations, judge } = this.#options
    for (const { organizationId, batches } of organizations) {
      for (const [batchId, { terms }] of batches) {
        this.#start(async () => {
          if (terms.callingWindow !== null) {
            await this.#command(organizationId, (commands) => commands.setWindow(organizationId, batchId, null))
            judge.expectWindow(`${organizationId}/${batchId}`, null)
          }
          await this.#resume(organizationId, batchId)
        })
      }
    }
  }

  /**
   * After the trouble: a batch that was paused and came to its end is paused again when late evidence brings back one of
   * its calls. Nothing would come to rest in it.
   */
  async resumePaused(): Promise<void> {
    const { organizations, database, world } = this.#options
    for (const { organizationId } of organizations) {
      const { batches } = await database.server.readTables(organizationId)
      for (const [batchId, { status }] of batches) {
        if (status !== BATCH_STATUS_CODE.paused) continue
        world.coverage.hit('paused-again')
        this.#start(() => this.#resume(organizationId, batchId))
      }
    }
  }

  #start(work: () => Promise<void>): void {
    this.#underway++
    work().finally(() => {
      this.#underway--
    })
  }

  #something({ organizationId, trunks, recipients }: Tables, batchId: number): () => Promise<void> {
    const { world } = this.#options
    const { random, coverage } = world
    const kind = random.weighted({ pause: 4, cancel: 1, suppress: 3, limits: 2, retry: 2, hangUp: 3 })
    const key = `${organizationId}/${batchId}`
    if (kind === 'pause') {
      return async () => {
        if (!(await this.#stop(organizationId, batchId, 'pause'))) return
        coverage.hit('paused')
        await world.delay(random.between(500, 12_000))
        await this.#resume(organizationId, batchId)
      }
    }
    if (kind === 'cancel') return async () => void (await this.#stop(organizationId, batchId, 'cancel'))
    if (kind === 'hangUp') return () => this.#hangUp(organizationId, batchId)
    if (kind === 'suppress') {
      const { number, numberHash } = random.pick([...recipients.values()])
      return () => this.#suppress(organizationId, number, numberHash)
    }
    if (kind === 'limits') {
      const limits = {
        liveMax: random.between(1, 4),
        batch: { batchId, liveMax: random.between(1, 4) },
        trunk: { trunkId: random.pick([...trunks.keys()]), liveMax: random.between(1, 4) },
      }
      return async () => {
        world.note(key, `limits are changed to ${limits.liveMax}, ${limits.batch.liveMax}, ${limits.trunk.liveMax}`)
        coverage.hit('limit-lowered')
        await this.#command(organizationId, (commands) => commands.setLimits(organizationId, limits))
      }
    }
    return () => this.#retry(organizationId, batchId)
  }

  /** Nobody retries a cancelled batch here, so that what was answered to the cancel stays true. */
  async #retry(organizationId: number, batchId: number): Promise<void> {
    const { running, completed } = BATCH_STATUS_CODE
    await this.#command(organizationId, async (commands) => {
      const allowed: number[] = [running, completed]
      if (!allowed.includes(await this.#status(organizationId, batchId))) return
      const reopened = await commands.retry(organizationId, batchId, RETRYABLE)
      // A batch that was paused and came to its end runs again.
      if (reopened > 0) this.#options.judge.stopLifted(`${organizationId}/${batchId}`)
      this.#options.world.note(`${organizationId}/${batchId}`, `${reopened} people are to be dialled once more`)
    })
  }

  async #stop(organizationId: number, batchId: number, verb: 'pause' | 'cancel'): Promise<boolean> {
    const { running, scheduled, paused } = BATCH_STATUS_CODE
    const { world, judge } = this.#options
    const key = `${organizationId}/${batchId}`
    let done = false
    let stillHolds = () => true
    await this.#command(organizationId, async (commands) => {
      const allowed: number[] = verb === 'pause' ? [running] : [running, scheduled, paused]
      done = allowed.includes(await this.#status(organizationId, batchId))
      if (!done) return
      await commands[verb](organizationId, batchId)
      stillHolds = judge.stopCommitted(key)
    })
    if (!done) return false
    world.note(key, `${verb} is committed`)
    await this.#whileUnsent(organizationId, { batchId })
    world.note(key, `${verb} is answered`)
    if (stillHolds()) judge.stopAnswered(key)
    return true
  }

  /**
   * Pauses the batch when all of its people who are left are in a call, and leaves it so: what brings it back after its end
   * can only be late evidence, and then nobody must be dialled again.
   */
  async #pauseAtTheEnd(organizationId: number, batchId: number, untilMs: number): Promise<void> {
    const { world, database } = this.#options
    while (world.nowMs < untilMs) {
      await world.delay(LIVE_LOOK_MS)
      const { batches } = await database.server.readTables(organizationId)
      const { live, settled, total } = batches.get(batchId)!
      if (live === 0 || live + settled < total) continue
      if (await this.#stop(organizationId, batchId, 'pause')) world.coverage.hit('paused')
      return
    }
  }

  async #resume(organizationId: number, batchId: number): Promise<void> {
    const { world, judge } = this.#options
    await this.#command(organizationId, async (commands) => {
      if ((await this.#status(organizationId, batchId)) !== BATCH_STATUS_CODE.paused) return
      world.note(`${organizationId}/${batchId}`, 'resume')
      judge.stopLifted(`${organizationId}/${batchId}`)
      await commands.resume(organizationId, batchId)
    })
  }

  /** Waits a while for a call that lives, and asks for its end. */
  async #hangUp(organizationId: number, batchId: number): Promise<void> {
    const { world, database, goOn } = this.#options
    let asked = false
    for (let look = 0; look < LIVE_LOOKS_MAX && !asked; look++) {
      await this.#command(organizationId, async (commands) => {
        const { live } = await database.server.readTables(organizationId)
        const calls = [...live.values()].filter((call) => call.batchId === batchId)
        // Rows of a table have no order of their own.
        const call = calls.sort((one, other) => one.seq - other.seq)[0]
        if (!call) return
        asked = await commands.hangUp(organizationId, { batchId, seq: call.seq, n: call.n })
        if (asked) goOn(organizationId, { batchId, seq: call.seq, n: call.n, trunkId: call.trunkId })
      })
      if (!asked) await world.delay(LIVE_LOOK_MS)
    }
  }

  async #suppress(organizationId: number, number: number, numberHash: string): Promise<void> {
    const { world, judge } = this.#options
    await this.#command(organizationId, (commands) => commands.suppress(organizationId, [number]))
    world.note(`+${number}`, 'suppression is committed')
    await this.#whileUnsent(organizationId, { numberHashes: [numberHash] })
    world.note(`+${number}`, 'suppression is answered')
    judge.suppressionAnswered(organizationId, number)
  }

  /** As the product's commands do: the answer waits until no intent can be sent any more. */
  async #whileUnsent(organizationId: number, of: { batchId?: number; numberHashes?: string[] }): Promise<void> {
    const { world } = this.#options
    const giveUpAtMs = world.nowMs + UNSENT_WAIT_MS_MAX
    while (world.nowMs < giveUpAtMs) {
      let unsent = 0
      await this.#command(organizationId, async (commands) => {
        unsent = await commands.countUnsent(organizationId, of)
      })
      if (unsent === 0) return
      await world.delay(UNSENT_POLL_MS)
    }
  }

  async #status(organizationId: number, batchId: number): Promise<number> {
    const tables = await this.#options.database.server.readTables(organizationId)
    return tables.batches.get(batchId)!.status
  }

  /** Tries again until the database takes it. */
  async #command(
    organizationId: number,
    work: (commands: SharedDatabase['server']['commands']) => Promise<unknown>,
  ): Promise<void> {
    const { world, database, wake } = this.#options
    for (;;) {
      try {
        await database.command(organizationId, () => work(database.server.commands))
        wake(organizationId)
        return
      } catch (error) {
        if ((error as Error).message !== 'ECONNREFUSED') throw error
        await world.delay(700)
      }
    }
  }
}
