import { z } from 'zod'
import type { DialectServices } from '../dialect.ts'
import { PROBLEM_TYPE } from '../problem.ts'
import type { ZodScope } from '../zod-routes.ts'
import { problem } from './wire.ts'

/** Where every path of the native dialect begins. */
export const PREFIX = '/carillon/v1'

/** Adds the routes of one noun. */
export type AddRoutes = (scope: ZodScope, services: DialectServices) => void | Promise<void>

const failure = {
  description: 'A refusal, with what is wrong and what to do about it.',
  content: { [PROBLEM_TYPE.split(';')[0]!]: { schema: problem } },
}

/** The answers of a route: what it gives when all is well, and the form of everything else. */
export function answers<Good extends Record<number, unknown>>(good: Good) {
  return { ...good, default: failure } as Good
}

/** An answer without a body. */
export const nothing = z.null().describe('Done; the answer has no body.')

/** An answer that is a text of a media type, sent as a stream. */
export function textOf(mediaType: string, description: string) {
  return { description, content: { [mediaType]: { schema: z.string() } } }
}
