import { systemClock } from '../src/clock.ts'
import { type MediaEngine, MediaError } from '../src/media/media-engine.ts'
import { NO_SOUND_YET } from '../src/media/sound-totals.ts'
import { SipEndpoint } from '../src/sip/endpoint.ts'
import { VoiceError, type Voices } from '../src/voices/voices.ts'

/** For carriers that carry no sound themselves: everything is refused. */
export const noSound: { readonly media: MediaEngine; readonly voices: Voices; readonly sip: SipEndpoint } = {
  media: {
    open: () => Promise.reject(new MediaError('closed', 'There is no sound in this test')),
    figures: () => ({
      sessions: 0,
      portPairsFree: 0,
      portPairsBusy: 0,
      portPairsSetAside: 0,
      workers: 0,
      totals: NO_SOUND_YET,
    }),
    close: () => Promise.resolve(),
  },
  voices: { prepare: () => Promise.reject(new VoiceError('failed', 'There is no voice in this test')) },
  // Binds no port before it is used.
  sip: new SipEndpoint({ clock: systemClock, bindAddresses: ['127.0.0.1'], port: 0, advertisedAddress: null }),
}
