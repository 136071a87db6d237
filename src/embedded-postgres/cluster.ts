import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { runCommand, type SystemUser } from './run-command.ts'
import type { EmbeddedPostgresLog } from './server-log.ts'
import { findUnreachable } from './system-user.ts'

/** The folders of PostgreSQL inside Carillon's data folder. */
export interface PostgresFolders {
  root: string
  /** PostgreSQL's own data; belongs to the user it runs as. */
  cluster: string
  lock: string
  socket: string
}

// `/.s.PGSQL.5432` follows; the shortest limit of the systems supported is 104 bytes with the ending zero.
const maxSocketFolderBytes = 85

/** Makes Carillon's data folder and the folder `postgres` in it. Others may pass through, not look in. */
export function prepareFolders(dataDir: string): PostgresFolders {
  const root = path.join(dataDir, 'postgres')
  try {
    fs.mkdirSync(root, { recursive: true, mode: 0o711 })
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The data folder ${dataDir} cannot be made (${(error as NodeJS.ErrnoException).code}). ` +
        'Set CARILLON_DATA_DIR to a folder that Carillon may write to.',
    )
  }
  return {
    root,
    cluster: path.join(root, 'cluster'),
    lock: path.join(root, 'lock'),
    socket: path.join(root, 'socket'),
  }
}

/**
 * Makes the cluster on the first start; later checks that it belongs to this major version.
 *
 * initdb works in a folder of another name that is renamed when complete, so that a start that is killed in between
 * leaves nothing that looks like a cluster.
 */
export async function prepareCluster(task: {
  folders: PostgresFolders
  binaries: Binaries
  user: SystemUser | undefined
  log: EmbeddedPostgresLog
}): Promise<void> {
  const { folders, binaries, user, log } = task
  if (fs.existsSync(folders.cluster)) {
    requireSameVersion(folders.cluster, binaries.majorVersion)
    return
  }
  log.info({ folder: folders.cluster }, 'First start: the database folder is made')
  const unfinished = path.join(folders.root, 'cluster-unfinished')
  fs.rmSync(unfinished, { recursive: true, force: true })
  makePrivateFolder(unfinished, user)
  const result = await runCommand(
    path.join(binaries.binDir, 'initdb'),
    ['-D', unfinished, '-U', 'carillon', '-A', 'trust', '-E', 'UTF8', '--no-locale'],
    { user, ldLibraryPath: binaries.ldLibraryPath },
  )
  if (result.code !== 0) {
    throw new EmbeddedPostgresError(
      `PostgreSQL could not make its data folder ${folders.cluster}. The last words of initdb:\n${result.startError ?? result.output}`,
    )
  }
  fs.renameSync(unfinished, folders.cluster)
  syncFolder(folders.root)
}

/**
 * Checks first what would otherwise make initdb fail with a bare "Permission denied".
 *
 * @throws EmbeddedPostgresError that names the folder PostgreSQL's user may not enter, and the remedy.
 */
export async function requireReachable(folder: string, user: SystemUser | undefined): Promise<void> {
  const obstacle = await findUnreachable(folder, user)
  if (obstacle === undefined) return
  throw new EmbeddedPostgresError(
    `Carillon runs as root, PostgreSQL as the user with id ${user?.uid}, and that user may not enter ${obstacle}. ` +
      'Set CARILLON_DATA_DIR to a folder that everyone may pass through, such as /var/lib/carillon ' +
      `(or allow it: chmod o+x ${obstacle}), or start Carillon as an ordinary user.`,
  )
}

function requireSameVersion(clusterFolder: string, majorVersion: string): void {
  let found: string
  try {
    found = fs.readFileSync(path.join(clusterFolder, 'PG_VERSION'), 'utf8').trim()
  } catch (error) {
    throw new EmbeddedPostgresError(
      `${clusterFolder} is not a PostgreSQL data folder: PG_VERSION cannot be read (${(error as NodeJS.ErrnoException).code}). ` +
        'Restore it from a backup, or move it away to start with an empty database.',
    )
  }
  if (found === majorVersion) return
  throw new EmbeddedPostgresError(
    `The database folder ${clusterFolder} was made by PostgreSQL ${found}, but this Carillon carries PostgreSQL ${majorVersion}. ` +
      `Start the earlier Carillon again; or start PostgreSQL ${found} on that folder and set DATABASE_URL to it; or bring the ` +
      `data over with pg_upgrade (${found} to ${majorVersion}); or set CARILLON_DATA_DIR to a new folder to begin empty.`,
  )
}

/**
 * The folder of the socket, 0700 and owned by the user PostgreSQL runs as: who may enter it may connect. A unix socket's
 * path is limited to about 100 bytes, so below a long data folder a short folder in the system's temporary folder is
 * used and its path recorded, so that later starts use the same one.
 */
export function prepareSocketFolder(folders: PostgresFolders, user: SystemUser | undefined): string {
  if (Buffer.byteLength(folders.socket) <= maxSocketFolderBytes) {
    makePrivateFolder(folders.socket, user)
    return folders.socket
  }
  const record = path.join(folders.root, 'socket-folder')
  const recorded = fs.existsSync(record) ? fs.readFileSync(record, 'utf8').trim() : undefined
  if (recorded !== undefined && isPrivateFolder(recorded, user)) return recorded
  const made = fs.mkdtempSync(path.join(shortTemporaryFolder(), 'carillon-'))
  makePrivateFolder(made, user)
  fs.writeFileSync(record, `${made}\n`)
  return made
}

function shortTemporaryFolder(): string {
  return Buffer.byteLength(os.tmpdir()) <= maxSocketFolderBytes - 20 ? os.tmpdir() : '/tmp'
}

// In a temporary folder anyone could have made a folder of that name; one of another owner is not used.
function isPrivateFolder(folder: string, user: SystemUser | undefined): boolean {
  const found = fs.lstatSync(folder, { throwIfNoEntry: false })
  const owner = user?.uid ?? process.getuid?.()
  return found?.isDirectory() === true && found.uid === owner && (found.mode & 0o777) === 0o700
}

function makePrivateFolder(folder: string, user: SystemUser | undefined): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  fs.chmodSync(folder, 0o700)
  if (user !== undefined) fs.chownSync(folder, user.uid, user.gid)
}

function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, 'r')
  fs.fsyncSync(descriptor)
  fs.closeSync(descriptor)
}
