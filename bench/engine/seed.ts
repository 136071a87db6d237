import { randomUUID } from 'node:crypto'
import type pg from 'pg'

export interface SeedOptions {
  readonly recipients: number
  readonly batches: number
  readonly organizations: number
  /** Concurrent calls of one organization; its batches share it, with at least 20 each. */
  readonly organizationLimit: number
  readonly trunks: number
  /** Length of all suppression lists together. */
  readonly suppressed: number
  /** One in so many recipients stands on the suppression list; 0: none. */
  readonly suppressedEvery: number
  /** Whether batches have a calling window (one that is open) or none. */
  readonly window: boolean
}

const ALWAYS_OPEN = { zone: 'UTC', ranges: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }] }
const RETRY = { maxAttempts: 2, rules: { busy: { gapsSeconds: [60] } } }

/** Fills a migrated database with paused batches; nothing dials before {@link release}. */
export async function seed(client: pg.Client, options: SeedOptions): Promise<void> {
  await client.query('ALTER TABLE recipient DROP CONSTRAINT recipient_pkey')
  for (let organization = 1; organization <= options.organizations; organization++) {
    await seedParties(client, organization, options)
    await seedBatches(client, organization, options)
    await seedSuppressions(client, organization, options)
  }
  await client.query('ALTER TABLE recipient ADD CONSTRAINT recipient_pkey PRIMARY KEY (organization_id, batch_id, seq)')
  await client.query('VACUUM ANALYZE')
  await client.query('CHECKPOINT')
}

async function seedParties(client: pg.Client, organization: number, options: SeedOptions): Promise<void> {
  const run = (text: string, values: unknown[]) => client.query(text, values)
  await run(`INSERT INTO organization (organization_uuid, name, created_at) VALUES ($1, 'bench', now())`, [
    randomUUID(),
  ])
  await run('INSERT INTO gate (organization_id, live_max) VALUES ($1, $2)', [organization, options.organizationLimit])
  await run(
    `INSERT INTO trunk (organization_id, trunk_id, trunk_uuid, name, carrier, settings, version, created_at)
     SELECT $1, t, gen_random_uuid(), 'trunk ' || t, 'loopback', '{}', 1, now() FROM generate_series(1, $2::int) t`,
    [organization, options.trunks],
  )
  await run(
    `INSERT INTO trunk_state (organization_id, trunk_id, live_max, calls_per_second, refilled_at)
     SELECT $1, t, $3::int, 1000000, now() FROM generate_series(1, $2::int) t`,
    [organization, options.trunks, options.organizationLimit],
  )
  await run(
    `INSERT INTO agent (organization_id, agent_id, agent_uuid, name, kind, settings, created_at)
     VALUES ($1, 1, $2, 'agent', 'announcement', $3, now())`,
    [organization, randomUUID(), { text: 'Hello {name}, this is a call.', waitForKeySeconds: 0, stopKey: null }],
  )
}

async function seedBatches(client: pg.Client, organization: number, options: SeedOptions): Promise<void> {
  const batches = Math.max(1, Math.floor(options.batches / options.organizations))
  const perBatch = Math.floor(options.recipients / (batches * options.organizations))
  const run = (text: string, values: unknown[]) => client.query(text, values)
  await run(
    `INSERT INTO batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
       max_call_seconds, calling_window, retry_policy, duplicate_numbers, columns, phone_column, version, created_at, updated_at)
     SELECT $1, b, gen_random_uuid(), 'batch ' || b, 'native', 1, 14155550100, 1 + b % $3::int, 30, 600, $4::jsonb, $5::jsonb, 'skip',
       '{phone,name,city}', 0, 1, now(), now() FROM generate_series(1, $2::int) b`,
    [organization, batches, options.trunks, options.window ? ALWAYS_OPEN : null, RETRY],
  )
  await run(
    `INSERT INTO batch_state (organization_id, batch_id, status, live_max, total)
     SELECT $1, b, 3, $3::int, $4::int FROM generate_series(1, $2::int) b`,
    [organization, batches, Math.max(20, Math.ceil(options.organizationLimit / batches)), perBatch],
  )
  await run(
    `INSERT INTO lane (organization_id, batch_id, lane, trunk_id, zones, first_seq, next_seq, end_seq, last_seq)
     SELECT $1, b, 0, 1 + b % $4::int, '{Etc/UTC}', 1, 1, 1 + $3::int, 1 + $3::int FROM generate_series(1, $2::int) b`,
    [organization, batches, perBatch, options.trunks],
  )
  await run(
    `INSERT INTO recipient (organization_id, batch_id, seq, line, number, number_hash, variables)
     SELECT $1, b, s, s + 1, 14150000000 + b::bigint * 100000000 + s, hashint8extended(b::bigint * 100000000 + s, 7),
       '["Person ' || s || '","Springfield"]' FROM generate_series(1, $2::int) b, generate_series(1, $3::int) s`,
    [organization, batches, perBatch],
  )
}

async function seedSuppressions(client: pg.Client, organization: number, options: SeedOptions): Promise<void> {
  if (options.suppressedEvery > 0) {
    await client.query(
      `INSERT INTO suppression (organization_id, number_hash, number, reason, created_at)
       SELECT $1, number_hash, number, 'bench', now() FROM recipient WHERE organization_id = $1 AND seq % $2::int = 0`,
      [organization, options.suppressedEvery],
    )
  }
  await client.query(
    `INSERT INTO suppression (organization_id, number_hash, number, reason, created_at)
     SELECT $1, hashint8extended(g, 99), 1000000 + g, 'bench', now() FROM generate_series(1, $2::int) g`,
    [organization, Math.round(options.suppressed / options.organizations)],
  )
}

/** Lets everything dial. */
export async function release(client: pg.Client): Promise<void> {
  await client.query('BEGIN')
  await client.query('UPDATE gate SET version = version + 1')
  await client.query('UPDATE batch b SET version = g.version FROM gate g WHERE g.organization_id = b.organization_id')
  await client.query('UPDATE batch_state SET status = 2 WHERE status = 3')
  await client.query('COMMIT')
}
