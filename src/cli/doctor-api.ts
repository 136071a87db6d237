import { ApiClient, UnreachableError } from './api-client.ts'
import type { BatchDocument } from './api-types.ts'
import { CliError, EXIT } from './cli-error.ts'
import { type ConnectionOptions, findConnection } from './connection.ts'
import type { Environment, Finding } from './doctor-finding.ts'
import { harmless } from './terminal.ts'

interface MeDocument {
  readonly operator: boolean
  readonly organization: {
    readonly name: string
    readonly concurrency: number
    readonly defaultNumberId: string | null
  } | null
}

interface TrunkDocument {
  readonly id: string
  readonly name: string
  readonly carrier: string
  readonly concurrency: number
  readonly callsPerSecond: number
  readonly blockedUntil: string | null
  readonly settings: Readonly<Record<string, unknown>>
}

/** What the API tells: whose key it is, whether the trunks work, and what running batches wait for. */
export async function checkApi(options: ConnectionOptions, environment: Environment): Promise<Finding[]> {
  try {
    const connection = findConnection(options, environment)
    const client = new ApiClient(connection)
    const me = await client.get<MeDocument>('/me')
    const who = me.organization === null ? 'the operator' : `the organization ${harmless(me.organization.name)}`
    const key: Finding = { level: 'ok', check: 'api', text: `The key of ${connection.keySource} is that of ${who}.` }
    if (me.organization === null) return [key]
    return [
      key,
      ...organizationFindings(me.organization),
      ...(await checkTrunks(client)),
      ...(await checkBatches(client)),
      ...(await checkAttention(client)),
    ]
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const isMissing = error instanceof UnreachableError || error.exitCode === EXIT.usage
    const level = isMissing ? 'warning' : 'bad'
    const remedy = error.remedy === undefined ? {} : { remedy: error.remedy }
    return [{ level, check: 'api', text: error.message, ...remedy }]
  }
}

function organizationFindings(organization: NonNullable<MeDocument['organization']>): Finding[] {
  if (organization.concurrency > 0) return []
  const text = 'The organization may have no calls at all: its limit is 0.'
  return [{ level: 'warning', check: 'api', text, remedy: 'The operator can raise it.' }]
}

async function checkTrunks(client: ApiClient): Promise<Finding[]> {
  const check = 'trunk'
  const [trunks, numbers] = await Promise.all([
    client.list<TrunkDocument>('/trunks'),
    client.list<{ trunkId: string }>('/numbers'),
  ])
  if (trunks.length === 0) {
    return [{ level: 'bad', check, text: 'There is no trunk.', remedy: 'Add one with `carillon trunk add`.' }]
  }
  return trunks.map((trunk): Finding => {
    const name = `Trunk ${harmless(trunk.name)} (${trunk.carrier})`
    if (trunk.blockedUntil !== null) {
      const remedy = 'Compare its settings with what the carrier gave you.'
      return { level: 'bad', check, text: `${name} fails; it is tried again at ${trunk.blockedUntil}.`, remedy }
    }
    if (trunk.concurrency === 0) {
      return { level: 'warning', check, text: `${name} may carry no calls: its limit is 0.` }
    }
    if (!numbers.some(({ trunkId }) => trunkId === trunk.id)) {
      const remedy = `carillon number add +… --trunk ${trunk.id}`
      return { level: 'warning', check, text: `${name} has no number to call from.`, remedy }
    }
    const rates = `${trunk.concurrency} calls at once, ${trunk.callsPerSecond} a second`
    return { level: 'ok', check, text: `${name}: ${rates}${lineText(trunk)}` }
  })
}

/** How a SIP trunk is spoken to. */
function lineText({ carrier, settings }: TrunkDocument): string {
  if (carrier !== 'sip') return ''
  const { host, transport, srtp, codecs } = settings as Record<string, unknown>
  const sound = srtp === 'required' ? 'encrypted' : 'not encrypted'
  return harmless(`; ${transport} to ${host}, ${Array.isArray(codecs) ? codecs.join(' or ') : ''}, sound ${sound}`)
}

interface AttentionDocument {
  readonly kind: string
  readonly level: 'bad' | 'warning'
  readonly text: string
  readonly remedy: string
  readonly count: number
  readonly since: string | null
  readonly reason: string | null
}

/** What the server itself finds to stand still or to fail. */
async function checkAttention(client: ApiClient): Promise<Finding[]> {
  const check = 'attention'
  const { items } = await client.get<{ items: readonly AttentionDocument[] }>('/attention')
  if (items.length === 0) return [{ level: 'ok', check, text: 'Nothing stands still, and no outcome is unknown.' }]
  return items.map(({ kind, level, text, remedy, count, since, reason }): Finding => {
    const details = [
      kind,
      ...(count > 1 ? [String(count)] : []),
      ...(since === null ? [] : [`since ${since}`]),
      ...(reason === null ? [] : [reason]),
    ]
    return { level, check, text: `${harmless(text)} (${harmless(details.join(', '))})`, remedy }
  })
}

async function checkBatches(client: ApiClient): Promise<Finding[]> {
  const { items } = await client.get<{ items: readonly BatchDocument[] }>('/batches', { status: 'running', limit: 10 })
  const details = await Promise.all(items.map(({ id }) => client.get<BatchDocument>(`/batches/${id}`)))
  return details.map((batch): Finding => {
    const waits = batch.waiting && batch.waiting.reason !== 'in-line' ? ` ${harmless(batch.waiting.text)}` : ''
    const text = `Batch ${harmless(batch.name)} runs, ${batch.figures.settled} of ${batch.figures.total} done.${waits}`
    return { level: 'note', check: 'batch', text }
  })
}
