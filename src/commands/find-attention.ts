import { type Attention, attention } from '../model/attention.ts'
import type { WaitingReason } from '../model/why-waiting.ts'
import {
  countStuckCalls,
  isAnyNodeAlive,
  passGate,
  selectBatchesNotTurned,
  selectBlockedTrunks,
  selectIdleBatches,
  selectLateWebhooks,
  selectPausedWebhooks,
  selectTroubles,
  selectUnknownOutcomes,
} from '../store/attention.ts'
import type { Client } from '../store/owner-transaction.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { whyBatchWaits } from './why-waiting.ts'

/** A dispatcher keeps the gate for milliseconds. */
const GATE_WITHIN_MS = 2_000
const LOCK_NOT_AVAILABLE = '55P03'

/** Reasons to wait that are what somebody asked for, and pass by themselves. */
const AS_ASKED: ReadonlySet<WaitingReason> = new Set([
  'not-started-yet',
  'batch-paused',
  'not-before',
  'retry-gap',
  'outside-calling-window',
  'throttled',
])

/**
 * All that somebody should look at in an organization: what stands still, why, and what to do about it. Empty when all is
 * well. It reads a moment's truth and waits for the gate for two seconds at most; the worst comes first.
 */
export async function findAttention(
  context: CommandContext,
  actor: Pick<Actor, 'organizationId'>,
): Promise<readonly Attention[]> {
  const { organizationId } = actor
  const found: Attention[] = []
  if (!(await isGateFree(context, actor))) found.push(attention('gate-held'))
  const idle = await inOrganization(context, actor, async (client) => {
    found.push(...(await nodeFindings(client, organizationId)), ...(await callFindings(client, organizationId)))
    found.push(...(await webhookFindings(client, organizationId)))
    return selectIdleBatches(client, organizationId)
  })
  for (const { id, name, since, stalled, waiting } of idle) {
    // Batches of others are never here, so this is about one that was deleted meanwhile.
    const why = await whyBatchWaits(context, { organizationId, credentialId: '' }, id).catch(() => null)
    if (why !== null && AS_ASKED.has(why.reason)) continue
    const reason = why?.reason ?? null
    const kind = stalled ? 'batch-stalled' : 'due-overdue'
    found.push(attention(kind, { count: waiting, since, objectId: id, reason, detail: detailOf(name, why?.text) }))
  }
  return found.sort((one, other) => Number(one.level === 'warning') - Number(other.level === 'warning'))
}

async function isGateFree(context: CommandContext, actor: Pick<Actor, 'organizationId'>): Promise<boolean> {
  try {
    await inOrganization(context, actor, (client) => passGate(client, actor.organizationId, GATE_WITHIN_MS))
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) return false
    throw error
  }
}

async function nodeFindings(client: Client, organizationId: number): Promise<Attention[]> {
  const found: Attention[] = []
  if (!(await isAnyNodeAlive(client))) found.push(attention('no-live-node'))
  for (const { node, since, failures, error } of await selectTroubles(client, organizationId)) {
    found.push(attention('cycles-failing', { count: failures, since, reason: error, detail: node }))
  }
  for (const { id, name } of await selectBlockedTrunks(client, organizationId)) {
    found.push(attention('trunk-blocked', { objectId: id, detail: name }))
  }
  for (const { id, name, since } of await selectBatchesNotTurned(client, organizationId)) {
    found.push(attention('batch-not-turned', { objectId: id, since, detail: name }))
  }
  return found
}

async function callFindings(client: Client, organizationId: number): Promise<Attention[]> {
  const { overlong, intents } = await countStuckCalls(client, organizationId)
  const found: Attention[] = []
  if (overlong.count > 0) found.push(attention('call-overlong', overlong))
  if (intents.count > 0) found.push(attention('intent-overdue', intents))
  for (const { id, name, count, since } of await selectUnknownOutcomes(client, organizationId)) {
    found.push(attention('unknown-outcomes', { count, since, objectId: id, detail: name }))
  }
  return found
}

async function webhookFindings(client: Client, organizationId: number): Promise<Attention[]> {
  const found: Attention[] = []
  for (const { id, name, since, reason } of await selectPausedWebhooks(client, organizationId)) {
    found.push(attention('webhook-paused', { objectId: id, since, detail: detailOf(name, reason ?? undefined) }))
  }
  for (const { id, name, since, count } of await selectLateWebhooks(client, organizationId)) {
    found.push(attention('webhook-late', { objectId: id, since, count: Math.max(1, count), detail: name }))
  }
  return found
}

function detailOf(name: string, why: string | undefined): string {
  return why === undefined ? name : `${name}. ${why.replace(/\.$/, '')}`
}
