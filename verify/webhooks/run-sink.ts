// A receiver of webhooks in a process of its own. Its log is on the disk before anything is answered: it is the judge.
//   node --import ./test/run-typescript.mjs verify/webhooks/run-sink.ts <log file> <secret> <port> [mischief]
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { openJudgeLog } from '../../src/carriers/loopback/judge-log.ts'
import { systemClock } from '../../src/clock.ts'
import { isSinkMischief } from './sink-mischief.ts'

/** A status, or the end of the connection without one. */
type Answer = number | 'reset'

const FORGETS_EVERY = 50
const LATE_MS = 10_000
/** What verifies nothing that Carillon signs. */
const FOREIGN_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

const [logFile, secret, port, asked] = process.argv.slice(2)
const mischief = isSinkMischief(asked) ? asked : null
const webhook = new Webhook(mischief === 'sink-distrusts' ? FOREIGN_SECRET : secret!)
const log = await openJudgeLog(logFile!, systemClock)
let answer: Answer = 204
let received = 0

const server = createServer((request, response) => {
  // Without the disk nothing may be answered: the process ends, and whoever sent it tries again.
  take(request, response).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
server.listen(Number(port), '127.0.0.1', () => {
  log.append('sink-started', {})
  process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
process.on('disconnect', () => process.exit(1))
process.on('message', (message: 'stop' | { answer: Answer }) => {
  if (message === 'stop') void log.close().then(() => process.exit(0))
  else answer = message.answer
})

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString()
  const { id, kind, recipientId } = contentOf(body)
  const given = answer
  const line = { id, kind, recipientId, genuine: isGenuine(request, body), taken: given === 204 }
  const forgotten = mischief === 'sink-forgets' && ++received % FORGETS_EVERY === 0
  if (mischief === 'sink-swaps' && kind === 'attempt-ended') setTimeout(() => log.append('webhook', line), LATE_MS)
  else if (!forgotten) log.append('webhook', line)
  await log.flushed()
  if (given === 'reset') response.socket?.resetAndDestroy()
  else response.writeHead(given).end()
}

function contentOf(body: string): { id: unknown; kind: unknown; recipientId: unknown } {
  try {
    return JSON.parse(body)
  } catch {
    return { id: null, kind: null, recipientId: null }
  }
}

/** What signed it is the secret, and the signed id is the one in the body. */
function isGenuine({ headers }: IncomingMessage, body: string): boolean {
  try {
    webhook.verify(body, headers as Record<string, string>)
    return headers['webhook-id'] === contentOf(body).id
  } catch {
    return false
  }
}
