import type pg from 'pg'
import { foldKeptCount } from '../../src/store/kept-counts.ts'

export interface ListSizes {
  readonly batches: number
  readonly recipients: number
}

/** What is in the middle of its lists, and what makes each page differ from the others. */
const COMPLETED = 4

/**
 * Stores many batches at once, all like the one that was made through the API, with names, times and figures of their
 * own, and nobody left to call. Recipients are stored as counts alone: no list reads a row of one, only what a batch
 * says of them.
 */
export async function seedBatches(client: pg.Client, { batches, recipients }: ListSizes): Promise<void> {
  const each = Math.floor(recipients / batches)
  await client.query(
    `INSERT INTO batch SELECT made.* FROM batch b, generate_series(1, $1::int) n, LATERAL jsonb_populate_record(b, jsonb_build_object('batch_id', 1000000 + n, 'batch_uuid', gen_random_uuid(),
       'name', 'batch ' || (n * 7919) % $1::int, 'created_at', b.created_at - ($1::int - n) * interval '1 s',
       'updated_at', b.updated_at - ((n * 31) % $1::int) * interval '1 s')) made
     WHERE b.name = 'pattern'`,
    [batches],
  )
  await client.query(
    `INSERT INTO batch_state SELECT made.* FROM batch b JOIN batch_state s USING (organization_id, batch_id), generate_series(1, $1::int) n,
       LATERAL (SELECT $2::int + CASE WHEN n <= $3::int THEN 1 ELSE 0 END AS total) t,
       LATERAL jsonb_populate_record(s, jsonb_build_object('batch_id', 1000000 + n, 'status', $4::int,
       'total', t.total, 'settled', t.total, 'answered', t.total, 'attempts', t.total, 'due', 0, 'live', 0,
       'listed', true, 'completed_at', b.updated_at)) made
     WHERE b.name = 'pattern'`,
    [batches, each, recipients - each * batches, COMPLETED],
  )
  while (await foldKeptCount(client)) {}
  await client.query(`UPDATE gate SET version = version + 1`)
  // What autovacuum does within a minute on a database that has had this many batches for longer.
  await client.query('VACUUM (ANALYZE) batch')
  await client.query('VACUUM (ANALYZE) batch_state')
}
