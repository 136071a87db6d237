import { type Queryable, run } from './statement.ts'

/** Writes the breaker of a trunk under the gate; `blockedForMs` null lets it take calls again. Rides trunk_state_pkey. */
export async function setTrunkHealth(
  client: Queryable,
  options: {
    organizationId: number
    now: string
    trunkId: number
    failuresInRow: number
    blockedForMs: number | null
  },
): Promise<void> {
  await run(client, {
    name: 'set_trunk_health',
    text: `UPDATE trunk_state SET failures_in_row = $4::int, blocked_until = $2::timestamptz + $5::float8 * interval '1 ms'
      WHERE organization_id = $1::int AND trunk_id = $3::int`,
    values: [options.organizationId, options.now, options.trunkId, options.failuresInRow, options.blockedForMs],
  })
}

/** Puts the numbers of recipients on the suppression list, under the gate. A number that is there already stays as it is. */
export async function suppressRecipients(
  client: Queryable,
  options: {
    organizationId: number
    now: string
    recipients: readonly { batchId: number; seq: number }[]
    reason: string
  },
): Promise<void> {
  await run(client, {
    name: 'suppress_recipients',
    text: `INSERT INTO suppression (organization_id, number_hash, number, reason, created_at)
      SELECT $1::int, r.number_hash, r.number, $5::text, $2::timestamptz FROM unnest($3::int[], $4::int[]) w(batch_id, seq)
      JOIN recipient r ON r.organization_id = $1::int AND r.batch_id = w.batch_id AND r.seq = w.seq ON CONFLICT DO NOTHING`,
    values: [
      options.organizationId,
      options.now,
      options.recipients.map((recipient) => recipient.batchId),
      options.recipients.map((recipient) => recipient.seq),
      options.reason,
    ],
  })
}
