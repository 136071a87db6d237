import { z } from 'zod'

/** Shapes that many of this wire format's schemas are made of. */

export const PAGE_SIZE = { min: 1, max: 100, fallback: 30 } as const
/** The last second of the last year in which a call may be asked for. */
export const UNIX_MAX = 7_258_118_399

export const count = z.int().min(0)
export const anId = z.string().min(1).max(255)
export const aName = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => text.trim() !== '', { message: 'must not be blank' })
export const nullableText = z.string().nullable()
export const unixSeconds = z.int().min(0).max(UNIX_MAX)
export const anyObject = z.record(z.string(), z.unknown())

/** A whole number in a query. */
export function wholeIn({ min, max }: { min: number; max: number }) {
  return z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number)
}

export const pageSize = wholeIn(PAGE_SIZE).default(PAGE_SIZE.fallback)
export const cursor = z.string().min(1).max(1_000).optional().describe('The next_cursor of the page before.')

/** A parameter that is sent once or several times. */
export function listInQuery<Item extends z.ZodType>(item: Item) {
  return z.union([item, z.array(item)])
}

export const nothing = z.null().meta({ id: 'elevenlabs.Nothing' })
