import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../clock.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

/** Exclusive use of a folder, from `lockFolder` until `release` or the end of the process, however it ends. */
export interface FolderLock {
  /** May be called again. */
  release(): Promise<void>
}

const prefix = 'lock-'
const answerTimeoutMs = 1000
const contestTimeoutMs = 2000
const contestPollMs = 50
// The shortest limit of the systems supported (macOS), without the ending zero byte.
const maxSocketPathBytes = 103

/**
 * Takes exclusive use of `folder`, which is made if missing.
 *
 * The lock is a listening unix socket: the kernel closes it with its process, so a socket that refuses a connection is
 * the leftover of a killed process and is removed. It also works between containers that share the folder, where
 * process ids do not. Each process has a socket of its own name, so removing a leftover can never hit a living lock.
 * Each publishes its socket before it looks for others, so of two that start at once at least one sees the other; of
 * two that are both undecided the one with the greater name gives up.
 *
 * @throws EmbeddedPostgresError when another process holds the folder, with its process id when it tells it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  const place = openPlace(folder)
  const name = `${prefix}${randomBytes(6).toString('hex')}`
  let state: 'trying' | 'held' = 'trying'
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(`${state} ${process.pid}\n`)
  })
  server.unref()
  let released = false
  const release = async (): Promise<void> => {
    // A second close would hit whatever uses the descriptor's number by then.
    if (released) return
    released = true
    fs.rmSync(path.join(folder, name), { force: true })
    await new Promise<void>((resolve) => server.close(() => resolve()))
    place.close()
  }
  try {
    await publish(server, place, name)
    await winContest(place, name)
  } catch (error) {
    await release()
    throw error
  }
  state = 'held'
  return { release }
}

interface Place {
  folder: string
  /** A path short enough for a socket, whatever the length of the folder's path is. */
  socketPath(name: string): string
  close(): void
}

function openPlace(folder: string): Place {
  if (process.platform === 'linux') {
    const descriptor = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
    return {
      folder,
      socketPath: (name) => `/proc/self/fd/${descriptor}/${name}`,
      close: () => fs.closeSync(descriptor),
    }
  }
  if (Buffer.byteLength(path.join(folder, `new-${prefix}123456789012`)) > maxSocketPathBytes) {
    throw new EmbeddedPostgresError(
      `The path ${folder} is too long for a unix socket. Set CARILLON_DATA_DIR to a folder with a shorter path.`,
    )
  }
  return { folder, socketPath: (name) => path.join(folder, name), close: () => undefined }
}

// The socket gets its final name only once it listens, else another process could take it for a leftover.
async function publish(server: net.Server, place: Place, name: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(place.socketPath(`new-${name}`), () => resolve())
    })
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The folder ${place.folder} cannot hold a unix socket (${(error as NodeJS.ErrnoException).code}). ` +
        'Set CARILLON_DATA_DIR to a folder on a local disk.',
    )
  }
  fs.renameSync(path.join(place.folder, `new-${name}`), path.join(place.folder, name))
}

async function winContest(place: Place, ownName: string): Promise<void> {
  const startedAtMs = systemClock.monotonicMs()
  for (;;) {
    const names = fs.readdirSync(place.folder).filter((name) => name.startsWith(prefix) && name !== ownName)
    const answers = await Promise.all(names.map(async (name) => ({ name, ...(await ask(place, name)) })))
    const rivals = answers.filter((answer) => answer.state !== 'gone')
    for (const answer of answers) {
      if (answer.state === 'gone') fs.rmSync(path.join(place.folder, answer.name), { force: true })
    }
    if (rivals.length === 0) return
    const holder = rivals.find((rival) => rival.state === 'held' || (rival.state === 'trying' && rival.name < ownName))
    if (holder !== undefined || systemClock.monotonicMs() - startedAtMs > contestTimeoutMs) {
      const pid = (holder ?? rivals[0])?.pid
      throw new EmbeddedPostgresError(
        `Another Carillon${pid === undefined ? '' : ` (process ${pid})`} uses the folder ${path.dirname(place.folder)}. ` +
          'Stop it first, set CARILLON_DATA_DIR to another folder, or let both use one PostgreSQL by setting DATABASE_URL.',
      )
    }
    await delay(contestPollMs)
  }
}

interface Answer {
  state: 'gone' | 'trying' | 'held' | 'silent'
  pid?: string
}

// A process that takes the connection but does not answer is ending just now, or busy, or stopped: it is asked again, and
// counts as the holder if it stays silent.
function ask(place: Place, name: string): Promise<Answer> {
  return new Promise((resolve) => {
    let text = ''
    const socket = net.connect(place.socketPath(name))
    socket.setTimeout(answerTimeoutMs, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    let errorCode: string | undefined
    socket.on('error', (error: NodeJS.ErrnoException) => {
      errorCode = error.code
    })
    socket.on('close', () => {
      if (errorCode === 'ECONNREFUSED' || errorCode === 'ENOENT' || errorCode === 'ENOTSOCK')
        return resolve({ state: 'gone' })
      const [, state, pid] = /^(trying|held) (\d+)\n$/.exec(text) ?? []
      resolve(pid === undefined ? { state: 'silent' } : { state: state as 'trying' | 'held', pid })
    })
  })
}
