import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** An API key that every test node knows. */
export const KEY = 'key-of-a-client-0123456789abcdef'

export interface TestNode {
  readonly url: string
  /** Kills it, as a crash would. */
  stop(): Promise<void>
}

/** A whole server in a process of its own, on a database of the test. */
export async function startNode(databaseUrl: string, mediaPorts: string): Promise<TestNode> {
  const child = spawn(process.execPath, ['--import', './test/run-typescript.mjs', 'test/sip/node-program.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PORT: '0',
      DATABASE_URL: databaseUrl,
      CARILLON_BOOTSTRAP_API_KEY: KEY,
      CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8',
      CARILLON_SIP_ADDRESSES: '127.0.0.1',
      CARILLON_MEDIA_PORTS: mediaPorts,
    },
  })
  const exited = once(child, 'exit')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    url: JSON.parse(line).url,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** One request to the API of a node; fails unless it was taken. */
// biome-ignore lint/suspicious/noExplicitAny: answers of the HTTP API, looked at field by field
export async function ask(url: string, where: string, body?: object): Promise<any> {
  const response = await fetch(`${url}/carillon/v1${where}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`)
  return response.json()
}
