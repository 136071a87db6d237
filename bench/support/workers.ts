import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const runTypescript = fileURLToPath(new URL('../../test/run-typescript.mjs', import.meta.url))

/** A process of the bench's own that answers questions; it ends when the bench does. */
export interface Worker {
  /** Sends `question` and resolves with the next answer to it. */
  ask<Answer>(question: string, details?: object): Promise<Answer>
  /** Asks for its end; resolves when it is gone. */
  stop(): Promise<void>
  kill(): void
  /** Gets what it tells without being asked. */
  onNews(listener: (news: unknown) => void): void
}

export interface WorkerOptions {
  readonly program: URL
  readonly args: readonly string[]
  readonly nodeFlags?: readonly string[]
  /** Another Node than the bench's own. */
  readonly runtime?: string
}

interface Message {
  readonly answerTo?: string
  readonly answer?: unknown
  readonly news?: unknown
}

/** Starts a program, TypeScript or not, and waits until it says that it is ready. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const program = fileURLToPath(options.program)
  const typescript = program.endsWith('.ts') ? ['--import', runTypescript] : []
  const child = fork(program, options.args, {
    execArgv: [...typescript, ...(options.nodeFlags ?? [])],
    ...(options.runtime === undefined ? {} : { execPath: options.runtime }),
  })
  const worker = new ForkedWorker(child)
  await worker.answerTo('ready')
  return worker
}

class ForkedWorker implements Worker {
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>()
  readonly #ended: Promise<void>
  #stopping = false
  #listener: ((news: unknown) => void) | null = null

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: Message) => {
      if (message.answerTo === undefined) this.#listener?.(message.news)
      else {
        this.#waiting.get(message.answerTo)?.resolve(message.answer)
        this.#waiting.delete(message.answerTo)
      }
    })
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (!this.#stopping) {
          const error = new Error(`A process of the bench ended by itself: ${signal ?? `exit code ${code}`}`)
          for (const { reject } of this.#waiting.values()) reject(error)
          if (this.#waiting.size === 0) throw error
        }
        resolve()
      })
    })
  }

  answerTo<Answer>(question: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(question, { resolve: resolve as (answer: unknown) => void, reject })
    })
  }

  ask<Answer>(question: string, details: object = {}): Promise<Answer> {
    const answer = this.answerTo<Answer>(question)
    this.#child.send({ question, ...details })
    return answer
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#child.send({ question: 'stop' })
    await this.#ended
  }

  kill(): void {
    this.#stopping = true
    this.#child.kill('SIGKILL')
  }

  onNews(listener: (news: unknown) => void): void {
    this.#listener = listener
  }
}
