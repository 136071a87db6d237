/**
 * One prepared statement: its name on the server, its text, its values. Rows come back as arrays, in the order of
 * the select list, since the hot statements return thousands of them.
 */
export interface Statement {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** What can run statements: a pooled client inside a transaction, or the dispatcher's own connection. */
export interface Queryable {
  query(config: { name?: string; text: string; values?: unknown[]; rowMode: 'array' }): Promise<{
    rows: unknown[][]
    rowCount: number | null
    command: string
  }>
}

export async function run(client: Queryable, statement: Statement): Promise<unknown[][]> {
  const result = await client.query({
    name: statement.name,
    text: statement.text,
    values: statement.values as unknown[],
    rowMode: 'array',
  })
  return result.rows
}
