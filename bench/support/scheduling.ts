import { execFileSync } from 'node:child_process'

/**
 * Has this process, and all that it starts from now on, run before whatever else the machine does: in Linux's real-time
 * class of the lowest priority. What others do then costs caches and the disk, but no wait for a core.
 *
 * @throws Error without Linux's `chrt` or without the right to use it.
 */
export function runBeforeOthers(): void {
  try {
    execFileSync('chrt', ['--all-tasks', '--rr', '--pid', '1', String(process.pid)], { stdio: 'pipe' })
  } catch (error) {
    throw new Error(`--first needs Linux's chrt and root: ${(error as Error).message}`)
  }
}
