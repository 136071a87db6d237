import type { ZodType } from 'zod'
import type { Clock } from '../clock.ts'
import type { EventKind } from '../model/event-kind.ts'
import type { InstallationSecrets } from '../model/installation-secrets.ts'
import type { CallJoined, JoiningCaller, Seat } from '../model/joined-call.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import { transaction } from '../store/database.ts'
import { type ReadStatement, readInOneMessage } from '../store/one-message.ts'
import type { Client, Database } from '../store/owner-transaction.ts'
import type { AddressRange } from './allowed-addresses.ts'

/** What every command works with; made once when the server starts. */
export interface CommandContext {
  readonly database: Database
  readonly clock: Clock
  readonly secrets: InstallationSecrets
  readonly signals: DispatchSignals
  /** The carriers of this version by name. */
  readonly carrierKind: (name: string) => CarrierTerms | undefined
  /** The kinds of agents of this version by name. */
  readonly agentKind: (name: string) => AgentTerms | undefined
  /** The wire forms of webhooks of this version by name. */
  readonly webhookForm: (name: string) => WebhookFormTerms | undefined
  /** Judges addresses that users give, before they are stored. */
  readonly targets: TargetCheck
}

/** What commands need to know of a kind of carrier. */
export interface CarrierTerms {
  readonly settings: ZodType
  /** True when any E.164-shaped number may be dialled and no country is refused. */
  readonly takesAnyNumber: boolean
  /** True when nobody is called: recipients have no number and are brought by somebody else. */
  readonly isJoined?: boolean
}

/** What commands need to know of a kind of agent. */
export interface AgentTerms {
  readonly settings: ZodType
  /** What the owner of such settings should look at, in sentences for people. */
  readonly warnings?: (settings: unknown) => readonly string[]
}

/** What commands need to know of a wire form of webhooks. */
export interface WebhookFormTerms {
  /** The word in `webhook_endpoint.form`: the dialect's name, and more where it has several. */
  readonly name: string
  /** What it can tell of; other events are never sent in it. */
  readonly kinds: readonly EventKind[]
  makeSecret(): string
  /** What is wrong with a secret that a user brings, as the end of a sentence; null: nothing. */
  problemOfSecret(secret: string): string | null
}

/** Whether an address that a user gave may be reached from here. */
export interface TargetCheck {
  /** @throws AppError `target-refused`, which says why and what to do, for the given field. */
  requireTarget(url: string, field: string): Promise<void>
  /** The same for trunks, which need neither https nor its ports. */
  requireReachable(url: string, field: string): Promise<void>
}

/** How a command tells the dispatchers that there is something to do; a hint that may be lost. */
export interface DispatchSignals {
  wake(organizationId: number): void
  /** Rings one telephone through a trunk, outside of any batch; null: that kind of trunk has no such test. */
  testTrunk?(trunkUuid: string, call: TestCallOrder): Promise<readonly TestCallFinding[] | null>
  /** Whether the call of an attempt waits at this node for somebody to join it. */
  seatOf?(ref: string): Seat
  /** Connects somebody with the call of an attempt; null: its seat is not free. */
  join?(ref: string, caller: JoiningCaller): CallJoined | null
}

/** One telephone to ring, checked. */
export interface TestCallOrder {
  /** 32 hex digits; the carrier knows the call by it. */
  readonly ref: string
  /** E.164 with the plus. */
  readonly to: string
  readonly from: string
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly speech: { readonly text: string; readonly waitForKeySeconds: number }
  readonly sendWithinMs: number
}

export interface TestCallFinding {
  readonly level: 'ok' | 'note' | 'bad'
  readonly step: string
  readonly text: string
  readonly remedy?: string
}

/** Who asks: a credential of one organization. */
export interface Actor {
  readonly organizationId: number
  readonly credentialId: string
  /** What this key may do at most; null or absent: no more is said of it than of its organization. */
  readonly limits?: UsageLimits | null
  /** The key may read and change nothing. */
  readonly readsOnly?: true
  /** When the key ends; absent: it does not end by itself. */
  readonly expiresAt?: Date
  /** Where requests with the key may come from; absent: from anywhere. */
  readonly allowedAddresses?: readonly AddressRange[]
  /** Absent for what no request asked for. */
  readonly origin?: RequestOrigin
}

/** Where a request came from, for the audit log. */
export interface RequestOrigin {
  /** Null: what stands in its place is none. */
  readonly address: string | null
  readonly requestId: string
}

/** Who runs the installation: the only one who makes organizations and sets their limits. */
export interface OperatorActor {
  readonly operator: true
  readonly credentialId: string
  readonly origin?: RequestOrigin
}

/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Pass it back for the next page; null: this is the last one. */
  readonly nextCursor: string | null
}

/** Any value that JSON can write. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export type JsonObject = { readonly [key: string]: JsonValue }

/** Runs `work` in one transaction that row-level security holds to the actor's organization. */
export function inOrganization<T>(
  context: CommandContext,
  actor: Pick<Actor, 'organizationId'>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return transaction(context.database, { role: 'carillon_api', organizationId: actor.organizationId }, work)
}

/** What statements that only read find, in one transaction and one message. */
export function readFrom(
  context: Pick<CommandContext, 'database'>,
  actor: Pick<Actor, 'organizationId'>,
  statements: readonly ReadStatement[],
): Promise<object[][]> {
  const scope = { role: 'carillon_api', organizationId: actor.organizationId } as const
  return readInOneMessage(context.database, scope, statements)
}
