import { spawn } from 'node:child_process'

/** A user of the operating system that PostgreSQL's processes run as. */
export interface SystemUser {
  uid: number
  gid: number
}

/** How a program is run: as which user, with which library folders. */
export interface RunAs {
  user?: SystemUser | undefined
  ldLibraryPath?: string | undefined
}

export interface CommandResult {
  /** Exit code; -1 when the program could not be started or was ended by a signal. */
  code: number
  /** Standard output and standard error, in the order they arrived. */
  output: string
  /** The system's error code when the program could not be started, such as `ENOENT` or `EACCES`. */
  startError?: string
}

/**
 * Spawn options shared by everything that is started here. The environment is made from nothing, so that secrets of
 * Carillon's environment do not reach PostgreSQL, and messages come in English whatever the machine's language is.
 * The working folder is `/`, because PostgreSQL fails when its user cannot read the folder Carillon was started in.
 */
export function spawnOptions(runAs: RunAs) {
  const environment: Record<string, string> = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' }
  if (runAs.ldLibraryPath !== undefined) environment.LD_LIBRARY_PATH = runAs.ldLibraryPath
  const identity = runAs.user === undefined ? {} : { uid: runAs.user.uid, gid: runAs.user.gid }
  return { ...identity, cwd: '/', env: environment }
}

/** Runs a program to its end. Never rejects: a program that cannot be started gives code -1 and `startError`. */
export function runCommand(file: string, args: readonly string[], runAs: RunAs = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let startError: string | undefined
    const finish = (code: number | null): void => {
      resolve({
        code: code ?? -1,
        output: Buffer.concat(chunks).toString('utf8').trim(),
        ...(startError === undefined ? {} : { startError }),
      })
    }
    let child: ReturnType<typeof spawn>
    try {
      child = spawn(file, args, { ...spawnOptions(runAs), stdio: ['ignore', 'pipe', 'pipe'] })
    } catch (error) {
      startError = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN'
      finish(-1)
      return
    }
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', (error: NodeJS.ErrnoException) => {
      startError = error.code ?? 'UNKNOWN'
      finish(-1)
    })
    child.on('close', (code) => finish(code))
  })
}
