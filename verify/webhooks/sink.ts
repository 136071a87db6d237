import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { type JudgeEntry, readJudgeLog } from '../../src/carriers/loopback/judge-log.ts'
import { type Program, startProgram } from '../child.ts'
import type { SinkMischief } from './sink-mischief.ts'

export interface SinkOptions {
  readonly folder: string
  readonly mischief?: SinkMischief | undefined
}

/** The receiver of a world's webhooks: a process of its own, which can be killed and can refuse for a while. */
export class WebhookSink {
  /** Of the endpoint, after Standard Webhooks. */
  readonly secret: string
  readonly #options: SinkOptions
  #program: Program | null = null
  #ailment: Promise<void> | null = null

  private constructor(options: SinkOptions) {
    this.#options = options
    this.secret = `whsec_${randomBytes(32).toString('base64')}`
  }

  static async start(options: SinkOptions): Promise<WebhookSink> {
    const sink = new WebhookSink(options)
    sink.#program = await sink.#start('0')
    return sink
  }

  get url(): string {
    return `${this.#program!.url}/hook`
  }

  /** kill -9, and a new start on the same port and log. Nothing while something is wrong with it already. */
  killAndRestart(afterMs: number): Promise<void> {
    return this.#ailing(async () => {
      await this.#program!.kill().gone
      await pause(afterMs)
      this.#program = await this.#start(new URL(this.url).port)
    })
  }

  /** Takes nothing: answers with this status, or with none. Nothing while something is wrong with it already. */
  refuse(answer: number | 'reset', forMs: number): Promise<void> {
    return this.#ailing(async () => {
      this.#program!.tell({ answer })
      await pause(forMs)
      this.#program!.tell({ answer: 204 })
    })
  }

  /** All that it noted, oldest first. */
  entries(): Promise<JudgeEntry[]> {
    return readJudgeLog(this.#logFile)
  }

  async stop(): Promise<void> {
    await this.#ailment
    await this.#program!.stop()
  }

  get #logFile(): string {
    return path.join(this.#options.folder, 'webhooks.jsonl')
  }

  #ailing(what: () => Promise<void>): Promise<void> {
    this.#ailment ??= what().finally(() => {
      this.#ailment = null
    })
    return this.#ailment
  }

  #start(port: string): Promise<Program> {
    const { folder, mischief } = this.#options
    return startProgram({
      program: 'webhooks/run-sink.ts',
      argv: [this.#logFile, this.secret, port, ...(mischief === undefined ? [] : [mischief])],
      outputFile: path.join(folder, 'sink.log'),
    })
  }
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs))
}
