/** Samples of telephone sound in a second: G.711 knows no other rate. */
export const SAMPLES_PER_SECOND = 8000

/** The two laws of G.711. Which of them a call uses is known with the answer only. */
export type AudioCodec = 'PCMU' | 'PCMA'

/**
 * Sound that is ready to be played: complete, mono, 8 kHz, in both laws, so that nothing is left to do when somebody
 * answers. The bytes lie in shared memory: handing a prompt to a worker copies nothing. Nobody may write to them.
 */
export interface Prompt {
  readonly durationMs: number
  readonly samples: Readonly<Record<AudioCodec, Uint8Array<SharedArrayBuffer>>>
}
