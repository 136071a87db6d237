import fs from 'node:fs'
import { parse } from 'csv-parse'
import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import pg from 'pg'
import { ResourceWatch } from '../support/resource-watch.ts'
import { serveBench } from '../support/worker-process.ts'

const ROWS_AT_ONCE = 1000

/**
 * What one would write at first: csv-parse with objects, libphonenumber-js for each number, one INSERT of a thousand
 * rows at a time, all in one transaction. It reads the file from disk, so HTTP and the form are not in its figures.
 */
const { databaseUrl, file } = JSON.parse(process.argv[2]!) as { databaseUrl: string; file: string }
const client = new pg.Client({ connectionString: databaseUrl })
await client.connect()
await client.query(
  'CREATE TABLE usual_recipient (batch_id int, seq int, number text, variables jsonb, PRIMARY KEY (batch_id, seq))',
)
const watch = new ResourceWatch()
let batches = 0

async function importFile(): Promise<{ stored: number; refused: number }> {
  batches += 1
  const seen = new Set<string>()
  let refused = 0
  let seq = 0
  let rows: unknown[] = []
  await client.query('BEGIN')
  const records = fs.createReadStream(file).pipe(parse({ columns: true }))
  for await (const { phone_number: written, ...variables } of records as AsyncIterable<Record<string, string>>) {
    const number = parsePhoneNumberFromString(written ?? '', 'US')
    if (!number?.isValid() || seen.has(number.number)) {
      refused += 1
      continue
    }
    seen.add(number.number)
    seq += 1
    rows.push(batches, seq, number.number, JSON.stringify(variables))
    if (rows.length === ROWS_AT_ONCE * 4) {
      await insert(rows)
      rows = []
    }
  }
  if (rows.length > 0) await insert(rows)
  await client.query('COMMIT')
  return { stored: seq, refused }
}

async function insert(values: readonly unknown[]): Promise<void> {
  const places = Array.from({ length: values.length / 4 }, (_, row) => {
    const first = row * 4
    return `($${first + 1}, $${first + 2}, $${first + 3}, $${first + 4})`
  })
  await client.query(`INSERT INTO usual_recipient VALUES ${places.join(', ')}`, values as unknown[])
}

serveBench(
  {
    import: async () => {
      await watch.start()
      const counts = await importFile()
      return { ...counts, ...watch.stop() }
    },
  },
  () => client.end(),
)
