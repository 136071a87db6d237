import { createWriteStream } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiClient } from './api-client.ts'
import { CliError } from './cli-error.ts'

export type ResultKind = 'csv' | 'json-lines' | 'rejected'

const FILES: Readonly<Record<ResultKind, string>> = {
  csv: 'results.csv',
  'json-lines': 'results.jsonl',
  rejected: 'rejected-rows.csv',
}

export interface SaveRequest {
  readonly batchId: string
  readonly kind: ResultKind
  /** Written over if it exists. It holds telephone numbers: others may not read it. */
  readonly file: string
}

/** The path of the written file. */
export async function saveResults(client: ApiClient, request: SaveRequest): Promise<string> {
  const body = await openResults(client, request)
  const file = path.resolve(request.file)
  try {
    await pipeline(Readable.from(body), createWriteStream(file, { mode: 0o600 }))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new CliError(`${request.file} cannot be written${code === undefined ? '' : ` (${code})`}.`, {
      remedy: 'Name a file in a folder that exists and may be written to.',
    })
  }
  return file
}

/** The file of a batch as it arrives. */
export function openResults(client: ApiClient, request: Omit<SaveRequest, 'file'>): Promise<AsyncIterable<Uint8Array>> {
  return client.download(`/batches/${encodeURIComponent(request.batchId)}/${FILES[request.kind]}`)
}
