import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { certificateFor } from './certificate.ts'
import { answer, answerInDialog, recv, scenario } from './scenario.ts'
import { startSipp } from './sipp.ts'
import { trunkBench } from './trunk-bench.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** sipp speaks no TLS in Debian's build; this speaks it for it. */
async function tlsBefore(port: number, certificate: { key: string; cert: string }): Promise<number> {
  const server: Server = createServer(certificate, (socket) => {
    const inner = connect(port, '127.0.0.1')
    for (const each of [socket, inner]) each.on('error', () => undefined)
    socket.pipe(inner).pipe(socket)
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => server.close())
  return (server.address() as AddressInfo).port
}

const steps = [
  recv('INVITE'),
  answer(180, 'Ringing'),
  answer(200, 'OK', { sdp: true }),
  recv('ACK'),
  recv('BYE'),
  answerInDialog(200, 'OK'),
]

async function trunkOverTls(name: string, believed: boolean, serverName: string) {
  const certificate = certificateFor(name)
  const sipp = await startSipp({ scenario: scenario('answers', steps), transport: 't1' })
  cleanUps.push(() => sipp.stop())
  const port = await tlsBefore(sipp.port, certificate)
  const authority = believed ? { certificateAuthority: certificate.cert } : {}
  const bench = trunkBench({ port, transport: 'tls', serverName, probe: false, ...authority })
  cleanUps.push(() => bench.stop())
  const ref = bench.place()
  await bench.ended(ref)
  return { story: bench.story(ref), bench, sipp }
}

it('a call over TLS with a certificate that is believed and fits', async () => {
  const { story, sipp } = await trunkOverTls('sip.example.com', true, 'sip.example.com')
  expect(story).toBe('accepted ringing answered ended: answered (agent-hung-up)')
  expect(sipp.messages()[0]!.header('Via')).toContain('SIP/2.0/TLS')
})

it.each([
  ['nobody believes', 'sip.example.com', false, 'sip.example.com'],
  ['has another name', 'other.example.com', true, 'sip.example.com'],
] as const)('no call and no word to a peer whose certificate %s', async (_what, name, believed, serverName) => {
  const { story, sipp, bench } = await trunkOverTls(name, believed, serverName)
  expect(story).toBe('not-sent (trunk-unreachable)')
  expect(sipp.messages()).toEqual([])
  const speech = { text: 'x', waitForKeySeconds: 0 }
  const order = {
    ref: 'a'.repeat(32),
    to: '+14155550142',
    from: '+14155550100',
    ringTimeoutSeconds: 5,
    maxCallSeconds: 5,
  }
  const findings = await bench.trunk.testCall({ ...order, speech, sendWithinMs: 5000 })
  expect(findings.at(-1)).toMatchObject({ level: 'bad', step: 'connection' })
  expect(findings.at(-1)!.remedy).toContain('certificate')
})

it('encrypted sound is refused when the other side does not encrypt', async () => {
  const certificate = certificateFor('sip.example.com')
  const sipp = await startSipp({ scenario: scenario('plain', steps), transport: 't1' })
  cleanUps.push(() => sipp.stop())
  const port = await tlsBefore(sipp.port, certificate)
  const settings = { transport: 'tls', srtp: 'required', serverName: 'sip.example.com', probe: false } as const
  const bench = trunkBench({ port, ...settings, certificateAuthority: certificate.cert })
  cleanUps.push(() => bench.stop())
  const ref = bench.place()
  await bench.ended(ref)
  expect(bench.story(ref)).toBe('accepted ringing answered ended: answered (media-not-agreed)')
  expect(sipp.messages()[0]!.text).toMatch(/m=audio \d+ RTP\/SAVP [\s\S]*a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:/)
})
