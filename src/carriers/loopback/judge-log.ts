import { type FileHandle, open, readFile } from 'node:fs/promises'
import type { Clock } from '../../clock.ts'

/** One line of the log: what, when by both clocks, and the rest. */
export interface JudgeEntry {
  readonly what: string
  readonly atEpochMs: number
  readonly atMonotonicMs: number
  readonly [field: string]: unknown
}

/**
 * What the network saw, one JSON line each, in the order it happened. `flushed` resolves when all that was
 * appended before is on the disk; lines that come together share one fsync.
 */
export interface JudgeLog {
  append(what: string, fields: Readonly<Record<string, unknown>>): void
  /** Rejects when the disk does not take the lines. */
  flushed(): Promise<void>
  close(): Promise<void>
}

export const noLog: JudgeLog = {
  append: () => undefined,
  flushed: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

/** Opens the log for appending. Earlier lines stay; a last line torn by a crash is closed off. */
export async function openJudgeLog(file: string, clock: Clock): Promise<JudgeLog> {
  const handle = await open(file, 'a')
  const { size } = await handle.stat()
  return new FileLog(handle, clock, size === 0 ? '' : '\n')
}

/** The lines of a log, oldest first; none when there is no such file. Torn lines are left out. */
export async function readJudgeLog(file: string): Promise<JudgeEntry[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as JudgeEntry]
    } catch {
      return []
    }
  })
}

class FileLog implements JudgeLog {
  readonly #handle: FileHandle
  readonly #clock: Clock
  #pending: string
  #writing: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(handle: FileHandle, clock: Clock, firstCharacters: string) {
    this.#handle = handle
    this.#clock = clock
    this.#pending = firstCharacters
  }

  append(what: string, fields: Readonly<Record<string, unknown>>): void {
    const atMonotonicMs = Math.round(this.#clock.monotonicMs() * 1000) / 1000
    const atEpochMs = this.#clock.nowEpochMs()
    this.#pending += `${JSON.stringify({ what, atEpochMs, atMonotonicMs, ...fields })}\n`
    // A line is written soon even if nobody waits for it; who waits learns of a failure.
    this.flushed().catch(() => undefined)
  }

  flushed(): Promise<void> {
    if (this.#writing === null) {
      this.#writing = this.#write()
      return this.#writing
    }
    // A write is under way and may have missed the latest lines: all who ask now share the one after it.
    this.#next ??= this.#writing.then(() => {
      this.#next = null
      this.#writing = this.#write()
      return this.#writing
    })
    return this.#next
  }

  async close(): Promise<void> {
    await this.flushed()
    await this.#handle.close()
  }

  /** Once a write has failed all later ones fail too: a log with a hole proves nothing. */
  async #write(): Promise<void> {
    // Lines of the same turn go together.
    await Promise.resolve()
    const lines = this.#pending
    if (lines !== '') {
      this.#pending = ''
      await this.#handle.appendFile(lines)
      await this.#handle.datasync()
    }
    if (this.#next === null) this.#writing = null
  }
}
