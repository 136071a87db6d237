import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createDatabaseIfMissing } from '../../src/store/database.ts'
import { FaultProxy } from '../fault-proxy.ts'
import { OWNER, PostgresMember, TOOLS } from './postgres-member.ts'

/** How the primary is lost. */
export type FailOver =
  /** It loses its power. */
  | 'killed'
  /** It lives on, alone, and somebody cancels the waits of its commits, which it then acknowledges alone. */
  | 'split'

const ALONE_MS = 1500
const AGAIN_AFTER_MS = 50

/** Whether this machine has the tools of a PostgreSQL with replication. */
export function canFailOver(): boolean {
  return fs.existsSync(path.join(TOOLS, 'pg_basebackup'))
}

/**
 * A primary with a synchronous standby behind one address, as a highly available PostgreSQL gives: after a fail-over the
 * address leads to the one that was the standby, and the other one becomes its standby.
 */
export class PostgresPair {
  readonly folder: string
  #primary: PostgresMember
  #standby: PostgresMember
  readonly #relay: FaultProxy
  #underway: Promise<void> | null = null

  private constructor(folder: string, members: [PostgresMember, PostgresMember], relay: FaultProxy) {
    this.folder = folder
    ;[this.#primary, this.#standby] = members
    this.#relay = relay
  }

  static async start(): Promise<PostgresPair> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-verify-pair-'))
    fs.chmodSync(folder, 0o711)
    const primary = await PostgresMember.make(path.join(folder, 'one'))
    const standby = await PostgresMember.make(path.join(folder, 'other'))
    const relay = await FaultProxy.start({ host: '127.0.0.1', port: primary.port })
    const pair = new PostgresPair(folder, [primary, standby], relay)
    try {
      await primary.init()
      await primary.start()
      await pair.#followAgain()
      return pair
    } catch (error) {
      await pair.stop({ keep: true })
      throw error
    }
  }

  /** An empty database, and a folder for the logs of what runs on it. */
  async place(name: string): Promise<{ databaseUrl: string; folder: string }> {
    await createDatabaseIfMissing(this.#primary.urlOf(name))
    const logs = path.join(this.folder, name)
    fs.mkdirSync(logs)
    return { databaseUrl: `postgres://${OWNER}@127.0.0.1:${this.#relay.port}/${name}`, folder: logs }
  }

  postmasterPid(): number | undefined {
    return this.#primary.pid
  }

  /** Resolves when the new primary has a synchronous standby again. While one is under way there is no other. */
  failOver(how: FailOver): Promise<void> {
    this.#underway ??= this.#failOver(how).finally(() => {
      this.#underway = null
    })
    return this.#underway
  }

  async stop({ keep }: { keep: boolean }): Promise<void> {
    await Promise.all([this.#primary.kill(), this.#standby.kill()])
    await this.#relay.close()
    if (!keep) fs.rmSync(this.folder, { recursive: true, force: true })
  }

  async #failOver(how: FailOver): Promise<void> {
    const old = this.#primary
    if (how === 'killed') await old.kill()
    await this.#standby.promote()
    await this.#standby.waitFor('')
    this.#primary = this.#standby
    this.#standby = old
    // New connections lead to the new primary; those to the old one are left until that is gone.
    this.#relay.redirect({ host: '127.0.0.1', port: this.#primary.port })
    if (how === 'split') await acknowledgeAlone(old)
    await old.kill()
    this.#relay.resetAll()
    await this.#followAgain()
  }

  /** Makes the standby a copy of the primary; from then on no commit is acknowledged without it. */
  async #followAgain(): Promise<void> {
    await this.#standby.copy(this.#primary)
    await this.#standby.start()
    await this.#primary.waitFor('*')
    for (;;) {
      const rows = await this.#primary.ask(`SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`)
      if (rows.length > 0) return
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
    }
  }
}

/** What an administrator does who sees commits hang: each is then acknowledged with nothing but a warning. */
async function acknowledgeAlone(old: PostgresMember): Promise<void> {
  const untilMs = performance.now() + ALONE_MS
  while (performance.now() < untilMs) {
    await old.ask(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
    await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
  }
}
