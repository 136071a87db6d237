import { afterEach, expect, it } from 'vitest'
import { type BaresipOptions, startBaresip } from './baresip.ts'
import { certificateFor } from './certificate.ts'
import { trunkBench } from './trunk-bench.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function phone(options: BaresipOptions) {
  const baresip = await startBaresip(options)
  cleanUps.push(() => baresip.stop())
  return baresip
}

function bench(settings: Parameters<typeof trunkBench>[0]) {
  const made = trunkBench(settings)
  cleanUps.push(() => made.stop())
  return made
}

const order = {
  ref: 'b'.repeat(32),
  to: '+14155550142',
  from: '+14155550100',
  ringTimeoutSeconds: 10,
  maxCallSeconds: 10,
  speech: { text: 'Hello', waitForKeySeconds: 0 },
  sendWithinMs: 5000,
}

it('a softphone answers, and there is sound both ways', async () => {
  const baresip = await phone({ behaviour: 'echo' })
  const findings = await bench({ port: baresip.port }).trunk.testCall({
    ...order,
    speech: { text: 'Hello', waitForKeySeconds: 2 },
  })
  const text = findings.map((finding) => `${finding.level} ${finding.text}`).join('\n')
  expect(text, baresip.said()).toMatch(/ok .* answers \(\d+ /)
  expect(text).toMatch(/ok Sound from the telephone: \d+ packets, (?!0\.0 s)/)
  expect(findings.filter(({ level }) => level === 'bad')).toEqual([])
})

it('over TLS with encrypted sound that must be', async () => {
  const { key, cert } = certificateFor('phone.example.com')
  const baresip = await phone({ behaviour: 'echo', certificate: cert + key })
  const settings = {
    port: baresip.tlsPort,
    transport: 'tls',
    srtp: 'required',
    serverName: 'phone.example.com',
  } as const
  const findings = await bench({ ...settings, certificateAuthority: cert }).trunk.testCall({
    ...order,
    speech: { text: 'Hello', waitForKeySeconds: 2 },
  })
  const text = findings.map((finding) => `${finding.level} ${finding.text}`).join('\n')
  expect(text, baresip.said()).toMatch(/ok Sound from the telephone: \d+ packets, (?!0\.0 s)/)
})

it('a softphone that rings is cancelled at the ring timeout', async () => {
  const baresip = await phone({ behaviour: 'ring' })
  const { place, ended, story } = bench({ port: baresip.port })
  const ref = place({ ringTimeoutSeconds: 1 })
  await ended(ref)
  expect(story(ref)).toBe('accepted ringing ended: no-answer (ring-timeout) 487')
})

it.each([
  ['echo', 'answered', 'ended: answered (node-lost)'],
  ['ring', 'ringing', 'ended: failed (node-lost)'],
] as const)(
  'what a node that died left behind on a softphone that does %s is ended by another',
  async (behaviour, reached, told) => {
    const baresip = await phone({ behaviour })
    const died = bench({ port: baresip.port })
    const ref = died.place({ speech: { text: 'x', waitForKeySeconds: 30 }, ringTimeoutSeconds: 60 })
    await died.until(() => died.story(ref).includes(reached), reached)
    const carrierState = died.events.findLast((event) => event.carrierState !== undefined)!.carrierState!
    died.sip.close()
    const survivor = bench({ port: baresip.port })
    survivor.trunk.endOrphan({ ref, carrierCallId: ref, carrierState, placedAtEpochMs: 0 })
    const end = await survivor.ended(ref)
    expect(survivor.story(ref), baresip.said()).toBe(told)
    // By its answer and not by giving up on it.
    expect(end.atEpochMs - died.events[0]!.atEpochMs).toBeLessThan(10_000)
    await survivor.until(
      () => /(terminate|closed|hangup|Call with .* (terminated|closed))/i.test(baresip.said()),
      'the end at the softphone',
    )
  },
)
