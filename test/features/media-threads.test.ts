import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createMediaEngine, type MediaEngineOptions } from '../../src/media/engine.ts'
import type { MediaEngine } from '../../src/media/media-engine.ts'
import { SystemCalls } from '../../src/udp/system-calls.ts'

const run = promisify(execFile)
const OPTIONS = { bindAddress: '127.0.0.1', srtp: false, inactivitySeconds: 5 }
/** As /proc numbers the scheduling policies. */
const SCHED_RR = 2

/** What reads TypeScript for a thread does not survive the end of one beside the start of another: all end together. */
const engines: MediaEngine[] = []
afterAll(() => Promise.all(engines.map((engine) => engine.close())))

/** Opens one session and tells what its thread said of itself, and how many threads of this process became of real time. */
async function startOf(changes: Partial<MediaEngineOptions>) {
  const before = threadsOfRealTime()
  const lines: Record<string, unknown>[] = []
  const engine = createMediaEngine({
    clock: systemClock,
    log: { info: (fields, message) => lines.push({ ...fields, message }), warn: () => undefined },
    ports: { first: 17_700, last: 17_718 },
    workers: 1,
    ...changes,
  })
  engines.push(engine)
  // A busy machine may take longer to start a thread from its sources than a call is ready to wait.
  while (lines.length === 0) await engine.open(OPTIONS, {}).catch(() => undefined)
  expect(lines).toHaveLength(1)
  return { ...lines[0], ofRealTime: threadsOfRealTime() - before }
}

function threadsOfRealTime(): number {
  return fs.readdirSync('/proc/self/task').filter((thread) => {
    const stat = fs.readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]) === SCHED_RR
  }).length
}

async function allowed(): Promise<boolean> {
  const calls = await SystemCalls.load(2048)
  const may = calls?.enterRealTime() ?? false
  calls?.leaveRealTime()
  return may
}

describe.skipIf(process.platform !== 'linux' || os.availableParallelism() < 2)('the threads of sound', () => {
  it('go before all other work where the system lets them, and nothing else of the process does', async () => {
    const expected = (await allowed()) ? { priority: 'real-time', ofRealTime: 1 } : { ofRealTime: 0 }
    expect(await startOf({})).toMatchObject(expected)
  })

  it('do not when that is not wanted, or when there is one for every core', async () => {
    expect(await startOf({ priority: 'normal' })).toMatchObject({ priority: 'normal', ofRealTime: 0 })
    const everyCore = { workers: os.availableParallelism() }
    expect(await startOf(everyCore)).toMatchObject({ priority: 'normal', ofRealTime: 0 })
  })
})

it('without koffi sound and SIP go over the sockets of Node.js, and the log says so', async () => {
  const folder = path.dirname(fileURLToPath(import.meta.url))
  const tools = ['../run-typescript.mjs', '../media/forbid-koffi.mjs'].map((file) => path.join(folder, file))
  const program = path.join(folder, '../media/sound-and-signalling.ts')
  const { stdout } = await run(process.execPath, [...tools.flatMap((tool) => ['--import', tool]), program])
  expect(JSON.parse(stdout)).toEqual({
    log: [
      {
        sockets: 'node',
        priority: expect.stringMatching(/^(raised|normal)$/),
        message: expect.stringContaining('koffi is not there'),
      },
    ],
    packetsHeard: true,
    optionsAnswered: true,
  })
})
