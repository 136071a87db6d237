import { AppError } from '../errors.ts'
import type { Client } from '../store/owner-transaction.ts'
import type { BatchParties } from './batch-terms.ts'
import { findCaller } from './caller-number.ts'
import type { CommandContext } from './context.ts'
import type { RecipientInput } from './posted-recipients.ts'
import type { RecipientRoute } from './recipient-stage.ts'

/** Each is a lane of its own for every set of zones, and a node looks at all lanes of a batch. */
const ROUTES_MAX = 100

/** How a recipient is called: null is the batch's own way. */
export type RecipientRoutes = (recipient: RecipientInput) => RecipientRoute | null

/**
 * Looks up, before a list is stored, the trunks and numbers that its recipients name for themselves.
 *
 * @throws AppError `trunk-not-found`, `caller-not-owned`, `no-caller-number` with the recipient that names it;
 * `invalid-input` when there are more than 100 different ways.
 */
export async function findRoutes(
  context: Pick<CommandContext, 'carrierKind'>,
  client: Client,
  parties: BatchParties,
  list: { organizationId: number; recipients: readonly RecipientInput[]; path: string },
): Promise<RecipientRoutes> {
  const { organizationId, recipients, path } = list
  const routes = new Map<string, RecipientRoute>()
  for (const [index, { trunk, callerNumber }] of recipients.entries()) {
    const key = keyOf({ trunk, callerNumber })
    if (key === BATCHES_OWN || routes.has(key)) continue
    if (routes.size >= ROUTES_MAX) {
      const rule = `A batch can call in at most ${ROUTES_MAX} different ways (trunk and caller number).`
      throw new AppError('invalid-input', { field: path, args: [rule], remedy: 'Make several batches of the list.' })
    }
    const { defaultNumberId } = parties
    const asked = { organizationId, path: `${path}[${index}].`, trunk, callerNumber, defaultNumberId }
    const { trunkId, carrier, digits: callerDigits } = await findCaller(context, client, asked)
    const terms = context.carrierKind(carrier)
    const takesAnyNumber = terms?.takesAnyNumber === true
    const policy = takesAnyNumber ? null : parties.strictPolicyFor(callerDigits)
    routes.set(key, { trunkId, callerDigits, takesAnyNumber, isJoined: terms?.isJoined === true, policy })
  }
  return (recipient) => routes.get(keyOf(recipient)) ?? null
}

const BATCHES_OWN = '\0'

function keyOf({ trunk, callerNumber }: Pick<RecipientInput, 'trunk' | 'callerNumber'>): string {
  return `${trunk ?? ''}\0${callerNumber ?? ''}`
}
