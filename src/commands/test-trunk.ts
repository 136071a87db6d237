import { randomBytes } from 'node:crypto'
import { AppError, invalidInput } from '../errors.ts'
import { hashNumbers } from '../model/id-cipher.ts'
import { countryOf, mayBeCalled, parsePhoneNumber } from '../model/phone-number.ts'
import { readDialingRules } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import { oldestNumberOfTrunk } from '../store/phone-numbers.ts'
import { isSuppressed } from '../store/suppressions.ts'
import type { TrunkRow } from '../store/trunks.ts'
import { audit } from './audit.ts'
import { type Actor, type CommandContext, inOrganization, type TestCallFinding } from './context.ts'
import { requireNumber, requireTrunk } from './find-objects.ts'

const RING_TIMEOUT_SECONDS = 30
const MAX_CALL_SECONDS = 30
const SEND_WITHIN_MS = 5000
const SPEECH = {
  text: 'This is a test call by Carillon. If you can hear this, sound reaches you. Say something, or press a key.',
  waitForKeySeconds: 8,
}

export interface TrunkTest {
  /** E.164 with the plus, or national in the organization's default country. */
  readonly to: string
  /** Id, alias or E.164 of a number of the trunk; by default its oldest. */
  readonly from?: string | undefined
}

/**
 * Rings one telephone through a trunk and tells what happened on the way. It stands outside of every batch: it takes no
 * slot, is no attempt and is kept nowhere. Who may be called is checked as for a batch: allowed countries, premium and
 * emergency numbers, the suppression list.
 *
 * @throws AppError `trunk-not-found`, `number-not-found`, `invalid-input`.
 */
export async function testTrunk(
  context: CommandContext,
  actor: Actor,
  trunkId: string,
  test: TrunkTest,
): Promise<readonly TestCallFinding[]> {
  const order = await inOrganization(context, actor, async (client) => {
    const trunk = await requireTrunk(client, actor.organizationId, trunkId)
    const from = await callerOf(client, actor, trunk, test.from)
    const to = await calleeOf(context, client, { actor, trunk, from, to: test.to })
    await audit(client, actor, 'trunk.tested', { objectId: trunk.trunk_uuid })
    return { trunk, from: `+${from}`, to }
  })
  const findings = await context.signals.testTrunk?.(order.trunk.trunk_uuid, {
    ref: randomBytes(16).toString('hex'),
    to: order.to,
    from: order.from,
    ringTimeoutSeconds: RING_TIMEOUT_SECONDS,
    maxCallSeconds: MAX_CALL_SECONDS,
    speech: SPEECH,
    sendWithinMs: SEND_WITHIN_MS,
  })
  return (
    findings ?? [
      { level: 'note', step: 'call', text: `A trunk of the carrier ${order.trunk.carrier} has nothing to test.` },
    ]
  )
}

async function callerOf(
  client: Client,
  { organizationId }: Actor,
  trunk: TrunkRow,
  from: string | undefined,
): Promise<string> {
  const number =
    from === undefined
      ? await oldestNumberOfTrunk(client, organizationId, trunk.trunk_id)
      : await requireNumber(client, organizationId, from)
  if (number === undefined) {
    throw new AppError('number-not-found', { field: 'from', remedy: 'The trunk has no number. Add one to call from.' })
  }
  if (number.trunk_id !== trunk.trunk_id) throw invalidInput('from', 'must be a number of this trunk')
  return String(number.number)
}

async function calleeOf(
  context: CommandContext,
  client: Client,
  call: { actor: Actor; trunk: TrunkRow; from: string; to: string },
): Promise<string> {
  const { organizationId } = call.actor
  const rules = await readDialingRules(client, organizationId)
  const parsed = parsePhoneNumber(call.to, { defaultCountry: rules.default_country ?? undefined })
  if (!parsed.ok) throw invalidInput('to', 'must be a telephone number such as +14155550123')
  const { digits } = parsed
  if (context.carrierKind(call.trunk.carrier)?.takesAnyNumber !== true) {
    const callerCountry = countryOf(Number(call.from))
    const own = callerCountry === undefined ? [] : [callerCountry]
    const allowed = mayBeCalled(digits, { allowedCountries: new Set(rules.allowed_countries ?? own) })
    if (!allowed.ok) throw invalidInput('to', `may not be called: ${allowed.remedy}`)
  }
  const [hash] = hashNumbers(context.secrets.numberHashKey(organizationId), Float64Array.of(digits))
  if (await isSuppressed(client, organizationId, { digits, hash: String(hash) })) {
    throw invalidInput('to', 'is on the suppression list and is not called')
  }
  return `+${digits}`
}
