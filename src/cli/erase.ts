import { EXIT, type ExitCode } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'

interface ErasureDocument {
  readonly id: string
  readonly finishedAt: string | null
}

/** Asks for a person to be erased from all lists; the server works through them afterwards. */
export async function erase(number: string, options: ConnectionOptions, context: CliContext): Promise<ExitCode> {
  const { terminal, environment } = context
  const made = await connect(options, environment).post<ErasureDocument>('/erasures', { number })
  if (terminal.isLive) {
    terminal.line(
      'From now on the number is not called. The lists are worked through in the background; to see how far:',
    )
    terminal.line(`GET /carillon/v1/erasures/${made.id}`)
  } else terminal.line(JSON.stringify(made))
  return EXIT.ok
}
