import type { Prompt } from '../media/prompt.ts'

/** Which voice speaks, and how. Absent parts are the installation's default. */
export interface VoiceChoice {
  /** `flite`, `espeak-ng`, or `command`: what `CARILLON_VOICE_COMMAND` names. */
  readonly engine?: string
  /** The voice's own word for a voice or language: `slt`, `en-gb`, `de`. */
  readonly name?: string
  /** 1 is the usual speed, 2 is twice as fast. */
  readonly speed?: number
}

export interface PromptRequest {
  /** What is said. With a recording, what it is known to say. */
  readonly text: string
  readonly voice?: VoiceChoice
  /** The name of a WAV file in the folder of recordings, played instead of speaking the text. */
  readonly recording?: string
}

/** Makes sound out of texts, before a call is placed. */
export interface Voices {
  /**
   * The prompt for a text: from the cache, else rendered now. Several requests for the same prompt are one rendering.
   * When `withinMs` pass first, rejects with `not-ready`, and rendering goes on for the next who asks.
   *
   * @throws VoiceError
   */
  prepare(request: PromptRequest, withinMs: number): Promise<Prompt>
}

/**
 * `not-ready`: it takes longer than there was time; asking again helps (`not-sent`, cause `voice-not-ready`).
 * `failed`: this text cannot be spoken by this voice, which is remembered for a while (`failed`, cause `voice-failed`).
 */
export type VoiceFault = 'not-ready' | 'failed'

export class VoiceError extends Error {
  readonly fault: VoiceFault

  constructor(fault: VoiceFault, message: string) {
    super(message)
    this.name = 'VoiceError'
    this.fault = fault
  }
}
