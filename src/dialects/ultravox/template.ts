import type { Actor, CommandContext, JsonObject } from '../../commands/context.ts'
import { openForAgents, sealForAgents } from '../../commands/dialect-secrets.ts'
import type { AgentView } from '../../commands/views.ts'
import { SecretUnreadable } from '../../model/secret-box.ts'
import { templateOf } from './encode.ts'
import { withoutPassword } from './media.ts'
import type { AgentRequest } from './wire.ts'

/**
 * An agent's template is kept and sent back as it came. What is secret in it, and of no use here, is sealed apart from
 * the rest: the secrets that sign requests of tools, and the tokens that tools are called with. The password of a SIP
 * account is not kept at all.
 */

type Template = NonNullable<AgentRequest['callTemplate']>

interface TemplateSecrets {
  readonly sharedSecrets?: readonly string[] | undefined
  /** By the tool's place in the list; null where it has none. */
  readonly authTokens?: readonly (Readonly<Record<string, string>> | null)[] | undefined
}

/** Whose template, and with which keys it is sealed. */
export interface TemplateOwner {
  readonly commands: Pick<CommandContext, 'secrets'>
  readonly actor: Pick<Actor, 'organizationId'>
}

/** What is stored of a template; null stores that there is none. */
export function templateFields({ commands, actor }: TemplateOwner, template: Template | null): JsonObject {
  if (template === null) return { callTemplate: null, templateSecrets: null }
  const { sharedSecrets, medium, selectedTools, ...kept } = template
  const hasTokens = selectedTools?.some(({ authTokens }) => authTokens !== undefined) === true
  const authTokens = hasTokens ? selectedTools!.map((tool) => tool.authTokens ?? null) : undefined
  const secrets: TemplateSecrets = { sharedSecrets, authTokens }
  const isOpen = sharedSecrets === undefined && authTokens === undefined
  const callTemplate = {
    ...kept,
    ...(medium === undefined ? {} : { medium: withoutPassword(medium) }),
    ...(selectedTools === undefined ? {} : { selectedTools: selectedTools.map(({ authTokens: _, ...tool }) => tool) }),
  }
  return {
    callTemplate: callTemplate as unknown as JsonObject,
    templateSecrets: isOpen ? null : sealForAgents(commands, actor, JSON.stringify(secrets)),
  }
}

/** As it was sent, for whoever has the organization's key. Secrets that no key opens any more are left out. */
export function wholeTemplateOf(owner: TemplateOwner, view: Pick<AgentView, 'dialectFields'>) {
  const template = templateOf(view)
  const { sharedSecrets, authTokens } = secretsOf(owner, view)
  if (template === null) return null
  const tools = template.selectedTools as readonly object[] | undefined
  return {
    ...template,
    ...(tools === undefined || authTokens === undefined ? {} : { selectedTools: tools.map(withTokens(authTokens)) }),
    ...(sharedSecrets === undefined ? {} : { sharedSecrets }),
  }
}

function withTokens(authTokens: NonNullable<TemplateSecrets['authTokens']>) {
  return (tool: object, at: number) => ({ ...tool, ...(authTokens[at] == null ? {} : { authTokens: authTokens[at] }) })
}

function secretsOf({ commands, actor }: TemplateOwner, { dialectFields }: Pick<AgentView, 'dialectFields'>) {
  try {
    const text = openForAgents(commands, actor, dialectFields?.templateSecrets)
    return text === null ? {} : (JSON.parse(text) as TemplateSecrets)
  } catch (error) {
    if (error instanceof SecretUnreadable) return {}
    throw error
  }
}
