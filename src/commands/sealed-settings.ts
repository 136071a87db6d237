import { ZodDefault, ZodNullable, ZodObject, ZodOptional, type ZodType } from 'zod'
import type { SecretBox, SecretPlace } from '../model/secret-box.ts'
import type { JsonObject, JsonValue } from './context.ts'

/** Whose settings: every secret in them is sealed for its own place. */
export type SettingsPlace = Omit<SecretPlace, 'column'>

/** How a sealed setting stands in the stored JSON. */
interface Sealed {
  readonly sealed: string
}

/**
 * Names of the settings that a kind's schema marks as secret, with `.meta({ secret: true })` on the text itself. Only
 * settings that stand at the top can be secret.
 */
export function secretNames(schema: ZodType): readonly string[] {
  return namesMarked(schema, 'secret')
}

/** Names of the settings that are addresses to connect to, marked with `.meta({ target: true })` in the same way. */
export function targetNames(schema: ZodType): readonly string[] {
  return namesMarked(schema, 'target')
}

function namesMarked(schema: ZodType, mark: 'secret' | 'target'): readonly string[] {
  if (!(schema instanceof ZodObject)) return []
  const fields = Object.entries(schema.shape as Record<string, ZodType>)
  return fields.filter(([, field]) => isMarked(field, mark)).map(([name]) => name)
}

function isMarked(field: ZodType, mark: 'secret' | 'target'): boolean {
  if (field.meta()?.[mark] === true) return true
  const wraps = field instanceof ZodOptional || field instanceof ZodNullable || field instanceof ZodDefault
  return wraps && isMarked(field.unwrap() as ZodType, mark)
}

/** The settings as they are stored. */
export function sealSettings(
  box: SecretBox,
  schema: ZodType,
  { settings, place }: { settings: JsonObject; place: SettingsPlace },
): JsonObject {
  const secrets = secretNames(schema)
  const sealed = ([name, value]: [string, JsonValue]): [string, JsonValue] => {
    if (!secrets.includes(name) || typeof value !== 'string') return [name, value]
    return [name, { sealed: box.seal(value, placeOf(place, name)).toString('base64') }]
  }
  return Object.fromEntries(Object.entries(settings).map(sealed))
}

/** The settings as they were given. @throws SecretUnreadable. */
export function openSettings(box: SecretBox, settings: JsonObject, place: SettingsPlace): JsonObject {
  const opened = ([name, value]: [string, JsonValue]): [string, JsonValue] =>
    isSealed(value) ? [name, box.open(Buffer.from(value.sealed, 'base64'), placeOf(place, name))] : [name, value]
  return Object.fromEntries(Object.entries(settings).map(opened))
}

/** What may be shown: without the secrets, and which of them are set. */
export function shownSettings(
  schema: ZodType | undefined,
  settings: JsonObject,
): { settings: JsonObject; secretSettings: readonly string[] } {
  const secrets = schema === undefined ? [] : secretNames(schema)
  const entries = Object.entries(settings)
  const isHidden = ([name, value]: [string, JsonValue]) => isSealed(value) || secrets.includes(name)
  return {
    settings: Object.fromEntries(entries.filter((entry) => !isHidden(entry))),
    secretSettings: entries.filter(isHidden).map(([name]) => name),
  }
}

/**
 * New settings with the secrets that they leave out, so that whoever reads settings, changes one and sends them back
 * loses no secret. A secret that is sent as null is removed.
 */
export function withKeptSecrets(schema: ZodType, known: JsonObject, sent: JsonObject): JsonObject {
  const secrets = secretNames(schema)
  const kept = Object.entries(known).filter(([name]) => secrets.includes(name) && !Object.hasOwn(sent, name))
  const given = Object.entries(sent).filter(([name, value]) => !(secrets.includes(name) && value === null))
  return Object.fromEntries([...given, ...kept])
}

export function isSealed(value: JsonValue): value is JsonObject & Sealed {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Sealed>).sealed === 'string'
}

function placeOf(place: SettingsPlace, name: string): SecretPlace {
  return { ...place, column: `settings.${name}` }
}
