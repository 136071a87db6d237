import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifySchemaCompiler,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problemsOf, refusalOf } from './zod-problems.ts'

/** A scope whose routes take their types, their validation and their part of the document from zod schemas. */
export type ZodScope = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

/**
 * Makes a scope validate requests and answers with zod schemas. A request that does not fit is refused with an
 * AppError `invalid-input` that names every field; an answer that does not fit is a fault of ours and ends in a 500,
 * and what the schema of an answer does not name is not sent.
 */
export function useZod(scope: FastifyInstance): ZodScope {
  scope.setValidatorCompiler(validator)
  scope.setSerializerCompiler(({ schema }) => {
    const wire = zodOf(schema)
    return (answer) => JSON.stringify(wire === undefined ? answer : z.encode(wire, answer))
  })
  return scope.withTypeProvider<ZodTypeProvider>()
}

const validator: FastifySchemaCompiler<unknown> = ({ schema }) => {
  const wire = zodOf(schema)
  if (wire === undefined) return (value: unknown) => ({ value })
  return (value: unknown) => {
    // A body that was not sent is an empty object to the framework's types, and missing to a person.
    const result = wire.safeParse(value ?? undefined, { reportInput: true })
    if (result.success) return { value: result.data }
    return { error: refusalOf(problemsOf(result.error.issues)) }
  }
}

function zodOf(schema: unknown): z.ZodType | undefined {
  return schema instanceof z.ZodType ? schema : undefined
}
