import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { readJudgeLog } from '../src/carriers/loopback/judge-log.ts'
import { startProgram } from './child.ts'
import { type CourtRecord, courtRecordOf } from './judge.ts'

/** What a network needs to become the trunk of the first organization. */
export interface TrunkSetUp {
  ask<Answer>(method: string, route: string, body?: unknown): Promise<Answer>
  /** Where nodes reach the network, relays included; null when it has no such address. */
  readonly url: string | null
  /** Where the network reaches the nodes. */
  readonly nodeUrls: readonly string[]
  readonly limits: { readonly concurrency: number; readonly callsPerSecond: number }
}

/** The telephone network of a world. What it wrote down is the judge. */
export interface Network {
  /** Where it takes requests by HTTP; null when it takes none. */
  readonly url: string | null
  /** What every node is started with, beside its mischief. */
  readonly nodeArguments: readonly string[]
  environmentOf(nodeIndex: number): Readonly<Record<string, string>>
  /** Makes the trunk with its limits, and tells the agent its words. */
  setUp(trunk: TrunkSetUp): Promise<void>
  /** What it has seen until now. */
  courtRecord(): Promise<CourtRecord>
  /** Calls that live in it. */
  liveCalls(): Promise<number>
  stop(): Promise<void>
}

const SAID = {
  text: 'Hello {name}, this is a test. Press nine and we never call again.',
  waitForKeySeconds: 2,
  stopKey: '9',
}

/** The loopback carrier's network in a process of its own. */
export async function simulatedNetwork({ folder, speed }: { folder: string; speed: number }): Promise<Network> {
  const secret = randomBytes(20).toString('hex')
  const logFile = path.join(folder, 'judge.jsonl')
  const program = await startProgram({
    program: 'run-network.ts',
    argv: [logFile, secret, String(speed)],
    outputFile: path.join(folder, 'network.log'),
  })
  return {
    url: program.url,
    nodeArguments: [],
    environmentOf: () => ({}),
    async setUp({ ask, url, nodeUrls, limits }) {
      const trunks = await ask<{ items: { id: string }[] }>('GET', '/trunks')
      const settings = { url, secret, nodeUrls }
      await ask('PATCH', `/trunks/${trunks.items[0]!.id}`, { settings, ...limits })
      await ask('PATCH', '/agents/announcement', { settings: SAID })
    },
    courtRecord: async () => courtRecordOf(await readJudgeLog(logFile)),
    async liveCalls() {
      const headers = { authorization: `Bearer ${secret}` }
      const response = await fetch(`${program.url}/status`, { headers })
      return ((await response.json()) as { liveCalls: number }).liveCalls
    },
    stop: () => program.stop(),
  }
}
