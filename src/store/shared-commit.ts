import type pg from 'pg'

/**
 * A commit that is acknowledged with nothing but a warning: its primary waited for a synchronous standby, and somebody
 * cancelled the wait. A fail-over may undo it, so it counts as one whose answer was lost.
 */
export class CommitNotShared extends Error {
  /** SQLSTATE: transaction resolution unknown. */
  readonly code = '08007'

  constructor() {
    super('The commit was acknowledged without the synchronous standby and may be lost')
    this.name = 'CommitNotShared'
  }
}

/** The function of PostgreSQL that waits for standbys; unlike the text of the warning it is not translated. */
const WAIT_FOR_STANDBY = 'SyncRepWaitForLSN'

const unshared = new WeakSet<object>()

/** Listens for the warning from now on, for as long as the connection lasts. */
export function watchCommits(client: pg.ClientBase): void {
  client.on('notice', ({ routine }) => {
    if (routine === WAIT_FOR_STANDBY) unshared.add(client)
  })
}

/**
 * To be asked after a commit was acknowledged; the warning comes before the acknowledgement.
 *
 * @throws CommitNotShared when this connection ever brought the warning: the caller must not use it again.
 */
export function requireShared(client: object): void {
  if (unshared.has(client)) throw new CommitNotShared()
}
