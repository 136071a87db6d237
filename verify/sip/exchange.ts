import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { JudgeEntry } from '../../src/carriers/loopback/judge-log.ts'
import {
  answer,
  answerCancelled,
  answerInDialog,
  keepSequence,
  pause,
  recv,
  recvInvite,
  request,
  type Step,
  scenario,
} from '../../test/sip/scenario.ts'
import { freePort, type SippMessage, startSipp } from '../../test/sip/sipp.ts'
import { courtRecordOf } from '../judge.ts'
import type { Network } from '../network.ts'
import { oneAddress } from './one-address.ts'
import { STORIES } from './people.ts'

const CALLER = '+14155550100'
/** Longer than a lease and everything a survivor needs, and shorter than an attempt takes to become `unknown`. */
const HANGS_UP_AFTER_MS = 22_000
/** Who asks for a call that is over within this time is told so. */
const REMEMBERED_MS = 30_000
const LOOK_MS = 10
/** A look that comes so much too late shows that the machine has paused. */
const LAG_MS = 20
const PORTS_PER_NODE = 2000

/**
 * sipp as the telephone network of a world: a trunk that nobody here wrote, whose log of messages is the judge. The log
 * is left in the folder as `judge.txt`.
 */
export async function sippExchange({ folder }: { folder: string }): Promise<Network> {
  const port = await freePort()
  const address = await oneAddress(port)
  const sipp = await startSipp({
    scenario: exchangeScenario(),
    port,
    contact: `127.0.0.1:${address.port}`,
    arguments: ['-l', '10000'],
  })
  const lags: JudgeEntry[] = []
  const watch = watchLag(lags)
  const courtRecord = async () => courtRecordOf([...entriesOf(sipp.messages()), ...lags])
  return {
    url: null,
    nodeArguments: ['tones'],
    environmentOf(nodeIndex) {
      const first = 20_000 + nodeIndex * PORTS_PER_NODE
      return {
        CARILLON_SIP_ADDRESSES: '127.0.0.1',
        CARILLON_SIP_PORT: '0',
        CARILLON_MEDIA_PORTS: `${first}-${first + PORTS_PER_NODE - 1}`,
      }
    },
    async setUp({ ask, limits }) {
      const settings = { host: '127.0.0.1', port: address.port, probe: false }
      const trunk = await ask<{ id: string }>('POST', '/trunks', {
        name: 'exchange',
        carrier: 'sip',
        settings,
        ...limits,
      })
      await ask('POST', '/numbers', { number: CALLER, trunkId: trunk.id })
      const said = { text: 'Hello {name}, this is a test.', waitForKeySeconds: 0 }
      await ask('PATCH', '/agents/announcement', { settings: said, defaultNumber: CALLER })
    },
    courtRecord,
    async liveCalls() {
      const { calls } = await courtRecord()
      return calls.filter(({ endedAtMs }) => endedAtMs === Number.POSITIVE_INFINITY).length
    },
    async stop() {
      clearInterval(watch)
      address.close()
      const lines = sipp
        .messages()
        .map(({ atEpochMs, direction, text }) => `${new Date(atEpochMs).toISOString()} ${direction}\n${text}`)
      writeFileSync(path.join(folder, 'judge.txt'), lines.join('\n'))
      await sipp.stop()
    },
  }
}

/**
 * What sipp wrote down, as entries of a judge. An INVITE counts once for each transaction: a repetition has the same
 * topmost Via. A call lives from its INVITE to its refusal, to a BYE of either side, or to a CANCEL that found it unanswered.
 */
export function entriesOf(messages: readonly SippMessage[]): JudgeEntry[] {
  const entries: JudgeEntry[] = []
  const invites = new Map<string, Set<string>>()
  const answered = new Set<string>()
  const over = new Set<string>()
  for (const message of messages) {
    const { direction, startLine, atEpochMs } = message
    const callId = message.header('Call-ID') ?? ''
    const add = (what: string, more: object = {}) =>
      entries.push({ what, atEpochMs, atMonotonicMs: atEpochMs, callId, ref: callId, ...more })
    const method = `${direction} ${/^(?:SIP\/2\.0 )?(\S+)/.exec(startLine)![1]}`
    if (method === 'received INVITE') {
      const known = invites.get(callId)
      const via = message.header('Via')!
      if (known?.has(via)) continue
      const to = /<sip:(\+?\d+)@/.exec(message.header('To')!)?.[1] ?? ''
      add('create-request', { to, outcome: 'created' })
      if (known === undefined) add('call-started', { to })
      invites.set(callId, (known ?? new Set()).add(via))
      continue
    }
    const ofInvite = message.header('CSeq')?.endsWith(' INVITE') === true
    if (method === 'sent 200' && ofInvite) answered.add(callId)
    if (!invites.has(callId) || over.has(callId)) continue
    const refused = ofInvite && /^sent [3-6]/.test(method)
    const cancelled = method === 'received CANCEL' && !answered.has(callId)
    if (!(refused || cancelled || method.endsWith(' BYE'))) continue
    over.add(callId)
    add('call-ended')
  }
  return entries
}

/** Notes when this process, and so probably the machine, stood still: what came meanwhile comes at once. */
function watchLag(lags: JudgeEntry[]): NodeJS.Timeout {
  let lastMs = Date.now()
  return setInterval(() => {
    const nowMs = Date.now()
    const longestMs = nowMs - lastMs - LOOK_MS
    if (longestMs > LAG_MS) {
      const windowMs = nowMs - lastMs
      lags.push({ what: 'event-loop-lag', atEpochMs: nowMs, atMonotonicMs: nowMs, longestMs, windowMs })
    }
    lastMs = nowMs
  }, LOOK_MS)
}

const toEnd = '<nop next="over"/>'
const label = (id: string): Step => `<label id="${id}"/>`
/** An optional message that leads somewhere else. */
const orElse = (method: string, next: string): Step => `<recv request="${method}" optional="true" next="${next}"/>`

/**
 * People who answer, and what a survivor does to the calls of a dead node: an answer that was never acknowledged, a CANCEL
 * that finds an answered call, a BYE that asks whether a cancelled call was answered, and either for a call that is over.
 * Who hears nothing hangs up.
 */
function exchangeScenario(): string {
  const told = STORIES.filter(({ word }) => word !== 'ringsOut')
  const find = STORIES.map(
    ({ word, endings }) =>
      `<ereg regexp="${endings.source.replace('\\d', '[0-9]').replace('$', '@')}" search_in="hdr" header="To:" assign_to="${word}"/>`,
  ).join('')
  return scenario('exchange', [
    recvInvite(keepSequence + find),
    answer(100, 'Trying'),
    ...STORIES.map(({ word }) => `<nop next="${word}" test="${word}"/>`),
    ...[answer(180, 'Ringing'), pause(200), answer(200, 'OK', { sdp: true })],
    ...[orElse('CANCEL', 'tooLate'), orElse('BYE', 'goodbye'), recv('ACK')],
    label('talks'),
    `<recv request="BYE" timeout="${HANGS_UP_AFTER_MS}" ontimeout="hangsUp"/>`,
    ...[label('goodbye'), answerInDialog(200, 'OK'), toEnd],
    ...[label('tooLate'), answerInDialog(200, 'OK'), '<nop next="talks"/>'],
    ...[label('hangsUp'), request('BYE', 1), '<recv response="200"/>', toEnd],
    ...told.flatMap(({ word, steps }) => [label(word), ...steps, toEnd]),
    ...[label('ringsOut'), answer(180, 'Ringing'), recv('CANCEL'), answerInDialog(200, 'OK'), answerCancelled()],
    ...[orElse('BYE', 'stranger'), recv('ACK'), toEnd],
    ...[label('over'), orElse('CANCEL', 'stranger')],
    `<recv request="BYE" timeout="${REMEMBERED_MS}" ontimeout="end"/>`,
    ...[label('stranger'), answerInDialog(481, 'Call Does Not Exist'), label('end'), '<nop/>'],
    `<Reference variables="${STORIES.map(({ word }) => word).join(',')}"/>`,
  ])
}
