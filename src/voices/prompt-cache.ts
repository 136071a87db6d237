import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'

const FILE = /^[0-9a-f]{64}\.wav$/
/** The folder is looked through again when so much was written since. */
const SWEEP_SHARE = 0.1

/**
 * Rendered prompts on disk, as WAV files named by what they hold. What was used last is kept longest. They may
 * say people's names, so folder and files are for the server's user alone. A cache that cannot be read or written
 * costs a rendering, never a call.
 */
export class PromptCache {
  readonly #folder: string
  readonly #bytesMax: number
  #writtenSinceSweep = Number.POSITIVE_INFINITY
  #sweeping: Promise<void> | null = null

  constructor(folder: string, bytesMax: number) {
    this.#folder = folder
    this.#bytesMax = bytesMax
  }

  async read(key: string, now: Date): Promise<Buffer | null> {
    try {
      const file = this.#file(key)
      const content = await readFile(file)
      await utimes(file, now, now)
      return content
    } catch {
      return null
    }
  }

  /** Whole or not at all: it is written beside and renamed. Rejects with the error of the disk. */
  async write(key: string, content: Buffer): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const beside = path.join(this.#folder, `${randomUUID()}.part`)
    await writeFile(beside, content, { mode: 0o600 })
    await rename(beside, this.#file(key))
    this.#writtenSinceSweep += content.length
    if (this.#writtenSinceSweep < this.#bytesMax * SWEEP_SHARE) return
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = null
    })
    await this.#sweeping
  }

  #file(key: string): string {
    return path.join(this.#folder, `${key}.wav`)
  }

  async #sweep(): Promise<void> {
    this.#writtenSinceSweep = 0
    const files: { file: string; bytes: number; usedAtMs: number }[] = []
    for (const name of await readdir(this.#folder)) {
      if (!FILE.test(name)) continue
      const file = path.join(this.#folder, name)
      const found = await stat(file).catch(() => null)
      if (found) files.push({ file, bytes: found.size, usedAtMs: found.mtimeMs })
    }
    files.sort((one, other) => other.usedAtMs - one.usedAtMs)
    let bytes = 0
    for (const each of files) {
      bytes += each.bytes
      if (bytes > this.#bytesMax) await unlink(each.file).catch(() => undefined)
    }
  }
}
