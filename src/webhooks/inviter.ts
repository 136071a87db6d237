import type { Clock } from '../clock.ts'
import type { CommandContext } from '../commands/context.ts'
import { getBatch } from '../commands/get-batch.ts'
import { getRecipient } from '../commands/get-recipient.ts'
import { joinToken } from '../commands/join-token.ts'
import { uuidFromHex } from '../model/id-cipher.ts'
import type { GuardedClient } from '../targets/guarded-request.ts'
import type { InvitationForm } from './invitation-form.ts'

export interface InviterOptions {
  readonly commands: CommandContext
  readonly client: GuardedClient
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void }
  /** Where this very server can be reached: the calls it places are joined here. */
  readonly nodeUrl: () => string
  /** That of the dialect which made the batch. */
  readonly form: (dialect: string) => InvitationForm | undefined
}

/** `refused`: also when no answer came. `not-sent`: no byte of the invitation was written. */
type Answer = 'joinable' | 'cannot-be-joined' | 'refused' | 'not-sent'

/** Longer than a server needs to take note; the call waits for it. */
const ANSWER_WITHIN_MS = 10_000
/** Nothing in the answer is of interest but its status. */
const ANSWER_BYTES_MAX = 1_024

/** Asks servers to bring people, once for each attempt. */
export class Inviter {
  readonly #options: InviterOptions

  constructor(options: InviterOptions) {
    this.#options = options
  }

  /** `ref` is the attempt's. Nothing is written later than `sendWithinMs` from now. Never rejects. */
  async invite(ref: string, sendWithinMs: number): Promise<Answer> {
    const { clock, client, log } = this.#options
    const askedAtMs = clock.monotonicMs()
    const invitation = await this.#read(ref).catch((error: unknown) => {
      log.warn({ err: error, ref }, 'An invitation could not be written')
      return undefined
    })
    if (invitation === null) return 'refused'
    if (invitation === 'nobody-to-ask') return 'joinable'
    if (invitation === undefined || clock.monotonicMs() - askedAtMs > sendWithinMs) return 'not-sent'
    const { url, headers, body } = invitation
    const answer = await client.send({
      url,
      method: 'POST',
      headers,
      body,
      timeoutMs: ANSWER_WITHIN_MS,
      answerBytesMax: ANSWER_BYTES_MAX,
    })
    if (!answer.ok || answer.status < 200 || answer.status > 299) {
      log.warn({ ref, error: answer.ok ? `HTTP ${answer.status}` : answer.error }, 'An invitation was not taken')
      return 'refused'
    }
    return invitation.isJoinable ? 'joinable' : 'cannot-be-joined'
  }

  /** Null: nobody can be asked. */
  async #read(ref: string): Promise<ReturnType<InvitationForm['encode']>> {
    const { commands, clock, nodeUrl, form } = this.#options
    const organizationId = commands.secrets.ids.decode(ref)?.organizationId
    if (organizationId === undefined) throw new Error('An attempt has a reference that is none of ours')
    const actor = { organizationId, credentialId: '' }
    const { recipient, attempts } = await getRecipient(commands, actor, ref)
    const batch = await getBatch(commands, actor, recipient.batchId)
    const attempt = attempts.find(({ id }) => id === uuidFromHex(ref))
    if (attempt === undefined) throw new Error('A committed attempt was not found')
    const message = { batch, recipient, attempt, nodeUrl: nodeUrl(), sentAt: new Date(clock.nowEpochMs()) }
    return form(batch.dialect)?.encode({ ...message, joinToken: joinToken(commands, attempt.id) }) ?? null
  }
}
