import type { CommandContext } from './context.ts'

/** Recomputes every figure and limit of an organization from its rows; one line for each that differs. */
export function recount(_c: Pick<CommandContext, 'database'>, _organizationId: number): Promise<readonly string[]> {
  throw new Error('not filled in')
}
