import { describe, expect, it } from 'vitest'
import { type ApiClient, ApiError, UnreachableError } from './api-client.ts'
import type { BatchDocument } from './api-types.ts'
import { openTerminal } from './terminal.ts'
import { watchBatch } from './watch-batch.ts'

function batch(settled: number, status: BatchDocument['status'] = 'running'): BatchDocument {
  const figures = { total: 3, waiting: 3 - settled, due: 0, live: 0, settled, dialing: 0, accepted: 0, ringing: 0 }
  return {
    id: 'b1',
    name: 'people.csv',
    status,
    createdAt: '2025-01-06T09:00:00.000Z',
    rejectedRows: 0,
    figures: { ...figures, talking: 0, attempts: settled, talkSeconds: 0, outcomes: { answered: settled } },
    waiting: null,
  }
}

/** Answers in turn; an Error is thrown. */
function clientAnswering(answers: (BatchDocument | Error)[]): ApiClient {
  const get = async (): Promise<BatchDocument> => {
    const next = answers.shift()
    if (next === undefined) throw new Error('asked once too often')
    if (next instanceof Error) throw next
    return next
  }
  return { get } as unknown as ApiClient
}

function terminalFor(isTTY: boolean) {
  const out: string[] = []
  const err: string[] = []
  const stdout = { isTTY, columns: 80, write: (text: string) => out.push(text) }
  const stderr = { write: (text: string) => err.push(text) }
  return { terminal: openTerminal({ stdout, stderr, environment: { NO_COLOR: '1' } }), out, err }
}

describe('watchBatch', () => {
  it('writes JSON lines when nobody looks, the last one for the end', async () => {
    const { terminal, out } = terminalFor(false)
    const client = clientAnswering([batch(1), batch(3, 'completed')])
    const watched = await watchBatch({
      client,
      batchId: 'b1',
      pollMs: 0,
      terminal,
      interrupt: new AbortController().signal,
    })
    expect(watched).toMatchObject({ interrupted: false, batch: { status: 'completed' } })
    const lines = out.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ type }) => type)).toEqual(['batch-progress', 'batch-ended'])
    expect(lines[1]).toMatchObject({ batchId: 'b1', status: 'completed', figures: { settled: 3 } })
  })

  it('redraws a block in place on a screen and gives the cursor back', async () => {
    const { terminal, out } = terminalFor(true)
    const client = clientAnswering([batch(1), batch(3, 'completed')])
    await watchBatch({ client, batchId: 'b1', pollMs: 0, terminal, interrupt: new AbortController().signal })
    const text = out.join('')
    expect(text).toContain('\u001b[4A\r\u001b[0J')
    expect(text.endsWith('\u001b[?25h')).toBe(true)
    expect(text).toContain('3 of 3  100 %')
  })

  it('waits for a server that is away for a moment', async () => {
    const { terminal, out } = terminalFor(true)
    const client = clientAnswering([batch(1), new UnreachableError('No Carillon answers.'), batch(3, 'completed')])
    const watched = await watchBatch({
      client,
      batchId: 'b1',
      pollMs: 0,
      terminal,
      interrupt: new AbortController().signal,
    })
    expect(watched.batch?.status).toBe('completed')
    expect(out.join('')).toContain('No Carillon answers. Trying again.')
  })

  it('does not wait for a server that was never there, nor after a refusal', async () => {
    const interrupt = new AbortController().signal
    const { terminal } = terminalFor(true)
    const away = clientAnswering([new UnreachableError('No Carillon answers.')])
    await expect(watchBatch({ client: away, batchId: 'b1', pollMs: 0, terminal, interrupt })).rejects.toThrow(
      'No Carillon',
    )
    const refused = new ApiError(404, { code: 'batch-not-found', message: 'There is no such batch.' })
    const client = clientAnswering([batch(1), refused])
    await expect(watchBatch({ client, batchId: 'b1', pollMs: 0, terminal, interrupt })).rejects.toThrow('no such batch')
  })

  it('ends at Ctrl-C and leaves the batch as it is', async () => {
    const controller = new AbortController()
    const { terminal } = terminalFor(true)
    const get = async (): Promise<BatchDocument> => {
      controller.abort()
      return batch(1)
    }
    const client = { get } as unknown as ApiClient
    const watched = await watchBatch({ client, batchId: 'b1', pollMs: 0, terminal, interrupt: controller.signal })
    expect(watched).toMatchObject({ interrupted: true, batch: { figures: { settled: 1 } } })
  })
})
