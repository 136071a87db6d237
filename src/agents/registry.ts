import type { AgentKind } from './agent.ts'
import { announcement } from './announcement/agent.ts'

/** Every kind of agent of this version. */
export const AGENT_KINDS: readonly AgentKind[] = [announcement as AgentKind]

export function agentKind(kind: string): AgentKind | undefined {
  return AGENT_KINDS.find((known) => known.kind === kind)
}
