import type pg from 'pg'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../src/store/database.ts'
import { JointTransaction } from '../../src/store/joint-transaction.ts'
import { type ReadStatement, readInOneMessage } from '../../src/store/one-message.ts'
import { createTestDatabase } from '../database.ts'

let url: string
let pool: pg.Pool | undefined

beforeAll(async () => {
  url = (await createTestDatabase()).connectionString
  const owner = createPool(url, { maxConnections: 1 })
  await owner.query(`INSERT INTO organization (organization_uuid, name, created_at)
    SELECT gen_random_uuid(), 'o' || n, carillon_now() FROM generate_series(1, 2) n`)
  await owner.end()
})

afterEach(async () => {
  await pool?.end()
  pool = undefined
})

const scope = { role: 'carillon_api', organizationId: 1 } as const
const organizations: ReadStatement = { name: 'all', text: 'SELECT name FROM organization ORDER BY 1', values: [] }
const echo = (value: string | number | null): ReadStatement => ({
  name: typeof value === 'number' ? 'number' : 'text',
  text: `SELECT $1::${typeof value === 'number' ? 'int' : 'text'} AS value, pg_backend_pid() AS pid`,
  values: [value],
})
const failing: ReadStatement = { name: 'failing', text: 'SELECT 1 / $1::int', values: [0] }

/** A pool of one connection, so that what a message leaves behind would show in the next one. */
function onePool(): pg.Pool {
  pool = createPool(url, { maxConnections: 1 })
  return pool
}

describe('reading in one message', () => {
  test('gives the rows of each statement, held to the organization, and leaves nothing behind', async () => {
    const one = onePool()
    for (let time = 0; time < 2; time++) {
      expect(await readInOneMessage(one, scope, [organizations, organizations])).toEqual([
        [{ name: 'o1' }],
        [{ name: 'o1' }],
      ])
    }
    expect((await readInOneMessage(one, { ...scope, organizationId: 2 }, [organizations]))[0]).toEqual([{ name: 'o2' }])
    const { rows } = await one.query(
      `SELECT current_user = session_user AS own, current_setting('carillon.organization_id', true) AS organization, current_setting('enable_seqscan') AS scans`,
    )
    expect(rows).toEqual([{ own: true, organization: '', scans: 'on' }])
  })

  test.each([null, "o'; DROP TABLE batch; --\\", 'Zoë 🔔', -7, 2_147_483_647])('brings %j as it is', async (value) => {
    const [rows] = await readInOneMessage(onePool(), scope, [echo(value)])
    expect(rows).toMatchObject([{ value }])
  })

  test('a connection on which one failed is not used again', async () => {
    const one = onePool()
    const [before] = (await readInOneMessage(one, scope, [echo('a')])) as { pid: number }[][]
    await expect(readInOneMessage(one, scope, [failing])).rejects.toThrow('division by zero')
    const [after] = (await readInOneMessage(one, scope, [echo('a')])) as { pid: number }[][]
    expect(after![0]!.pid).not.toBe(before![0]!.pid)
  })

  test('nothing can be written', async () => {
    const change = { name: 'change', text: `UPDATE organization SET name = 'x' RETURNING name`, values: [] }
    await expect(readInOneMessage(onePool(), scope, [change])).rejects.toThrow('read-only')
  })

  test('within a joint transaction it sees what that has done', async () => {
    const one = onePool()
    const joint = new JointTransaction(one)
    const rows = await new Promise<object[][]>((resolve, reject) => {
      joint.run(() => void readInOneMessage(one, scope, [organizations, echo('b')]).then(resolve, reject))
    })
    expect(rows).toMatchObject([[{ name: 'o1' }], [{ value: 'b' }]])
    await joint.rollback()
  })
})
