import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Actor, CommandContext, OperatorActor } from '../commands/context.ts'
import type { InvitationForm } from '../webhooks/invitation-form.ts'
import type { WebhookForm } from '../webhooks/webhook-form.ts'
import type { CredentialReading } from './credentials.ts'
import type { Failure } from './failure.ts'

/**
 * A wire format on one port with the others. A dialect turns requests into commands and answers of commands into its
 * own JSON.
 *
 * What a dialect is not: it holds no state, decides nothing about calls, and knows no other dialect. Its routes live
 * in a scope of their own, with its authentication, its error form and its body limit.
 */
export interface Dialect {
  /** The word in `batch.dialect`, the folder's name, and the name of its document: `/openapi/<name>.json`. */
  readonly name: string
  /** For people: the name of the product whose clients speak it. */
  readonly title: string
  /** JSON bodies up to this size are taken; a route may set a limit of its own. */
  readonly bodyLimitBytes: number
  readonly openApi: DialectOpenApi
  /** For a dialect whose batches may hold people without a number; it stands in `webhook.ts` of its folder. */
  readonly invitation?: InvitationForm
  /** In which forms its clients expect webhooks; they stand in `webhook.ts` of its folder. */
  readonly webhookForms?: readonly WebhookForm[]
  /**
   * Whether a path belongs here, known or not: an unknown one is answered in its owner's error form. The headers are
   * asked since two products may share a path. No path may have two owners.
   */
  owns(path: string, headers: IncomingHttpHeaders): boolean
  /**
   * Runs before every route whose config does not say `public`, and leaves `request.actor` or `request.operator` set.
   * @throws AppError `unauthenticated` and others, answered in the dialect's error form.
   */
  authenticate(request: FastifyRequest, keys: Keys, services: DialectServices): Promise<void>
  /** Sends a failure in the dialect's error form. */
  answerFailure(failure: Failure, request: FastifyRequest, reply: FastifyReply): void
  /** Adds the routes. The scope takes JSON bodies already; whatever else is wanted is added here. */
  register(scope: FastifyInstance, services: DialectServices): void | Promise<void>
}

/** The head of the dialect's OpenAPI document; its paths come from the routes. */
export interface DialectOpenApi {
  readonly version: string
  readonly description: string
  readonly tags?: readonly { readonly name: string; readonly description: string }[]
  readonly securitySchemes: Readonly<Record<string, object>>
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
}

/** Who sent a request: a key of one organization, or that of whoever runs the installation. */
export type Sender =
  | { readonly actor: Actor; readonly operator: null }
  | { readonly actor: null; readonly operator: OperatorActor }

/** Compares what a request shows with the keys of the installation. */
export interface Keys {
  /** @throws AppError `unauthenticated`, also for the operator's key; RequestError `ambiguous-credentials`, `too-many-attempts`. */
  organization(reading: CredentialReading, request: FastifyRequest): Promise<Actor>
  /** @throws the same; the operator's key is taken too. */
  anyone(reading: CredentialReading, request: FastifyRequest): Promise<Sender>
}

/** What a dialect works with. */
export interface DialectServices {
  readonly commands: CommandContext
  readonly clock: Clock
  /** Where this installation can be reached, without a slash at its end; links are made from it. */
  readonly publicUrl: () => string
  /** What dialects with regions report. */
  readonly region: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key the request carries; null before authentication and for requests of the operator. */
    actor: Actor | null
    operator: OperatorActor | null
    /** SHA-256 of the body as it arrived; null when there was none. */
    bodyHash: Buffer | null
  }

  interface FastifyContextConfig {
    /** The route is answered without a credential. */
    readonly public?: boolean
    /** The route changes nothing, though its method is not GET: a key that may only read may use it. */
    readonly reads?: true
    /** Who may use the route, where a dialect has more than keys of organizations. */
    readonly for?: 'organization' | 'operator' | 'both'
  }
}

/** The organization's key that the request was authenticated with. Throws when the route has none: a fault of ours. */
export function actorOf(request: FastifyRequest): Actor {
  if (request.actor === null) throw new Error(`The route ${request.routeOptions.url} has no authenticated organization`)
  return request.actor
}

/** The operator that the request was authenticated as. Throws when the route has none: a fault of ours. */
export function operatorOf(request: FastifyRequest): OperatorActor {
  if (request.operator === null) throw new Error(`The route ${request.routeOptions.url} has no authenticated operator`)
  return request.operator
}
