import type { BenchOptions } from '../support/options.ts'
import type { EngineRunOptions } from './run.ts'

/** The run that all others are variations of: everything on, everything worked off. */
export function standardRun(options: BenchOptions): EngineRunOptions {
  return {
    recipients: options.recipients ?? (options.quick ? 20_000 : 400_000),
    batches: options.batches ?? 100,
    organizations: options.organizations?.[0] ?? 1,
    organizationLimit: 5000,
    trunks: 4,
    suppressed: 100_000,
    suppressedEvery: 1000,
    window: true,
    nodes: options.nodes?.[0] ?? 1,
    measureFrom: 0,
    stopAfter: null,
    nodeFlags: options.nodeFlags,
    runtime: options.runtime,
  }
}

/** What a variation is called in tables and in the JSON. */
export function labelOf(run: EngineRunOptions): string {
  const many = (count: number, word: string, plural: string) => `${count} ${count === 1 ? word : plural}`
  const parts = [many(run.nodes, 'node', 'nodes')]
  if (run.organizations > 1) parts.push(many(run.organizations, 'organization', 'organizations'))
  return parts.join(', ')
}
