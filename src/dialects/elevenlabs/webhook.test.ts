import { describe, expect, it } from 'vitest'
import type { AttemptView, BatchView, EventView, RecipientView } from '../../commands/views.ts'
import type { WebhookMessage } from '../../webhooks/webhook-form.ts'
import { postCallWebhook } from './webhook.ts'

const ATTEMPT = '0a1b2c3d-4e5f-4c9b-8e6f-3f2b8c1e5d7a'
const EVERYTHING = { events: ['transcript', 'call_initiation_failure'] }
const at = (text: string) => new Date(`2030-01-15T${text}Z`)

interface Given {
  readonly attempt?: Partial<AttemptView> | null
  readonly carrier?: string
  readonly formFields?: { events: string[] } | null
}

function messageOf({ attempt = {}, carrier = 'sip', formFields = EVERYTHING }: Given): WebhookMessage {
  const recipient = { id: ATTEMPT, number: '+14155550123', variables: { a: 1 }, dialectFields: { id: 'c-17' } }
  const ended = {
    id: ATTEMPT,
    state: 'ended',
    disposition: 'answered',
    cause: 'agent-hung-up',
    causeText: 'The agent finished the call',
    carrierCallId: 'CA1',
    sipStatus: 486,
    dialedAt: at('14:30:00'),
    answeredAt: at('14:30:05'),
    endedAt: at('14:30:09.600'),
    spokenText: 'Hello',
    ...attempt,
  } as AttemptView
  const batch = {
    id: ATTEMPT,
    agent: { id: ATTEMPT, name: 'a', aliases: ['agent_1'] },
    callerNumber: '+15005550100',
    callerNumberId: ATTEMPT,
    trunk: { carrier },
    dialectFields: null,
  }
  return {
    event: { id: '7.2', kind: 'recipient-finished', at: at('14:30:10') } as EventView,
    call: { recipient: recipient as unknown as RecipientView, attempt: attempt === null ? null : ended },
    batch: batch as unknown as BatchView,
    endpoint: { id: ATTEMPT, url: 'https://example.com', formFields },
    secrets: ['newest', 'older'],
    sentAt: at('14:31:00'),
  }
}
const BUSY = { disposition: 'busy', causeText: 'Number busy', answeredAt: null, spokenText: null } as const
const bodyOf = (given: Given) => JSON.parse(postCallWebhook.encode(messageOf(given))!.body)

describe('a call that has ended', () => {
  it('is a conversation, with one signature by the newest secret', () => {
    const encoded = postCallWebhook.encode(messageOf({}))!
    expect(encoded.headers['elevenlabs-signature']).toMatch(/^t=1894717860,v0=[0-9a-f]{64}$/)
    expect(encoded.headers['elevenlabs-signature']).not.toBe(
      postCallWebhook.encode({ ...messageOf({}), secrets: ['older'] })!.headers['elevenlabs-signature'],
    )
    const body = JSON.parse(encoded.body)
    expect(body).toMatchObject({
      type: 'post_call_transcription',
      event_timestamp: 1_894_717_810,
      data: {
        agent_id: 'agent_1',
        status: 'done',
        transcript: [{ role: 'agent', message: 'Hello' }],
        metadata: {
          start_time_unix_secs: 1_894_717_800,
          accepted_time_unix_secs: 1_894_717_805,
          call_duration_secs: 5,
          batch_call: { batch_call_recipient_id: 'c-17' },
          phone_call: { type: 'sip_trunking', call_result: 'answered', call_sid: 'CA1' },
        },
      },
    })
  })

  it('that nobody took says why, in the words of its provider', () => {
    expect(bodyOf({ attempt: BUSY })).toMatchObject({
      type: 'call_initiation_failure',
      data: {
        failure_reason: 'busy',
        metadata: {
          type: 'sip',
          body: { sip_status_code: 486, error_reason: 'Number busy', to_number: '+14155550123' },
        },
        conversation_initiation_client_data: { dynamic_variables: { a: 1 } },
      },
    })
    expect(bodyOf({ attempt: { ...BUSY, disposition: 'no-answer' }, carrier: 'twilio' }).data).toMatchObject({
      failure_reason: 'no-answer',
      metadata: {
        type: 'twilio',
        body: {
          CallSid: 'CA1',
          CallStatus: 'no-answer',
          To: '+14155550123',
          From: '+15005550100',
          SipResponseCode: '486',
        },
      },
    })
    const lost = { ...BUSY, disposition: 'unknown', sipStatus: null } as const
    expect(bodyOf({ attempt: lost, carrier: 'twilio' }).data).toMatchObject({
      failure_reason: 'unknown',
      metadata: { body: { CallStatus: 'failed' } },
    })
  })

  it('is told as far as the settings ask for it', () => {
    const told = (given: Given) => postCallWebhook.encode(messageOf(given)) !== null
    expect(told({ formFields: null })).toBe(true)
    expect(told({ formFields: null, attempt: BUSY })).toBe(false)
    expect(told({ formFields: { events: ['audio'] } })).toBe(false)
    expect(told({ formFields: { events: ['call_initiation_failure'] }, attempt: BUSY })).toBe(true)
    expect(told({ formFields: { events: ['transcript'] }, attempt: BUSY })).toBe(false)
  })
})

it('nothing is told of somebody who was not dialled', () => {
  expect(postCallWebhook.encode(messageOf({ attempt: null }))).toBeNull()
  expect(postCallWebhook.encode(messageOf({ attempt: { disposition: 'not-sent' } }))).toBeNull()
})

it('a secret that is brought along must be long enough', () => {
  expect(postCallWebhook.problemOfSecret('short')).toContain('16')
  expect(postCallWebhook.problemOfSecret(postCallWebhook.makeSecret())).toBeNull()
})
