import { createCall } from '../../../commands/create-call.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { decodeCall } from '../decode.ts'
import { encodeId } from '../ids.ts'
import { type AddRoutes, answers, findAgent, findNumber } from '../route-parts.ts'
import { type CallRequest, callRequests, createdCalls } from '../wire.ts'

const tags = ['Outbound calls']

/** The vendor has a path for each kind of line. Here the number says through which trunk it calls, so both do the same. */
export const addOutboundCalls: AddRoutes = (scope, { commands }) => {
  for (const line of ['twilio', 'sip-trunk'] as const) {
    const { taken, documented } = callRequests[line]
    scope.post(`/v1/convai/${line}/outbound-call`, {
      config: { repeatedBy: 'command' },
      schema: {
        summary: line === 'twilio' ? 'Outbound call via Twilio' : 'Outbound call via SIP trunk',
        description: 'Calls one person. Answers before the call is placed.',
        tags,
        body: documentAs(taken, documented),
        response: answers({ 200: createdCalls[line] }),
      },
      preValidation: async (request, reply) => nameIgnoredFields(documented, request.body, reply),
      handler: async (request) => {
        const actor = actorOf(request)
        const body: CallRequest = request.body
        const agent = await findAgent(commands, actor, body.agent_id)
        const number = await findNumber(commands, actor, body.agent_phone_number_id)
        const { input, recipient } = decodeCall(body, { agent: agent.id, callerNumber: number.id })
        const made = await createCall(commands, actor, { ...input, idempotent: request.idempotent }, recipient)
        // Some rule of ours may keep it from ever being placed.
        const success = made.outcome === null
        return {
          success,
          message: success ? 'Success' : made.causeText,
          conversation_id: encodeId('conversation', made.id),
          // The carrier gives its own id to the call later.
          ...(line === 'twilio' ? { callSid: null } : { sip_call_id: null }),
        }
      },
    })
  }
}
