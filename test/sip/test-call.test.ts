import { execFile } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../database.ts'
import { ask, KEY, startNode, type TestNode } from './node.ts'
import { answer, answerInDialog, keepSequence, pause, recv, type Step, scenario } from './scenario.ts'
import { freePort, startSipp } from './sipp.ts'
import { trunkBench } from './trunk-bench.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const order = { ringTimeoutSeconds: 2, maxCallSeconds: 10, sendWithinMs: 5000, ref: 'f'.repeat(32) }
const call = {
  ...order,
  to: '+14155550142',
  from: '+14155550100',
  speech: { text: 'This is a test.', waitForKeySeconds: 0 },
}
const answered = [
  answer(180, 'Ringing'),
  answer(200, 'OK', { sdp: true }),
  recv('ACK'),
  recv('BYE'),
  answerInDialog(200, 'OK'),
]

/** What a test call through a scenario tells, as `level step: text`. */
async function told(settings: Parameters<typeof trunkBench>[0], steps: readonly Step[] | null, more: string[] = []) {
  const bench = (port: number) => {
    const made = trunkBench({ port, probe: false, ...settings })
    cleanUps.push(() => made.stop())
    return made
  }
  if (steps === null) return lines(await bench(await freePort()).trunk.testCall(call))
  const sipp = await startSipp({ scenario: scenario('test call', steps), arguments: more })
  cleanUps.push(() => sipp.stop())
  return lines(await bench(sipp.port).trunk.testCall(call))
}

function lines(findings: readonly { level: string; step: string; text: string }[]): string {
  return findings.map(({ level, step, text }) => `${level} ${step}: ${text}`).join('\n')
}

describe('a test call says in plain words', () => {
  it('that all is well, with sound both ways', async () => {
    const text = await told({}, [recv('INVITE'), ...answered], ['-rtp_echo'])
    expect(text).toMatch(/^ok dns: 127.0.0.1 is 127.0.0.1:\d+\.$/m)
    expect(text).toMatch(/^ok ringing: The telephone rang after [\d.]+ s\.$/m)
    expect(text).toMatch(/^ok answer: It was answered after [\d.]+ s\.$/m)
    expect(text).toMatch(/^ok sound: Sound to the telephone: \d+ packets/m)
    expect(text).toMatch(/^ok sound: Sound from the telephone: \d+ packets/m)
    expect(text).toContain('ok end: The agent finished the call.')
  })

  it('that no sound comes back', async () => {
    expect(await told({}, [recv('INVITE'), ...answered])).toContain('bad sound: No sound came from the telephone.')
  })

  it('that the line is busy', async () => {
    const text = await told({}, [recv('INVITE'), answer(486, 'Busy Here'), recv('ACK')])
    expect(text).toContain('note end: Number busy (SIP 486).')
  })

  it('that the password was taken, or not', async () => {
    const settings = { username: 'alice', password: 's3cret' }
    const challenge = answer(401, 'Unauthorized', {
      headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'],
    })
    const taken = [recv('INVITE'), challenge, recv('ACK'), recv('INVITE'), ...answered]
    expect(await told(settings, taken)).toContain('ok authentication: The carrier asked for the password and took it.')
    const refused = [recv('INVITE'), challenge, recv('ACK'), recv('INVITE'), challenge, recv('ACK')]
    expect(await told(settings, refused)).toContain(
      'bad end: The carrier did not accept the credentials of the trunk (SIP 401).',
    )
  })

  it('that the name does not exist', async () => {
    expect(await told({ host: 'no-such-host.invalid' }, null)).toBe(
      'bad dns: The name no-such-host.invalid has no address.',
    )
  })

  it('that nobody listens', async () => {
    expect(await told({ transport: 'tcp' }, null)).toMatch(/bad connection: 127.0.0.1:\d+: connect ECONNREFUSED/)
    expect(await told({ probe: true }, null)).toMatch(/bad options: 127.0.0.1:\d+ does not answer OPTIONS\./)
  })

  it('that nobody picked up', async () => {
    const steps = [
      recv('INVITE', { action: keepSequence }),
      answer(180, 'Ringing'),
      recv('CANCEL'),
      answerInDialog(200, 'OK'),
      answer(487, 'Request Terminated').replace('[last_CSeq:]', 'CSeq: [$inviteSequence] INVITE'),
      recv('ACK'),
      pause(10),
    ]
    expect(await told({}, steps)).toContain('note end: Nobody answered in time (SIP 487).')
  })
})

it('the command line adds a trunk, tests it and never shows its password', async () => {
  const database = await createTestDatabase()
  cleanUps.push(() => database.drop())
  const sipp = await startSipp({
    scenario: scenario('test call', [recv('INVITE'), ...answered]),
    arguments: ['-rtp_echo'],
  })
  cleanUps.push(() => sipp.stop())
  const node = await startNode(database.connectionString, '28000-28999')
  cleanUps.push(() => node.stop())
  const settings = JSON.stringify({
    host: '127.0.0.1',
    port: sipp.port,
    probe: false,
    username: 'alice',
    password: 's3cret',
  })
  const added = await carillon(node, ['trunk', 'add', '--name', 'line', '--carrier', 'sip', '--settings', settings])
  expect(added.text).not.toContain('s3cret')
  await carillon(node, ['number', 'add', '+14155550100', '--trunk', 'line'])
  const tested = await carillon(node, ['trunk', 'test', 'line', '+14155550142'])
  expect(tested.text).toContain('Sound from the telephone')
  expect(tested.exitCode).toBe(0)
  const refused = await carillon(node, ['trunk', 'test', 'line', '+19005550142'])
  expect(refused.exitCode).not.toBe(0)
  const { items } = await ask(node.url, '/trunks')
  expect(JSON.stringify(items)).not.toContain('s3cret')
  // Settings that come back without the password leave it as it is.
  const line = items.find(({ carrier }: { carrier: string }) => carrier === 'sip')
  const patched = await fetch(`${node.url}/carillon/v1/trunks/${line.id}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ settings: { ...line.settings, numberFormat: 'digits' } }),
  })
  expect(patched.status).toBe(200)
})

function carillon(node: TestNode, words: readonly string[]): Promise<{ exitCode: number; text: string }> {
  const list = ['--import', './test/run-typescript.mjs', 'src/cli/main.ts', '--url', node.url, '--key', KEY, ...words]
  return new Promise((resolve) => {
    execFile(process.execPath, list, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr })
    })
  })
}
