import { spawn } from 'node:child_process'
import type { Clock } from '../clock.ts'

/** A program that reads a text from standard input and writes a WAV file to standard output. */
export interface VoiceCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly input: string
}

/** Ten minutes of 48 kHz stereo; what writes more has gone wild. */
const OUTPUT_BYTES_MAX = 120 * 1_048_576
const ERROR_CHARS_KEPT = 200

/**
 * Runs a voice without a shell. Rejects, with words for a log that hold nothing of the text, when it cannot be started, ends with an
 * error, writes too much, or is not done after `timeoutMs`; it is killed then.
 */
export function runVoice(command: VoiceCommand, options: { clock: Clock; timeoutMs: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.program, command.args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    const pieces: Buffer[] = []
    let bytes = 0
    let settled = false
    const settle = (end: () => void) => {
      if (settled) return
      settled = true
      timer.cancel()
      end()
    }
    const giveUp = (why: string) =>
      settle(() => {
        killGroup(child.pid)
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
        reject(new Error(`${command.program}: ${why}`))
      })
    const timer = options.clock.setTimer(options.timeoutMs, () => giveUp(`was not done after ${options.timeoutMs} ms`))
    child.on('error', (error: NodeJS.ErrnoException) => giveUp(`could not be started (${error.code ?? 'unknown'})`))
    child.stdout.on('data', (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      if (bytes > OUTPUT_BYTES_MAX) giveUp('wrote more than 120 MiB')
    })
    // What it complains about may repeat the text, so only its length is told.
    let complaint = 0
    child.stderr.on('data', (piece: Buffer) => {
      complaint = Math.min(ERROR_CHARS_KEPT, complaint + piece.length)
    })
    child.on('close', (code, signal) => {
      if (code === 0) settle(() => resolve(Buffer.concat(pieces)))
      else giveUp(`ended with ${signal ?? `code ${code}`}${complaint > 0 ? ' and a complaint' : ''}`)
    })
    // A voice that does not read all of it may close the pipe early; its exit code tells.
    child.stdin.on('error', () => undefined)
    child.stdin.end(command.input)
  })
}

/** With everything that it started itself: a script's children would keep the pipes open. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
