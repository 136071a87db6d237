import fs from 'node:fs'
import path from 'node:path'

/** What the first start leaves on the machine, so that the commands work there without any settings. */
export interface FirstKey {
  /** Where the server listened when it was last started on this data folder. */
  readonly url: string
  readonly apiKey: string
  readonly workspaceId: string
  readonly operatorKey: string | null
  readonly agentId: string | null
  readonly number: string | null
  readonly trunkId: string | null
}

const FILE_NAME = 'first-key.json'

export function firstKeyPath(dataFolder: string): string {
  return path.join(dataFolder, FILE_NAME)
}

/** Readable by its owner only from the first byte on, and whole or not there. */
export function writeFirstKey(dataFolder: string, key: FirstKey): void {
  const file = firstKeyPath(dataFolder)
  const draft = `${file}.${process.pid}`
  fs.mkdirSync(dataFolder, { recursive: true })
  fs.rmSync(draft, { force: true })
  fs.writeFileSync(draft, `${JSON.stringify(key, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  fs.renameSync(draft, file)
}

/** Undefined when there is none, it may not be read, or it is no such file. */
export function readFirstKey(dataFolder: string): FirstKey | undefined {
  try {
    const read: unknown = JSON.parse(fs.readFileSync(firstKeyPath(dataFolder), 'utf8'))
    return isFirstKey(read) ? read : undefined
  } catch {
    return undefined
  }
}

function isFirstKey(value: unknown): value is FirstKey {
  if (typeof value !== 'object' || value === null) return false
  const { url, apiKey, workspaceId } = value as Partial<Record<string, unknown>>
  return typeof url === 'string' && typeof apiKey === 'string' && typeof workspaceId === 'string'
}
