import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { AttemptView, BatchView, EventView, RecipientView } from '../../commands/views.ts'
import type { WebhookMessage } from '../../webhooks/webhook-form.ts'
import { analysisWebhook, callWebhook, kindsFor, signatureOf } from './webhook.ts'

const ID = '0a1b2c3d-4e5f-4c9b-8e6f-3f2b8c1e5d7a'
const SENT_AT = new Date('2030-01-15T14:31:00Z')

function messageOf(kind: EventView['kind'], attempt: Partial<AttemptView> | null): WebhookMessage {
  const recipient = { number: '+12137774445', variables: {}, metadata: null, dialectFields: null }
  const ended = {
    id: ID,
    state: 'ended',
    disposition: 'answered',
    cause: 'agent-hung-up',
    answeredBy: 'human',
    dialedAt: new Date('2030-01-15T14:30:00Z'),
    answeredAt: new Date('2030-01-15T14:30:05Z'),
    endedAt: new Date('2030-01-15T14:30:09Z'),
    spokenText: 'Hello',
    ...attempt,
  } as AttemptView
  const batch = { id: ID, isSingle: false, agent: { id: ID, name: 'Nora', aliases: [] }, callerNumber: '+14157774444' }
  return {
    event: { id: '7.2', kind } as EventView,
    call: { recipient: recipient as unknown as RecipientView, attempt: attempt === null ? null : ended },
    batch: batch as unknown as BatchView,
    endpoint: { id: ID, url: 'https://example.com', formFields: null },
    secrets: ['key_of_the_owner', 'an older one'],
    sentAt: SENT_AT,
  }
}

describe('a webhook', () => {
  it('is signed with the newest secret, over the body and the time', () => {
    const { body, headers } = callWebhook.encode(messageOf('recipient-finished', {}))!
    const digest = createHmac('sha256', 'key_of_the_owner').update(`${body}${SENT_AT.getTime()}`).digest('hex')
    expect(headers).toEqual({ 'x-retell-signature': `v=1894717860000,d=${digest}` })
    // Reckoned with openssl, so that a mistake made twice is seen.
    expect(signatureOf('{"event":"call_ended"}', 'key_1', 1_700_000_000_000)).toBe(
      'v=1700000000000,d=3596824a6fc68f4a2ed64024dd622f1e6e282467e51382fb60d53a43843c8bc7',
    )
  })

  it('of the end has everything but the analysis, which comes by itself', () => {
    const ended = JSON.parse(callWebhook.encode(messageOf('recipient-finished', {}))!.body)
    expect(ended).toMatchObject({ event: 'call_ended', call: { call_status: 'ended', transcript: 'Agent: Hello\n' } })
    expect(ended.call).not.toHaveProperty('call_analysis')
    const analyzed = JSON.parse(analysisWebhook.encode(messageOf('recipient-finished', {}))!.body)
    expect(analyzed.event).toBe('call_analyzed')
    expect(analyzed.call).toEqual({ ...ended.call, call_analysis: { in_voicemail: false } })
    const unknown = JSON.parse(analysisWebhook.encode(messageOf('attempt-ended', { answeredBy: null }))!.body)
    expect(unknown.call.call_analysis).toEqual({})
  })

  it('of the answer has no end', () => {
    const live = { state: 'answered', disposition: null, endedAt: null, spokenText: null } as const
    const { event, call } = JSON.parse(callWebhook.encode(messageOf('attempt-answered', live))!.body)
    expect([event, call.call_status]).toEqual(['call_started', 'ongoing'])
    expect(call).not.toHaveProperty('end_timestamp')
  })

  it('is not sent of somebody who was not dialled', () => {
    expect(callWebhook.encode(messageOf('recipient-finished', null))).toBeNull()
    expect(analysisWebhook.encode(messageOf('attempt-ended', { disposition: 'not-sent' }))).toBeNull()
  })
})

describe('what an address is told', () => {
  it('comes by the form that can tell it', () => {
    expect(kindsFor(callWebhook, ['call_started'])).toEqual(['attempt-answered'])
    expect(kindsFor(callWebhook, ['call_analyzed'])).toEqual([])
    expect(kindsFor(analysisWebhook, ['call_started', 'call_ended'])).toEqual([])
    for (const form of [callWebhook, analysisWebhook]) {
      expect([...kindsFor(form, ['call_started', 'call_ended', 'call_analyzed'])].sort()).toEqual(
        [...form.kinds].sort(),
      )
    }
  })
})
