import { ask } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/**
 * Adds people to what a key, or the organization with an empty id, was accepted today, unless that goes beyond `most`.
 * Under the gate. Rides people_accepted_pkey. False: it would, and nothing was added.
 */
export async function addPeopleAccepted(
  client: Client,
  key: { organizationId: number; credentialId: string; day: string },
  { people, most }: { people: number; most: number },
): Promise<boolean> {
  const rows = await ask(
    client,
    `INSERT INTO people_accepted AS p (organization_id, credential_id, day, people)
     SELECT $1::int, $2, $3::date, $4::int WHERE $4::int <= $5::int
     ON CONFLICT (organization_id, credential_id, day) DO UPDATE SET people = p.people + excluded.people
       WHERE p.people + excluded.people <= $5::int RETURNING people`,
    [key.organizationId, key.credentialId, key.day, people, most],
  )
  return rows.length === 1
}
