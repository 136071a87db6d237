import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { InstallationSecrets } from '../model/installation-secrets.ts'
import { findAgent } from '../store/agents.ts'
import { revokeOtherOperators, selectCredentials } from '../store/credentials.ts'
import { claimInstallation, lockInstallation, readInstallation } from '../store/installation.ts'
import { countOrganizations, selectOrganization, writeOrganization } from '../store/organizations.ts'
import { type Client, type Database, ownerTransaction } from '../store/owner-transaction.ts'
import { findTrunk } from '../store/trunks.ts'
import { storeAgent } from './agents.ts'
import type { CommandContext } from './context.ts'
import { storeImportedCredential, storeNewCredential } from './credentials.ts'
import { storeNumber } from './numbers.ts'
import { LIVE_MAX_DEFAULT, storeOrganization } from './organizations.ts'
import { storeTrunk } from './trunks.ts'
import { lockGate } from './under-gate.ts'

const SECRET_BYTES = 32
/** A number that is set aside for stories: nobody has it. */
const FIRST_NUMBER = '+15005550100'
const FIRST_TRUNK = { liveMax: 50, callsPerSecond: 20 }
const FIRST_WORDS =
  'Hello {first_name}, this is Carillon with a test call. Everything works, and you do not need to do anything. Goodbye!'

/**
 * Makes the installation's secret on the first start and reads it on every later one. Safe on several nodes at once.
 * `sealingKeys` are those of `InstallationSecrets`.
 */
export async function ensureInstallation(
  database: Database,
  clock: Clock,
  sealingKeys: readonly string[] = [],
): Promise<InstallationSecrets> {
  const secret = await ownerTransaction(database, async (client) => {
    const known = await readInstallation(client)
    return known ?? claimInstallation(client, randomBytes(SECRET_BYTES), new Date(clock.nowEpochMs()))
  })
  return new InstallationSecrets(secret, sealingKeys)
}

export interface FirstOrganizationOptions {
  readonly bootstrapApiKey?: string | undefined
  readonly bootstrapApiSecret?: string | undefined
  readonly operatorApiKey?: string | undefined
}

/** What the start has to print. Keys are there only when this very call made them. */
export interface FirstOrganization {
  /** False on every start but the first; then only the operator's key can be new. */
  readonly created: boolean
  readonly organizationId: string | null
  readonly apiKey: { readonly token: string; readonly id: string; readonly secret: string } | null
  readonly operatorKey: string | null
  readonly agentId: string | null
  readonly number: string | null
  readonly trunkId: string | null
}

/**
 * On the first start makes the organization `default` with a loopback trunk, a number, an agent and an API key; on
 * every start makes sure that the operator has a key. A given operator's key replaces all others of the operator.
 * Nodes that start at once wait for each other; one of them makes everything.
 *
 * @throws AppError `weak-credential` for a given key that is too short.
 */
export async function ensureFirstOrganization(
  context: CommandContext,
  options: FirstOrganizationOptions,
): Promise<FirstOrganization> {
  return ownerTransaction(context.database, async (client) => {
    await lockInstallation(client)
    const operatorKey = await ensureOperator(context, client, options.operatorApiKey)
    if ((await countOrganizations(client)) > 0) {
      return {
        created: false,
        organizationId: null,
        apiKey: null,
        operatorKey,
        agentId: null,
        number: null,
        trunkId: null,
      }
    }
    return { ...(await makeFirstOrganization(context, client, options)), created: true, operatorKey }
  })
}

async function makeFirstOrganization(
  context: CommandContext,
  client: Client,
  options: FirstOrganizationOptions,
): Promise<Omit<FirstOrganization, 'created' | 'operatorKey'>> {
  const organizationId = await storeOrganization(context, client, {
    name: 'default',
    liveMax: LIVE_MAX_DEFAULT,
    aliases: ['default'],
  })
  const gate = await lockGate(client, { organizationId })
  const trunkId = await storeTrunk(context, client, {
    gate,
    input: { name: 'Simulated telephone network', carrier: 'loopback', settings: {}, ...FIRST_TRUNK },
  })
  const trunk = (await findTrunk(client, organizationId, { trunkId }))!
  const numberId = await storeNumber(context, client, { organizationId, trunk, input: { number: FIRST_NUMBER } })
  const agentId = await storeAgent(context, client, {
    organizationId,
    input: {
      name: 'Announcement',
      kind: 'announcement',
      settings: { text: FIRST_WORDS },
      defaultNumber: FIRST_NUMBER,
      aliases: ['announcement'],
    },
  })
  await writeOrganization(client, organizationId, {
    name: 'default',
    defaultCountry: 'US',
    allowedCountries: null,
    defaultNumberId: numberId,
  })
  return {
    organizationId: (await selectOrganization(client, organizationId))!.organization_uuid,
    apiKey: await firstApiKey(context, client, { organizationId, options }),
    agentId: (await findAgent(client, organizationId, { agentId }))!.agent_uuid,
    number: FIRST_NUMBER,
    trunkId: trunk.trunk_uuid,
  }
}

async function firstApiKey(
  context: CommandContext,
  client: Client,
  { organizationId, options }: { organizationId: number; options: FirstOrganizationOptions },
): Promise<FirstOrganization['apiKey']> {
  const { bootstrapApiKey: key, bootstrapApiSecret: secret } = options
  if (key !== undefined) {
    await storeImportedCredential(context, client, { organizationId, name: 'First key', key, secret })
    return null
  }
  const made = await storeNewCredential(context, client, { organizationId, name: 'First key' })
  return { token: made.token, id: made.id, secret: made.secret }
}

async function ensureOperator(
  context: CommandContext,
  client: Client,
  given: string | undefined,
): Promise<string | null> {
  const operator = { organizationId: null, name: 'Operator' }
  if (given !== undefined) {
    const stored = await storeImportedCredential(context, client, { ...operator, key: given })
    await revokeOtherOperators(client, stored.credential_id, new Date(context.clock.nowEpochMs()))
    return null
  }
  const known = await selectCredentials(client, null)
  if (known.some((credential) => credential.revoked_at === null)) return null
  return (await storeNewCredential(context, client, operator)).token
}
