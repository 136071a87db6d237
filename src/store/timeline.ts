import type pg from 'pg'

/** What a server said of itself is older than what another one said: it was replaced by a fail-over. */
export class ServerReplaced extends Error {
  /** SQLSTATE: the server rejected the connection, as far as the caller goes. */
  readonly code = '08004'

  constructor() {
    super('The database server was replaced by another one and must not be believed any more')
    this.name = 'ServerReplaced'
  }
}

const TIMELINE = `SELECT CASE WHEN NOT pg_is_in_recovery()
  THEN ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline`

/**
 * The highest timeline that one of a node's connections has met. A promotion begins a new one, so that a primary of a
 * lower one is what the promoted server has replaced, whatever it still acknowledges.
 */
export class Timelines {
  #highest = 0
  readonly #byClient = new WeakMap<pg.Client, number>()

  /**
   * Learns on which timeline a new connection is: it stays there as long as it lasts, since a server that is promoted
   * was not believed before. A server that cannot tell is believed.
   *
   * @throws ServerReplaced when it is not that of a primary of the highest one.
   */
  async learn(client: pg.Client): Promise<void> {
    const timeline = await timelineOf(client)
    this.#byClient.set(client, timeline)
    this.#highest = Math.max(this.#highest, timeline)
    this.requireLatest(client)
  }

  /** @throws ServerReplaced when another connection has met a higher timeline. */
  requireLatest(client: pg.Client): void {
    if (!this.isLatest(client)) throw new ServerReplaced()
  }

  isLatest(client: pg.Client): boolean {
    return (this.#byClient.get(client) ?? 0) >= this.#highest
  }
}

/** 0: a standby, or a server that has no such functions. */
async function timelineOf(client: pg.Client): Promise<number> {
  try {
    const { rows } = await client.query<{ timeline: number | null }>(TIMELINE)
    return rows[0]?.timeline ?? 0
  } catch (error) {
    // Undefined function, not supported, not allowed: builds of others that offer PostgreSQL's protocol.
    if (/^(42883|0A000|42501)$/.test(String((error as { code?: unknown }).code))) return 0
    throw error
  }
}
