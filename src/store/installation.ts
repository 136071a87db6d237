import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** Stores the secret unless there is one, and returns the one that counts, with its row locked until the commit. */
export async function claimInstallation(client: Client, secret: Buffer, createdAt: Date): Promise<Buffer> {
  await change(client, 'INSERT INTO installation (secret, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    secret,
    createdAt,
  ])
  return lockInstallation(client)
}

/** The installation's secret; its row is locked until the commit, which makes first starts wait for each other. */
export async function lockInstallation(client: Client): Promise<Buffer> {
  const rows = await ask<{ secret: Buffer }>(client, 'SELECT secret FROM installation FOR UPDATE')
  if (rows[0] === undefined) throw new Error('The installation has no secret yet')
  return rows[0].secret
}

/** The secret without a lock; null before the first start. */
export async function readInstallation(client: Client): Promise<Buffer | null> {
  const rows = await ask<{ secret: Buffer }>(client, 'SELECT secret FROM installation')
  return rows[0]?.secret ?? null
}
