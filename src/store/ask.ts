import type { Client } from './owner-transaction.ts'

/** Runs one ordinary statement; rows come back as objects by column name. The hot statements use `run` instead. */
export async function ask<Row extends object>(
  client: Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const result = await client.query<Row>(text, values as unknown[])
  return result.rows
}

/**
 * The same for a statement that is asked so often that planning it anew would cost more than running it: it is prepared
 * once for each connection under this name, which belongs to this text alone.
 */
export async function askPrepared<Row extends object>(
  client: Client,
  statement: { readonly name: string; readonly text: string; readonly values: readonly unknown[] },
): Promise<Row[]> {
  const { name, text, values } = statement
  const result = await client.query<Row>({ name, text, values: values as unknown[] })
  return result.rows
}

/** Runs one statement and says how many rows it changed. */
export async function change(client: Client, text: string, values: readonly unknown[] = []): Promise<number> {
  const result = await client.query(text, values as unknown[])
  return result.rowCount ?? 0
}
