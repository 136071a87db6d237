import type { ZodType } from 'zod'
import { AppError } from '../errors.ts'
import { checkedJson } from './checked-input.ts'
import type { JsonObject, JsonValue } from './context.ts'

/** Settings as their owner's schema reads them, defaults included. @throws AppError `invalid-settings`. */
export function checkedSettings(schema: ZodType, settings: JsonObject, owner: string): unknown {
  const result = schema.safeParse(settings)
  if (!result.success) {
    const details = result.error.issues.map((issue) => ({
      path: ['settings', ...issue.path].join('.'),
      message: issue.message,
    }))
    const first = details[0]!
    throw new AppError('invalid-settings', {
      field: first.path,
      args: [owner, `${first.path}: ${first.message}`],
      details,
    })
  }
  checkedJson(result.data as JsonValue, 'settings')
  return result.data
}
