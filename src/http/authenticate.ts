import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { type AddressRange, isWithin } from '../commands/allowed-addresses.ts'
import { authenticate, authenticateOperator, type PresentedCredential } from '../commands/authenticate.ts'
import type { Actor, CommandContext, RequestOrigin } from '../commands/context.ts'
import { countNodes } from '../commands/count-nodes.ts'
import type { CredentialReading } from '../dialects/credentials.ts'
import type { Keys, Sender } from '../dialects/dialect.ts'
import { RequestError } from '../dialects/request-errors.ts'
import { AppError } from '../errors.ts'
import { FailedAttempts } from './failed-attempts.ts'
import { NodeShare } from './node-share.ts'
import { type RequestRate, RequestRates } from './request-rates.ts'

/** A credential that was good this recently is looked up however many wrong ones come from its address. */
const KNOWN_GOOD_MS = 3_600_000
const KNOWN_GOOD_MAX = 10_000

/**
 * The keys of the installation, guarded against guessing: after a burst of wrong ones an address gets 429 without a
 * look-up. Credentials that were good within the last hour are exempt, so that nobody is locked out by a neighbour
 * behind the same address. Each key may send so many requests in a second to all nodes together, the same to each: its
 * own limit, else `rate`.
 */
export function createKeys(commands: CommandContext, clock: Clock, rate: RequestRate | null = null): Keys {
  const guard = new GuessingGuard(clock)
  const rates = new RequestRates(clock)
  const share = new NodeShare(clock, () => countNodes(commands))
  const count = async (actor: Actor): Promise<void> => {
    const own = actor.limits?.requestsPerSecond
    const limit = own === undefined ? rate : { perSecond: own, burst: Math.max(1, own * 2) }
    const waitSeconds = limit === null ? 0 : rates.take(actor.credentialId, await share.of(limit))
    if (waitSeconds === 0) return
    throw new RequestError('too-many-requests', { headers: { 'retry-after': String(waitSeconds) } })
  }
  return {
    async organization(reading, request) {
      const find = async (shown: PresentedCredential) => ({ actor: await authenticate(commands, shown, request.ip) })
      const { actor } = await guard.ask(reading, request, find)
      await count(actor)
      return { ...actor, origin: originOf(request) }
    },
    async anyone(reading, request) {
      const sender = await guard.ask(reading, request, (shown) => senderOf(commands, shown, request.ip))
      const origin = originOf(request)
      if (sender.actor === null) return { actor: null, operator: { ...sender.operator, origin } }
      await count(sender.actor)
      return { actor: { ...sender.actor, origin }, operator: null }
    },
  }
}

/** What a trusted proxy names need not be an address: some write "unknown", or a port behind it. */
function originOf({ ip, id }: FastifyRequest): RequestOrigin {
  const address = ip.replace(/%.*$/, '')
  return { address: isIP(address) === 0 ? null : address, requestId: id }
}

async function senderOf(commands: CommandContext, shown: PresentedCredential, address: string): Promise<Sender> {
  try {
    return { actor: null, operator: await authenticateOperator(commands, shown, address) }
  } catch (error) {
    // A valid key of an organization; the second question is answered from memory.
    if (!(error instanceof AppError) || error.code !== 'forbidden') throw error
    return { actor: await authenticate(commands, shown, address), operator: null }
  }
}

class GuessingGuard {
  readonly #failed: FailedAttempts
  readonly #clock: Clock
  /** Digests, so that no credential stays in memory; with the addresses that the key is for. */
  readonly #good = new Map<string, { untilMs: number; allowedAddresses: readonly AddressRange[] | null }>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#failed = new FailedAttempts(clock)
  }

  async ask<Who extends Pick<Sender, 'actor'>>(
    reading: CredentialReading,
    request: FastifyRequest,
    find: (shown: PresentedCredential) => Promise<Who>,
  ): Promise<Who> {
    if (!reading.ok) {
      if (reading.reason === 'ambiguous') throw new RequestError('ambiguous-credentials')
      throw new AppError('unauthenticated')
    }
    const digest = digestOf(reading.credential)
    const isKnown = this.#isKnown(digest, request.ip)
    const waitSeconds = isKnown ? 0 : this.#failed.waitSeconds(request.ip)
    if (waitSeconds > 0) {
      throw new RequestError('too-many-attempts', { headers: { 'retry-after': String(waitSeconds) } })
    }
    try {
      const who = await find(reading.credential)
      this.#remember(digest, who.actor?.allowedAddresses ?? null)
      return who
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') {
        // Refused from an address that it is not for, it stays good for those that use it from theirs.
        if (isKnown) this.#good.delete(digest)
        this.#failed.note(request.ip)
      }
      throw error
    }
  }

  /** From an address that the key is not for, a good key is treated as a wrong one is, or its answers would tell. */
  #isKnown(digest: string, address: string): boolean {
    const good = this.#good.get(digest)
    if (good === undefined || good.untilMs <= this.#clock.monotonicMs()) return false
    return good.allowedAddresses === null || isWithin(good.allowedAddresses, address)
  }

  #remember(digest: string, allowedAddresses: readonly AddressRange[] | null): void {
    this.#good.delete(digest)
    this.#good.set(digest, { untilMs: this.#clock.monotonicMs() + KNOWN_GOOD_MS, allowedAddresses })
    if (this.#good.size > KNOWN_GOOD_MAX) this.#good.delete(this.#good.keys().next().value!)
  }
}

function digestOf(shown: PresentedCredential): string {
  const text = 'token' in shown ? shown.token : `${shown.id}:${shown.secret}`
  return createHash('sha256').update(text).digest('base64')
}
