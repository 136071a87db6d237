import { expect, inject, it } from 'vitest'
import { packedTextSql, packedTexts } from './binary-array.ts'
import { openConnection } from './database.ts'

async function readBack(texts: readonly (string | null)[]): Promise<(string | null)[]> {
  const client = await openConnection(inject('postgresConnectionString'))
  try {
    const { rows } = await client.query(
      `SELECT ${packedTextSql(1, 'i')} AS text FROM generate_series(1, $4::int) i ORDER BY i`,
      [...packedTexts(texts, (text) => text), texts.length],
    )
    return rows.map(({ text }) => text)
  } finally {
    await client.end()
  }
}

it('reads texts of any length and script from one piece, the empty one and none apart', async () => {
  const texts = ['call-1', null, '', 'Zoë ☎ 電話', "it's", null, 'x'.repeat(5_000), 'end']
  expect(await readBack(texts)).toEqual(texts)
})

it('reads nothing where there is nothing', async () => {
  expect(await readBack([null, null])).toEqual([null, null])
  expect(await readBack([])).toEqual([])
})

it('replaces what PostgreSQL does not keep', async () => {
  expect(await readBack(['a\0b'])).toEqual(['a\ufffdb'])
})
