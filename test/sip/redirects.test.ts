import { afterEach, describe, expect, it } from 'vitest'
import type { SipSettings } from '../../src/carriers/sip/config.ts'
import { readRecord } from '../../src/sip/call-record.ts'
import { answer, answerInDialog, recv, type Step, scenario } from './scenario.ts'
import { type Sipp, startSipp } from './sipp.ts'
import { trunkBench } from './trunk-bench.ts'

const NUMBER = '+14155550142'
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function peer(name: string, steps: readonly Step[], calls = 1): Promise<Sipp> {
  const sipp = await startSipp({ scenario: scenario(name, steps), calls })
  cleanUps.push(() => sipp.stop())
  return sipp
}

/** sipp adds a Contact of its own to every answer; the one that redirects comes first. */
function redirect(...contacts: string[]): Step[] {
  const moved = answer(302, 'Moved Temporarily', { headers: contacts.map((each) => `Contact: <${each}>`) })
  return [recv('INVITE'), moved.replace(/\n\s*Contact: <sip:\[contact_address\][^\n]*/, ''), recv('ACK')]
}

async function callThrough(first: Sipp, settings: Partial<SipSettings> = {}) {
  const bench = trunkBench({ port: first.port, probe: false, redirects: 'follow', ...settings })
  cleanUps.push(() => bench.stop())
  const ref = bench.place({ to: NUMBER })
  await bench.ended(ref)
  return { bench, ref, story: bench.story(ref) }
}

function invitesOf(sipp: Sipp) {
  return sipp
    .messages()
    .filter(({ direction, startLine }) => direction === 'received' && startLine.startsWith('INVITE'))
}

const answers = [
  recv('INVITE'),
  answer(180, 'Ringing'),
  answer(200, 'OK', { sdp: true }),
  recv('ACK'),
  recv('BYE'),
  answerInDialog(200, 'OK'),
]

describe('a redirect that is followed', () => {
  it('leads to another server with the same Call-ID and the next number, and what ends the call is stored anew', async () => {
    const second = await peer('second', answers)
    const target = `sip:${NUMBER}@127.0.0.1:${second.port}`
    const first = await peer('first', redirect(target))
    const { bench, ref, story } = await callThrough(first)
    expect(story).toBe('accepted ringing answered ended: answered (agent-hung-up)')
    expect(await first.ended, first.complaints()).toBe(0)
    expect(await second.ended, second.complaints()).toBe(0)
    const [invite] = invitesOf(first)
    const [again] = invitesOf(second)
    expect(again!.startLine).toBe(`INVITE ${target} SIP/2.0`)
    expect([invite!.header('CSeq'), again!.header('CSeq')]).toEqual(['1 INVITE', '2 INVITE'])
    expect([invite!.header('Call-ID'), again!.header('Call-ID')]).toEqual([ref, ref])
    const told = bench.events.find(({ kind }) => kind === 'accepted') as { carrierState: string }
    expect(readRecord(told.carrierState)).toMatchObject({ sequence: 2, leg: { peer: { port: second.port } } })
  })

  it('may be cancelled where it leads to', async () => {
    const second = await peer('rings', [
      recv('INVITE', { action: '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="inviteSequence"/>' }),
      answer(180, 'Ringing'),
      recv('CANCEL'),
      answerInDialog(200, 'OK'),
      answer(487, 'Request Terminated').replace('[last_CSeq:]', 'CSeq: [$inviteSequence] INVITE'),
      recv('ACK'),
    ])
    const first = await peer('first', redirect(`sip:${NUMBER}@127.0.0.1:${second.port}`))
    const bench = trunkBench({ port: first.port, probe: false, redirects: 'follow' })
    cleanUps.push(() => bench.stop())
    const ref = bench.place({ to: NUMBER, ringTimeoutSeconds: 2 })
    expect(await bench.ended(ref)).toMatchObject({ disposition: 'no-answer', sipStatus: 487 })
    expect(await second.ended, second.complaints()).toBe(0)
  })

  it('is followed twice and not a third time', async () => {
    const targetOf = ({ port }: Sipp) => `sip:${NUMBER}@127.0.0.1:${port}`
    const fourth = await peer('fourth', answers)
    const third = await peer('third', redirect(targetOf(fourth)))
    const second = await peer('second', redirect(targetOf(third)))
    const { story } = await callThrough(await peer('first', redirect(targetOf(second))))
    expect(story).toBe('accepted accepted ended: failed (carrier-refused) 302')
    expect(invitesOf(third).map((message) => message.header('CSeq'))).toEqual(['3 INVITE'])
    expect(invitesOf(fourth)).toEqual([])
  })

  it('takes the next Contact when the first may not be called', async () => {
    const second = await peer('second', answers)
    const contacts = ['tel:+14155550142', 'sip:+14155550142@10.0.0.1', `sip:${NUMBER}@127.0.0.1:${second.port}`]
    const { story } = await callThrough(await peer('first', redirect(...contacts)))
    expect(story).toContain('answered')
  })
})

describe('a redirect that is not followed', () => {
  it.each([
    ['to another number', (port: number) => `sip:+14155550143@127.0.0.1:${port}`],
    ['to another transport', (port: number) => `sip:${NUMBER}@127.0.0.1:${port};transport=tcp`],
    ['to TLS from a trunk without', (port: number) => `sips:${NUMBER}@127.0.0.1:${port}`],
    ['to something that is no address', (port: number) => `mailto:someone@127.0.0.1:${port}`],
    ['into a private network', () => `sip:${NUMBER}@192.168.77.1:5060`],
  ] as const)('%s', async (_what, target) => {
    const second = await peer('second', answers)
    const first = await peer('first', redirect(target(second.port)))
    const { story } = await callThrough(first)
    expect(story).toBe('ended: failed (carrier-refused) 302')
    expect(invitesOf(second)).toEqual([])
  })

  it('unless the trunk says so', async () => {
    const second = await peer('second', answers)
    const first = await peer('first', redirect(`sip:${NUMBER}@127.0.0.1:${second.port}`))
    const { story } = await callThrough(first, { redirects: 'refuse' })
    expect(story).toBe('ended: failed (carrier-refused) 302')
    expect(invitesOf(second)).toEqual([])
  })
})

describe('the password of a trunk', () => {
  const asks = [
    recv('INVITE'),
    answer(401, 'Unauthorized', { headers: ['WWW-Authenticate: Digest realm="sipp.example", nonce="n1", qop="auth"'] }),
    recv('ACK'),
  ]
  const credentials = { username: 'alice', password: 's3cret' }

  it('is not told to the server that a redirect leads to', async () => {
    const second = await peer('asks', asks)
    const first = await peer('first', redirect(`sip:${NUMBER}@127.0.0.1:${second.port}`))
    const { story } = await callThrough(first, credentials)
    expect(story).toContain('ended: failed (carrier-credentials) 401')
    expect(invitesOf(second)).toHaveLength(1)
  })

  it('unless the trunk names the realm', async () => {
    const second = await peer('asks', [...asks, ...answers])
    const first = await peer('first', redirect(`sip:${NUMBER}@127.0.0.1:${second.port}`))
    const { story } = await callThrough(first, { ...credentials, realm: 'sipp.example' })
    expect(story).toContain('answered')
    expect(invitesOf(second)[1]!.header('Authorization')).toContain('Digest username="alice"')
  })
})
