import { CliError, EXIT, type ExitCode } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'

interface SealDocument {
  readonly anchor: string
}

interface VerificationDocument {
  readonly seals: number
  readonly entries: number
  readonly lateEntries: number
  readonly unsealedEntries: number | null
  readonly fault: FaultDocument | null
  readonly nextCursor: string | null
}

interface FaultDocument {
  readonly kind: string
  readonly seal: number | null
  readonly entryId: string | null
  readonly message: string
}

/** Prints the anchor of the newest seal, and nothing else, so that it can be added to a file. */
export async function showAnchor(options: ConnectionOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const { items } = await client.get<{ items: readonly SealDocument[] }>('/audit/seals', { limit: 1 })
  const [newest] = items
  if (newest === undefined) {
    throw new CliError('Nothing is sealed yet.', {
      remedy: 'Entries are sealed some 5 minutes after they were written.',
    })
  }
  context.terminal.line(newest.anchor)
  return EXIT.ok
}

export interface VerifyOptions extends ConnectionOptions {
  readonly anchor?: string
}

/** Has the whole audit log compared with its seals, part by part; fails when something does not fit. */
export async function verifyAudit(options: VerifyOptions, context: CliContext): Promise<ExitCode> {
  const { anchor } = options
  const client = connect(options, context.environment)
  const sum = { seals: 0, entries: 0, lateEntries: 0 }
  for (let cursor: string | undefined; ; ) {
    const part = await client.get<VerificationDocument>('/audit/verification', { anchor, cursor })
    sum.seals += part.seals
    sum.entries += part.entries
    sum.lateEntries += part.lateEntries
    if (part.nextCursor === null) {
      const { unsealedEntries, fault } = part
      return tell({ ...sum, unsealedEntries, fault }, { anchor, context })
    }
    cursor = part.nextCursor
  }
}

function tell(
  found: Omit<VerificationDocument, 'nextCursor'>,
  { anchor, context }: { anchor: string | undefined; context: CliContext },
): ExitCode {
  const { terminal } = context
  const { fault } = found
  if (!terminal.isLive) terminal.line(JSON.stringify(found))
  else if (fault === null) for (const line of linesOf(found, anchor)) terminal.line(line)
  else terminal.line(`${placeOf(fault)}${fault.message}`)
  return fault === null ? EXIT.ok : EXIT.failed
}

function placeOf({ seal, entryId }: FaultDocument): string {
  const places = [...(seal === null ? [] : [`seal ${seal}`]), ...(entryId === null ? [] : [`entry ${entryId}`])]
  return places.length === 0 ? '' : `At ${places.join(', ')}: `
}

function linesOf(found: Omit<VerificationDocument, 'nextCursor'>, anchor: string | undefined): string[] {
  const { seals, entries, lateEntries, unsealedEntries } = found
  return [
    `${entries} entries fit their ${seals} seals${anchor === undefined ? '' : ', and the anchor fits'}. Not sealed yet: ${unsealedEntries}.`,
    ...(lateEntries === 0 ? [] : [`${lateEntries} entries were sealed later than others with a higher id.`]),
    ...(anchor === undefined ? ['Without --anchor nothing shows whether all of it was rewritten at once.'] : []),
  ]
}
