import { AppError } from '../errors.ts'
import type { AgentRow } from '../store/agents.ts'
import type { Client } from '../store/owner-transaction.ts'
import { type BatchInput, type BatchParties, type BatchTerms, speakingAgent } from './batch-terms.ts'
import { findCaller } from './caller-number.ts'
import { checkedWhole } from './checked-input.ts'
import type { CommandContext } from './context.ts'
import type { RecipientInput, RecipientRoutes } from './posted-recipients.ts'
import type { RecipientRoute } from './recipient-stage.ts'

/** Each is a lane of its own for every set of zones, and a node looks at all lanes of a batch. */
const ROUTES_MAX = 1_000

/** What is asked, and what was found for the batch as a whole. */
export interface RouteSearch {
  readonly organizationId: number
  readonly recipients: readonly RecipientInput[]
  /** Path of the list in the request, for errors. */
  readonly path: string
  readonly input: Pick<BatchInput, 'trunk' | 'callerNumber'>
  readonly parties: BatchParties
  readonly terms: Pick<BatchTerms, 'retryPolicy'>
}

/**
 * Looks up, before a list is stored, the agents, trunks and numbers that its recipients name for themselves. From which
 * number: the recipient's, else the batch's, else that of the recipient's agent, else the organization's.
 *
 * @throws AppError `agent-not-found`, `agent-unbound`, `trunk-not-found`, `caller-not-owned`, `no-caller-number` with the
 * recipient that names it; `invalid-input` when there are more than 1000 different ways.
 */
export async function findRoutes(
  context: Pick<CommandContext, 'carrierKind'>,
  client: Client,
  search: RouteSearch,
): Promise<RecipientRoutes> {
  const { recipients, path } = search
  const routes = new Map<string, RecipientRoute | null>([[BATCHES_OWN, null]])
  for (const [index, recipient] of recipients.entries()) {
    const key = keyOf(recipient)
    if (routes.has(key)) continue
    if (routes.size > ROUTES_MAX) {
      const rule = `A batch can call in at most ${ROUTES_MAX} different ways (agent, trunk, caller number, number of dials).`
      throw new AppError('invalid-input', { field: path, args: [rule], remedy: 'Make several batches of the list.' })
    }
    routes.set(key, await findRoute(context, client, { ...search, recipient, at: `${path}[${index}].` }))
  }
  return (recipient) => routes.get(keyOf(recipient)) ?? null
}

async function findRoute(
  context: Pick<CommandContext, 'carrierKind'>,
  client: Client,
  search: RouteSearch & { recipient: RecipientInput; at: string },
): Promise<RecipientRoute | null> {
  const { organizationId, recipient, parties, at } = search
  const agent =
    recipient.agent === undefined
      ? null
      : await speakingAgent(client, organizationId, { reference: recipient.agent, field: `${at}agent` })
  const agentId = agent === null || agent.agent_id === parties.agentId ? null : agent.agent_id
  const attemptsMax = fewerDials(search)
  const caller = await callerOf(context, client, { ...search, agent })
  const isBatchesCaller = caller.trunkId === parties.caller.trunkId && caller.digits === parties.caller.digits
  if (agentId === null && attemptsMax === null && isBatchesCaller) return null
  const terms = context.carrierKind(caller.carrier)
  const takesAnyNumber = terms?.takesAnyNumber === true
  return {
    trunkId: caller.trunkId,
    callerDigits: caller.digits,
    agentId,
    attemptsMax,
    takesAnyNumber,
    isJoined: terms?.isJoined === true,
    policy: takesAnyNumber ? null : parties.strictPolicyFor(caller.digits),
  }
}

/** Null: as often as the batch says. */
function fewerDials({
  recipient: { attemptsMax },
  terms,
  at,
}: Pick<RouteSearch, 'terms'> & { recipient: RecipientInput; at: string }): number | null {
  if (attemptsMax === undefined) return null
  const { maxAttempts } = terms.retryPolicy
  checkedWhole(attemptsMax, `${at}attemptsMax`, { min: 1, max: maxAttempts })
  return attemptsMax === maxAttempts ? null : attemptsMax
}

async function callerOf(
  context: Pick<CommandContext, 'carrierKind'>,
  client: Client,
  search: RouteSearch & { recipient: RecipientInput; at: string; agent: AgentRow | null },
) {
  const { organizationId, recipient, input, parties, at, agent } = search
  const { trunk, callerNumber } = recipient
  const isNamed = trunk !== undefined || callerNumber !== undefined
  const hasNumber = agent !== null && agent.default_number_id !== null
  const isAgents = hasNumber && input.trunk === undefined && input.callerNumber === undefined
  if (!isNamed && !isAgents) return parties.caller
  const defaultNumberId = isAgents ? agent.default_number_id : parties.defaultNumberId
  return findCaller(context, client, { organizationId, path: at, trunk, callerNumber, defaultNumberId })
}

const BATCHES_OWN = '\0\0\0'

function keyOf({ agent, trunk, callerNumber, attemptsMax }: RecipientInput): string {
  return `${trunk ?? ''}\0${callerNumber ?? ''}\0${agent ?? ''}\0${attemptsMax ?? ''}`
}
