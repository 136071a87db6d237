import { randomUUID } from 'node:crypto'
import type pg from 'pg'

export interface SeedOptions {
  readonly recipients: number
  readonly batches: number
  readonly organizations: number
  readonly organizationLimit: number
  readonly suppressed: number
}

/** Fills a migrated database with running batches; nothing dials before `release`. */
export async function seed(client: pg.Client, options: SeedOptions): Promise<void> {
  const { batches, organizations } = options
  const batchesEach = Math.max(1, Math.floor(batches / organizations))
  const perBatch = Math.floor(options.recipients / (batchesEach * organizations))
  for (let organization = 1; organization <= organizations; organization++) {
    await seedOrganization(client, { ...options, organization, batchesEach, perBatch })
  }
  await client.query('ALTER TABLE recipient ADD CONSTRAINT recipient_pkey PRIMARY KEY (organization_id, batch_id, seq)')
  await client.query('VACUUM ANALYZE')
  await client.query('CHECKPOINT')
}

async function seedOrganization(
  client: pg.Client,
  options: SeedOptions & { organization: number; batchesEach: number; perBatch: number },
): Promise<void> {
  const { organization, batchesEach, perBatch } = options
  const run = (text: string, values: unknown[] = []) => client.query(text, values)
  if (organization === 1) await run('ALTER TABLE recipient DROP CONSTRAINT recipient_pkey')
  await run(`INSERT INTO organization (organization_uuid, name, created_at) VALUES ($1, 'bench', now())`, [randomUUID()])
  await run('INSERT INTO gate (organization_id, live_max) VALUES ($1, $2)', [organization, options.organizationLimit])
  for (let trunk = 1; trunk <= 4; trunk++) {
    await run(`INSERT INTO trunk VALUES ($1, $2, $3, 'trunk', 'loopback', '{}', 1, now())`, [organization, trunk, randomUUID()])
    await run(
      `INSERT INTO trunk_state (organization_id, trunk_id, live_max, calls_per_second, refilled_at) VALUES ($1, $2, $3, 1000000, now())`,
      [organization, trunk, options.organizationLimit],
    )
  }
  await run(`INSERT INTO agent VALUES ($1, 1, $2, 'agent', 'announcement', $3, NULL, now(), NULL)`, [
    organization,
    randomUUID(),
    { text: 'Hello {name}, this is a call.', waitForKeySeconds: 0, stopKey: null },
  ])
  await run(
    `INSERT INTO batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
       max_call_seconds, calling_window, retry_policy, duplicate_numbers, columns, phone_column, version, created_at, updated_at)
     SELECT $1, b, gen_random_uuid(), 'batch ' || b, 'native', 1, 14155550100, 1 + b % 4, 30, 600,
       '{"zone":"UTC","ranges":[{"weekdays":[1,2,3,4,5,6,7],"from":"00:00","to":"24:00"}]}', '{"maxAttempts":2,"rules":{"busy":{"gapsSeconds":[60]}}}', 'skip',
       '{phone,name,city}', 0, 1, now(), now() FROM generate_series(1, $2::int) b`,
    [organization, batchesEach],
  )
  const limit = Math.max(1, Math.ceil((options.organizationLimit / batchesEach) * 1.0))
  await run(
    'INSERT INTO batch_state (organization_id, batch_id, status, live_max, total) SELECT $1, b, 3, $3::int, $4::int FROM generate_series(1, $2::int) b',
    [organization, batchesEach, Math.max(limit, 20), perBatch],
  )
  await run(
    `INSERT INTO lane SELECT $1, b, 0, 1 + b % 4, '{Etc/UTC}', 1, 1, 1 + $3::int, 1 + $3::int FROM generate_series(1, $2::int) b`,
    [organization, batchesEach, perBatch],
  )
  await run(
    `INSERT INTO recipient (organization_id, batch_id, seq, line, number, number_hash, variables)
     SELECT $1, b, s, s + 1, 14150000000 + b::bigint * 1000000 + s, hashint8extended(b::bigint * 100000000 + s, 7), '["Person ' || s || '","Springfield"]'
     FROM generate_series(1, $2::int) b, generate_series(1, $3::int) s`,
    [organization, batchesEach, perBatch],
  )
  await run(
    `INSERT INTO suppression SELECT $1, hashint8extended(g, 99), 1000000 + g, 'bench', now() FROM generate_series(1, $2::int) g`,
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

/** What the rows say against what was counted; empty when all agree. */
export async function recount(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(`SELECT
    (SELECT coalesce(sum(total), 0)::int FROM batch_state) AS total, (SELECT coalesce(sum(settled), 0)::int FROM batch_state) AS settled,
    (SELECT coalesce(sum(answered), 0)::int FROM batch_state) AS answered, (SELECT coalesce(sum(live + dialing + accepted + ringing + talking + due), 0)::int FROM batch_state) AS open,
    (SELECT count(*)::int FROM live_call) AS live_rows, (SELECT sum(live)::int FROM gate) AS gate_live, (SELECT sum(live)::int FROM trunk_state) AS trunk_live,
    (SELECT count(*)::int FROM attempt) AS attempts, (SELECT count(*)::int FROM (SELECT DISTINCT organization_id, batch_id, seq FROM attempt) x) AS called,
    (SELECT count(*)::int FROM attempt WHERE disposition = 1 AND accepted_ms IS NOT NULL AND ringing_ms IS NOT NULL AND answered_ms IS NOT NULL AND carrier_call_id IS NOT NULL) AS whole,
    (SELECT coalesce(sum(cardinality(kind)), 0)::int FROM event_block) AS events, (SELECT sum(block_no)::int FROM gate) AS block_no, (SELECT count(*)::int FROM event_block) AS blocks`)
  const r = rows[0]
  const wrong: string[] = []
  const same = (what: string, a: number, b: number) => {
    if (a !== b) wrong.push(`${what}: ${a} instead of ${b}`)
  }
  for (const name of ['settled', 'answered', 'attempts', 'called', 'whole']) same(name, r[name], r.total)
  for (const name of ['open', 'live_rows', 'gate_live', 'trunk_live']) same(name, r[name], 0)
  same('blocks', r.blocks, r.block_no)
  const batches = (await client.query('SELECT count(*)::int AS n FROM batch_state')).rows[0].n
  same('events', r.events, r.total * 5 + batches)
  return wrong
}
