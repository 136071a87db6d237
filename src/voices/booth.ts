import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, sleep } from '../clock.ts'
import { encodeG711 } from '../media/g711.ts'
import { type Prompt, SAMPLES_PER_SECOND } from '../media/prompt.ts'
import { resample } from '../media/resample.ts'
import { PromptCache } from './prompt-cache.ts'
import { runVoice } from './run-voice.ts'
import { commandFor, type InstalledVoices } from './voice-engines.ts'
import { type PromptRequest, VoiceError, type Voices } from './voices.ts'
import { readWav, writeWav } from './wav.ts'

export interface VoicesOptions {
  readonly clock: Clock
  readonly log: { warn(fields: Record<string, unknown>, message: string): void }
  readonly installed: InstalledVoices
  readonly cacheFolder: string
  readonly cacheBytesMax: number
  readonly recordingsFolder: string
  /** How many voices may run at once. */
  readonly renderingsMax: number
}

/** A voice that hangs is ended after so long. */
const RENDER_MS = 60_000
/** What failed is not tried again for so long: a list must not start a thousand programs that fail. */
const REMEMBER_FAILURE_MS = 30_000
const FAILURES_MAX = 10_000
/** Prompts in memory, in bytes of both laws: some 50 of ten seconds. The disk holds the rest. */
const MEMORY_BYTES_MAX = 8 * 1_048_576
const RECORDING_BYTES_MAX = 120 * 1_048_576
/** Nothing spoken is quieter or shorter than this; such a file would be a silent call. */
const PEAK_MIN = 200
const SECONDS_MIN = 0.05

/** Speaks, reads, resamples and keeps prompts. Starts nothing before it is asked. */
export function createVoices(options: VoicesOptions): Voices {
  return new Booth(options)
}

class Booth implements Voices {
  readonly #options: VoicesOptions
  readonly #cache: PromptCache
  readonly #memory = new Map<string, Prompt>()
  #memoryBytes = 0
  readonly #underWay = new Map<string, Promise<Prompt>>()
  readonly #failures = new Map<string, { error: VoiceError; untilMs: number }>()
  #rendering = 0
  readonly #queue: (() => void)[] = []

  constructor(options: VoicesOptions) {
    this.#options = options
    this.#cache = new PromptCache(options.cacheFolder, options.cacheBytesMax)
  }

  async prepare(request: PromptRequest, withinMs: number): Promise<Prompt> {
    const { clock } = this.#options
    const making = this.#make(request)
    // Whoever gave up waiting must not leave a rejection that nobody handles.
    making.catch(() => undefined)
    const late = sleep(clock, withinMs).then(() => {
      throw new VoiceError('not-ready', `The voice was not done after ${Math.round(withinMs)} ms`)
    })
    late.catch(() => undefined)
    return await Promise.race([making, late])
  }

  async #make(request: PromptRequest): Promise<Prompt> {
    try {
      return await (request.recording === undefined ? this.#spoken(request) : this.#recorded(request.recording))
    } catch (error) {
      if (error instanceof VoiceError) throw error
      throw new VoiceError('failed', (error as Error).message)
    }
  }

  #spoken(request: PromptRequest): Promise<Prompt> {
    if (request.text.trim() === '') throw new VoiceError('failed', 'There is nothing to say: the text is empty')
    const command = commandFor(request.text, request.voice ?? {}, this.#options.installed)
    const key = keyOf([command.program, ...command.args], command.input)
    return this.#once(key, async () => {
      const stored = await this.#cache.read(key, new Date(this.#options.clock.nowEpochMs()))
      if (stored) {
        const kept = soundIn(stored)
        if (kept) return promptOf(kept)
      }
      const { clock } = this.#options
      const wav = await this.#inTurn(() => runVoice(command, { clock, timeoutMs: RENDER_MS }))
      const samples = playable(wav)
      await this.#cache.write(key, writeWav(samples, SAMPLES_PER_SECOND)).catch((error: NodeJS.ErrnoException) => {
        this.#options.log.warn({ code: error.code }, 'A spoken prompt could not be kept on disk')
      })
      return promptOf(samples)
    })
  }

  async #recorded(name: string): Promise<Prompt> {
    // A name, never a path: settings of an agent must not read other files.
    if (!/^[\w][\w.-]{0,99}$/.test(name)) throw new VoiceError('failed', 'The recording has no proper file name')
    const file = path.join(this.#options.recordingsFolder, name)
    const found = await stat(file).catch(() => null)
    if (!found?.isFile()) throw new VoiceError('failed', `There is no recording ${name} on this server`)
    if (found.size > RECORDING_BYTES_MAX) throw new VoiceError('failed', `The recording ${name} is too large`)
    const key = keyOf(['recording', name], `${found.size} ${found.mtimeMs}`)
    return this.#once(key, async () => promptOf(playable(await readFile(file))))
  }

  /** From memory; else the making that is under way; else a new one, unless it failed a moment ago. */
  #once(key: string, make: () => Promise<Prompt>): Promise<Prompt> {
    const known = this.#memory.get(key)
    if (known) {
      this.#memory.delete(key)
      this.#memory.set(key, known)
      return Promise.resolve(known)
    }
    const failed = this.#failures.get(key)
    if (failed && failed.untilMs > this.#options.clock.monotonicMs()) return Promise.reject(failed.error)
    this.#failures.delete(key)
    const underWay = this.#underWay.get(key)
    if (underWay) return underWay
    const making = this.#remembering(key, make)
    this.#underWay.set(key, making)
    return making
  }

  async #remembering(key: string, make: () => Promise<Prompt>): Promise<Prompt> {
    try {
      const prompt = await make()
      this.#keep(key, prompt)
      return prompt
    } catch (error) {
      const failure = new VoiceError('failed', (error as Error).message)
      this.#options.log.warn({ reason: failure.message }, 'A voice failed')
      if (this.#failures.size >= FAILURES_MAX) this.#failures.clear()
      this.#failures.set(key, {
        error: failure,
        untilMs: this.#options.clock.monotonicMs() + REMEMBER_FAILURE_MS,
      })
      throw failure
    } finally {
      this.#underWay.delete(key)
    }
  }

  #keep(key: string, prompt: Prompt): void {
    this.#memory.set(key, prompt)
    this.#memoryBytes += bytesOf(prompt)
    for (const [oldest, old] of this.#memory) {
      if (this.#memoryBytes <= MEMORY_BYTES_MAX) return
      this.#memory.delete(oldest)
      this.#memoryBytes -= bytesOf(old)
    }
  }

  async #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#rendering >= this.#options.renderingsMax) await new Promise<void>((go) => this.#queue.push(go))
    else this.#rendering++
    try {
      return await run()
    } finally {
      const next = this.#queue.shift()
      if (next) next()
      else this.#rendering--
    }
  }
}

function keyOf(voice: readonly string[], text: string): string {
  return createHash('sha256')
    .update(JSON.stringify([voice, text]))
    .digest('hex')
}

/** 8 kHz sound out of a WAV file. @throws WavError, VoiceError when nobody would hear anything. */
function playable(file: Buffer): Int16Array {
  const sound = readWav(file)
  const samples = resample(sound.samples, sound.samplesPerSecond, SAMPLES_PER_SECOND)
  const audible = samples.some((sample) => Math.abs(sample) >= PEAK_MIN)
  if (!audible || samples.length < SECONDS_MIN * SAMPLES_PER_SECOND) {
    throw new VoiceError('failed', 'What was made is silent')
  }
  return samples
}

/** Null when the file on disk is damaged: it is made again. */
function soundIn(file: Buffer): Int16Array | null {
  try {
    return playable(file)
  } catch {
    return null
  }
}

function promptOf(samples: Int16Array): Prompt {
  const laws = {
    PCMU: new Uint8Array(new SharedArrayBuffer(samples.length)),
    PCMA: new Uint8Array(new SharedArrayBuffer(samples.length)),
  }
  encodeG711('PCMU', samples, laws.PCMU)
  encodeG711('PCMA', samples, laws.PCMA)
  return { durationMs: (samples.length * 1000) / SAMPLES_PER_SECOND, samples: laws }
}

function bytesOf(prompt: Prompt): number {
  return prompt.samples.PCMU.length * 2
}
