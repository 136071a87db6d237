import { VoiceError, type Voices } from './voices.ts'

export function createVoices(): Voices {
  return { prepare: () => Promise.reject(new VoiceError('failed', 'There is no voice yet')) }
}
