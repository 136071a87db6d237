import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** Answers that are opened at once. */
const PAGE = 200

/** One answer that is kept for repetitions of its request, sealed. */
export interface KeptAnswer {
  readonly idempotency_key: string
  readonly body: Buffer
}

/** In the order of their keys, behind one. Rides idempotent_answer_pkey; fewer rows than {@link PAGE}: there are no more. */
export async function keptAnswers(
  client: Client,
  organizationId: number,
  after: string,
): Promise<{ answers: readonly KeptAnswer[]; isLast: boolean }> {
  const answers = await ask<KeptAnswer>(
    client,
    `SELECT idempotency_key, body FROM idempotent_answer WHERE organization_id = $1 AND idempotency_key > $2 AND body IS NOT NULL
     ORDER BY idempotency_key LIMIT ${PAGE}`,
    [organizationId, after],
  )
  return { answers, isLast: answers.length < PAGE }
}

/** The request still has one effect: whoever repeats it gets the status with nothing beside it. Rides idempotent_answer_pkey. */
export async function emptyKeptAnswers(client: Client, organizationId: number, keys: readonly string[]): Promise<void> {
  await change(
    client,
    'UPDATE idempotent_answer SET body = NULL WHERE organization_id = $1 AND idempotency_key = ANY($2::text[])',
    [organizationId, keys],
  )
}

/** The same for all requests that made a batch. Rides idempotent_answer_pkey over what two days have brought. */
export async function emptyKeptAnswersOfBatch(client: Client, organizationId: number, batchId: number): Promise<void> {
  await change(
    client,
    'UPDATE idempotent_answer SET body = NULL WHERE organization_id = $1 AND batch_id = $2 AND body IS NOT NULL',
    [organizationId, batchId],
  )
}

/**
 * What receivers of webhooks answered to events about these recipients; 0 among them stands for events about the batch.
 * That and when they answered stays. Rides webhook_delivery_answered.
 */
export async function eraseReceiverAnswers(
  client: Client,
  organizationId: number,
  { batchId, firstSeq, lastSeq }: { batchId: number; firstSeq: number; lastSeq: number },
): Promise<void> {
  await change(
    client,
    `UPDATE webhook_delivery SET answer = NULL
     WHERE organization_id = $1 AND batch_id = $2 AND seq BETWEEN $3 AND $4 AND answer IS NOT NULL`,
    [organizationId, batchId, firstSeq, lastSeq],
  )
}
