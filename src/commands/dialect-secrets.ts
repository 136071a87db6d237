import type { SecretBox, SecretPlace } from '../model/secret-box.ts'
import type { Actor, CommandContext, JsonObject, JsonValue } from './context.ts'
import { isSealed } from './sealed-settings.ts'
import type { BatchView } from './views.ts'

/** What a dialect must be able to read again and nobody may read in the database: texts by name. */
export type DialectSecrets = Readonly<Record<string, string>>

/** Of which batch. */
export interface DialectSecretsPlace {
  readonly organizationId: number
  readonly batchUuid: string
}

/**
 * The fields of a dialect as they are stored: beside what it may show, its secrets, each sealed for this batch and its
 * own name. They stay sealed in every view; {@link openDialectSecret} opens one where it is needed.
 */
export function withDialectSecrets(
  box: SecretBox,
  fields: JsonObject | null,
  { secrets, ...place }: DialectSecretsPlace & { secrets: DialectSecrets | undefined },
): JsonObject | null {
  if (secrets === undefined) return fields
  const sealed = Object.entries(secrets).map(([name, text]): [string, JsonObject] => [
    name,
    { sealed: box.seal(text, placeOf(place, name)).toString('base64') },
  ])
  return { ...fields, ...Object.fromEntries(sealed) }
}

/** Null: the batch has none of this name. @throws SecretUnreadable. */
export function openDialectSecret(
  context: Pick<CommandContext, 'secrets'>,
  organizationId: number,
  batch: Pick<BatchView, 'id' | 'dialectFields'>,
  name: string,
): string | null {
  const stored = batch.dialectFields?.[name] ?? null
  if (!isSealed(stored)) return null
  const place = { organizationId, batchUuid: batch.id }
  return context.secrets.box.open(Buffer.from(stored.sealed, 'base64'), placeOf(place, name))
}

function placeOf({ organizationId, batchUuid }: DialectSecretsPlace, name: string): SecretPlace {
  return { organizationId, table: 'batch', column: `dialect_fields.${name}`, rowId: batchUuid }
}

/** As it may stand among the fields of any agent of the organization: an agent that is copied takes it along. */
export function sealForAgents(
  context: Pick<CommandContext, 'secrets'>,
  { organizationId }: Pick<Actor, 'organizationId'>,
  text: string,
): JsonObject {
  return { sealed: context.secrets.box.seal(text, placeOfAgents(organizationId)).toString('base64') }
}

/** Null: there is none. @throws SecretUnreadable. */
export function openForAgents(
  context: Pick<CommandContext, 'secrets'>,
  { organizationId }: Pick<Actor, 'organizationId'>,
  stored: JsonValue | undefined,
): string | null {
  const value = stored ?? null
  return isSealed(value)
    ? context.secrets.box.open(Buffer.from(value.sealed, 'base64'), placeOfAgents(organizationId))
    : null
}

function placeOfAgents(organizationId: number): SecretPlace {
  return { organizationId, table: 'agent', column: 'dialect_fields', rowId: 'any' }
}
