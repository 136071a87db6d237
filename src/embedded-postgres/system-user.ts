import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { runCommand, type SystemUser } from './run-command.ts'

/**
 * PostgreSQL refuses to run as root, so a Carillon that is root hands it to another user: the owner of an existing
 * cluster, else `postgres` if the machine has such a user, else `nobody`. Any other Carillon runs it as itself.
 *
 * @returns undefined when PostgreSQL runs as the same user as Carillon.
 */
export async function chooseSystemUser(clusterFolder: string): Promise<SystemUser | undefined> {
  const ownUid = process.getuid?.()
  const cluster = fs.statSync(clusterFolder, { throwIfNoEntry: false })
  if (ownUid !== 0) {
    if (cluster !== undefined && cluster.uid !== ownUid) {
      throw new EmbeddedPostgresError(
        `The database folder ${clusterFolder} belongs to the user with id ${cluster.uid}, but Carillon runs as the user ` +
          `with id ${ownUid}. Start Carillon as that user, or give the folder to this one: chown -R ${ownUid} ${clusterFolder}`,
      )
    }
    requireNamedUser()
    return undefined
  }
  if (cluster !== undefined && cluster.uid !== 0) return { uid: cluster.uid, gid: cluster.gid }
  const user = (await findUser('postgres')) ?? (await findUser('nobody'))
  if (user === undefined) {
    throw new EmbeddedPostgresError(
      'PostgreSQL refuses to run as root, and this machine has neither a user "postgres" nor a user "nobody". ' +
        'Start Carillon as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
    )
  }
  return user
}

// PostgreSQL looks its own user up by name and stops when there is none, as in containers with a random user id.
function requireNamedUser(): void {
  try {
    os.userInfo()
  } catch {
    throw new EmbeddedPostgresError(
      `Carillon runs as the user id ${process.getuid?.()}, which has no name on this machine; PostgreSQL does not start then. ` +
        'Add the user to /etc/passwd, run Carillon as a user that has a name, or set DATABASE_URL to a PostgreSQL of your own.',
    )
  }
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  const [uid, gid] = await Promise.all([runCommand('id', ['-u', name]), runCommand('id', ['-g', name])])
  if (uid.code !== 0 || gid.code !== 0) return undefined
  return { uid: Number(uid.output), gid: Number(gid.output) }
}

/**
 * Finds the first folder on the way to `target` (from the root downwards) that `user` may not enter, or `target` itself
 * when it may not be read. The system is asked, not the mode bits, so access control lists count too.
 */
export async function findUnreachable(target: string, user: SystemUser | undefined): Promise<string | undefined> {
  if (user === undefined) return undefined
  const folders: string[] = []
  for (let folder = path.resolve(target); ; folder = path.dirname(folder)) {
    folders.unshift(folder)
    if (folder === path.dirname(folder)) break
  }
  const script =
    'for p do if test -d "$p"; then test -x "$p" || { printf %s "$p"; exit 3; }; ' +
    'else test -r "$p" || { printf %s "$p"; exit 3; }; fi; done'
  const result = await runCommand('/bin/sh', ['-c', script, 'sh', ...folders], { user })
  if (result.code === 0) return undefined
  if (result.code === 3) return result.output
  throw new EmbeddedPostgresError(
    `Carillon runs as root but cannot start a program as the user with id ${user.uid} (${result.startError ?? result.output}). ` +
      'Start Carillon as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
  )
}
