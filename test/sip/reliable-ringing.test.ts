import { describe, expect, it } from 'vitest'
import { hungUp, play } from './play.ts'
import { answer, answerInDialog, keepSequence, pause, recv, type Step } from './scenario.ts'

describe('ringing that must be acknowledged', () => {
  const reliably = (status: number, reason: string, number: number, sdp = false): Step =>
    answer(status, reason, { sdp, headers: ['Require: 100rel', `RSeq: ${number}`] })
  /** The answer repeats what the INVITE said, and sipp has read PRACKs meanwhile. */
  const ofInvite = (step: Step): Step =>
    step
      .replace('[last_CSeq:]', 'CSeq: [$inviteSequence] INVITE')
      .replace('[last_Via:]', 'Via:[$via]')
      .replace('[last_To:];tag=[pid]T[call_number]', '[last_To:]')
  const kept = `${keepSequence}<ereg regexp="[^\\r\\n]+" search_in="hdr" header="Via:" assign_to="via"/>`
  const references = '<Reference variables="via"/>'

  it('gets a PRACK each, and the answer and the BYE go on from there', async () => {
    const { story, sipp } = await play('100rel', [
      recv('INVITE', { action: kept }),
      reliably(180, 'Ringing', 7),
      recv('PRACK'),
      answerInDialog(200, 'OK'),
      ofInvite(reliably(183, 'Session Progress', 8, true)),
      recv('PRACK'),
      answerInDialog(200, 'OK'),
      ofInvite(answer(200, 'OK', { sdp: true })),
      recv('ACK'),
      ...hungUp,
      references,
    ])
    expect(story).toBe('accepted ringing answered ended: answered (agent-hung-up)')
    const received = sipp.messages().filter(({ direction }) => direction === 'received')
    expect(received[0]!.header('Supported')).toContain('100rel')
    const pracks = received.filter(({ startLine }) => startLine.startsWith('PRACK'))
    expect(pracks.map((message) => message.header('RAck'))).toEqual(['7 1 INVITE', '8 1 INVITE'])
    expect(pracks.map((message) => message.header('CSeq'))).toEqual(['2 PRACK', '3 PRACK'])
    expect(received.find(({ startLine }) => startLine.startsWith('ACK'))!.header('CSeq')).toBe('1 ACK')
    expect(received.find(({ startLine }) => startLine.startsWith('BYE'))!.header('CSeq')).toBe('4 BYE')
  })

  it('is cancelled by the number of its INVITE', async () => {
    const { story, sipp } = await play(
      '100rel, cancelled',
      [
        recv('INVITE', { action: kept }),
        reliably(180, 'Ringing', 1),
        recv('PRACK'),
        answerInDialog(200, 'OK'),
        recv('CANCEL'),
        answerInDialog(200, 'OK'),
        ofInvite(answer(487, 'Request Terminated')).replace('[last_To:]', '[last_To:];tag=[pid]T[call_number]'),
        recv('ACK'),
        references,
      ],
      { request: { ringTimeoutSeconds: 2 } },
    )
    expect(story).toBe('accepted ringing ended: no-answer (ring-timeout) 487')
    const cancel = sipp.messages().find(({ startLine }) => startLine.startsWith('CANCEL'))!
    expect(cancel.header('CSeq')).toBe('1 CANCEL')
  })

  it('that comes twice is acknowledged once', async () => {
    const { received } = await play('100rel, repeated', [
      recv('INVITE', { action: kept }),
      reliably(180, 'Ringing', 1),
      recv('PRACK'),
      answerInDialog(200, 'OK'),
      // On its way before the PRACK arrived.
      ofInvite(reliably(180, 'Ringing', 1)),
      pause(700),
      ofInvite(answer(200, 'OK', { sdp: true })),
      recv('ACK'),
      ...hungUp,
      references,
    ])
    expect(received).toEqual(['INVITE', 'PRACK', 'ACK', 'BYE'])
  })
})
