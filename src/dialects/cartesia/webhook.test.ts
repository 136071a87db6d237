import { describe, expect, it } from 'vitest'
import type { AttemptView, BatchView, EventView, RecipientView } from '../../commands/views.ts'
import type { WebhookMessage } from '../../webhooks/webhook-form.ts'
import { callWebhook } from './webhook.ts'

const ATTEMPT = '0a1b2c3d-4e5f-4c9b-8e6f-3f2b8c1e5d7a'
const at = (text: string) => new Date(`2030-01-15T${text}Z`)

function messageOf(kind: EventView['kind'], attempt: Partial<AttemptView> | null): WebhookMessage {
  const recipient = { number: '+14155550123', variables: { a: 1 }, metadata: { a: 1 } } as unknown as RecipientView
  const ended = {
    id: ATTEMPT,
    state: 'ended',
    disposition: 'answered',
    cause: 'agent-hung-up',
    causeText: 'The agent finished the call',
    carrierCallId: 'c-1',
    dialedAt: at('14:30:00'),
    answeredAt: at('14:30:05'),
    endedAt: at('14:30:09'),
    spokenText: 'Hello',
    ...attempt,
  } as AttemptView
  const batch = {
    agent: { id: ATTEMPT, name: 'a', aliases: ['agent_1'] },
    callerNumber: '+15005550100',
    dialectFields: null,
  }
  return {
    event: { id: '7.2', kind } as EventView,
    call: { recipient, attempt: attempt === null ? null : ended },
    batch: batch as unknown as BatchView,
    endpoint: { id: ATTEMPT, url: 'https://example.com', formFields: null },
    secrets: ['newest', 'older'],
    sentAt: at('14:31:00'),
  }
}
const bodyOf = (message: WebhookMessage) => JSON.parse(callWebhook.encode(message)!.body)

describe('an event of a call', () => {
  it('carries the call, and the newest secret as it is', () => {
    const encoded = callWebhook.encode(messageOf('recipient-finished', {}))!
    expect(encoded.headers).toEqual({ 'x-webhook-secret': 'newest' })
    expect(JSON.parse(encoded.body)).toEqual({
      type: 'call_completed',
      webhook_id: expect.stringMatching(/^wh_/),
      webhook_request_id: '7.2',
      call_id: expect.stringMatching(/^ac_[0-9A-Za-z]{22}$/),
      agent_id: 'agent_1',
      timestamp: '2030-01-15T14:31:00.000Z',
      end_reason: 'agent_hangup',
      call: {
        id: expect.stringMatching(/^ac_/),
        agent_id: 'agent_1',
        agent_name: 'a',
        status: 'completed',
        start_time: '2030-01-15T14:30:00.000Z',
        end_time: '2030-01-15T14:30:09.000Z',
        redacted_at: null,
        transcript: [{ role: 'assistant', text: 'Hello', start_timestamp: 0, end_timestamp: 4 }],
        telephony_params: {
          to: '+14155550123',
          from: '+15005550100',
          call_sid: 'c-1',
          direction: 'outbound',
          connection_type: 'phone',
        },
        summary: null,
        error_message: null,
        end_reason: 'agent_hangup',
        metadata: { a: 1 },
      },
    })
  })

  it('tells of the answer without an end', () => {
    const live = { state: 'answered', disposition: null, endedAt: null, spokenText: null } as const
    const body = bodyOf(messageOf('attempt-answered', live))
    expect(body).toMatchObject({ type: 'call_started', call: { status: 'started', end_time: null } })
    expect(body).not.toHaveProperty('end_reason')
  })

  it('tells of a call that failed', () => {
    const busy = { disposition: 'busy', cause: 'busy-here', causeText: 'Number busy', answeredAt: null } as const
    expect(bodyOf(messageOf('attempt-ended', busy))).toMatchObject({ type: 'call_failed', end_reason: 'dial_busy' })
  })

  it('has nothing to tell of somebody who was not dialled', () => {
    expect(callWebhook.encode(messageOf('recipient-finished', null))).toBeNull()
    expect(callWebhook.encode(messageOf('attempt-ended', { disposition: 'not-sent' }))).toBeNull()
  })
})
