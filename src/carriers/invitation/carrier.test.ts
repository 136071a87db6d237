import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/fake-clock.ts'
import { loopbackTargets } from '../../../test/loopback-targets.ts'
import { promptOf, soundOf } from '../../../test/media/sound.ts'
import { noSound } from '../../../test/no-sound.ts'
import type { CallEvent } from '../../model/call-event.ts'
import type { CallerEnding, JoiningCaller } from '../../model/joined-call.ts'
import { VoiceError, type Voices } from '../../voices/voices.ts'
import { invitation } from './carrier.ts'

const REF = '00112233445566778899aabbccddeeff'
const SPEECH = { text: 'This is Acme.', waitForKeySeconds: 0 }
const request = {
  ref: REF,
  to: '',
  from: '',
  ringTimeoutSeconds: 30,
  maxCallSeconds: 60,
  speech: SPEECH,
  sendWithinMs: 5_000,
}

function open(voices: Voices = { prepare: async () => promptOf(soundOf(1, 1)) }) {
  const clock = new FakeClock()
  const events: CallEvent[] = []
  const carrier = invitation.open(
    {},
    {
      ...noSound,
      clock,
      voices,
      report: (event) => events.push(event),
      log: { info: () => undefined, warn: () => undefined },
      targets: loopbackTargets,
      callbackUrl: '',
      invite: async () => 'joinable',
    },
  )
  const told = () => events.map((event) => ('cause' in event ? `${event.kind} ${event.cause}` : event.kind))
  return { clock, carrier, events, told }
}

function caller(takes = true) {
  const endings: CallerEnding[] = []
  const heard = { frames: 0 }
  const joining: JoiningCaller = {
    samplesPerSecond: 8_000,
    bufferMs: 100,
    hear() {
      heard.frames++
      return takes
    },
    onSpeaking: () => undefined,
    onListening: () => undefined,
    forgetUnheard: () => undefined,
    end: (why) => endings.push(why),
  }
  return { joining, endings, heard }
}

describe('a call that is joined', () => {
  it('is answered, heard to its end with what was sent ahead, and over', async () => {
    const { clock, carrier, told } = open()
    const { joining, endings, heard } = caller()
    carrier.place(request)
    expect(carrier.seatOf!(REF)).toBe('free')
    expect(carrier.join!(REF, joining)).not.toBeNull()
    expect(carrier.seatOf!(REF)).toBe('taken')
    expect(carrier.join!(REF, caller().joining)).toBeNull()
    await clock.advanceSettling(700)
    expect(told()).toEqual(['accepted', 'ringing', 'answered'])
    await clock.advanceSettling(1_000)
    expect(told()).toEqual(['accepted', 'ringing', 'answered', 'ended agent-hung-up'])
    expect(endings).toEqual(['over'])
    expect(heard.frames).toBeGreaterThanOrEqual(50)
    expect(carrier.seatOf!(REF)).toBe('elsewhere')
    expect(clock.pendingTimers).toBe(0)
  })

  it('ends when its caller takes nothing for ten seconds', async () => {
    const { clock, carrier, told } = open()
    const { joining, endings } = caller(false)
    carrier.place(request)
    carrier.join!(REF, joining)
    await clock.advanceSettling(11_000)
    expect(told().at(-1)).toBe('ended media-lost')
    expect(endings).toEqual(['stalled'])
  })

  it('ends when it cannot be spoken, and its caller is told', async () => {
    const { clock, carrier, told } = open({ prepare: () => Promise.reject(new VoiceError('failed', 'no voice')) })
    const { joining, endings } = caller()
    carrier.place(request)
    carrier.join!(REF, joining)
    await clock.advanceSettling(10)
    expect(told()).toEqual(['accepted', 'ringing', 'ended voice-failed'])
    expect(endings).toEqual(['failed'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('ends answered when the server stops, and one that waits tells nothing', async () => {
    const { clock, carrier, told } = open()
    const { joining, endings } = caller()
    carrier.place(request)
    carrier.place({ ...request, ref: 'f'.repeat(32) })
    carrier.join!(REF, joining)
    await clock.advanceSettling(100)
    await carrier.close()
    expect(told().filter((kind) => kind.startsWith('ended'))).toEqual(['ended shut-down'])
    expect(endings).toEqual(['stopping'])
    expect(clock.pendingTimers).toBe(0)
  })
})

it('of a call whose server died, its row tells whether somebody had joined', () => {
  const { carrier, events } = open()
  const orphan = { ref: REF, carrierCallId: null, placedAtEpochMs: 0 }
  carrier.endOrphan!({ ...orphan, carrierState: 'joined' })
  carrier.endOrphan!({ ...orphan, carrierState: null })
  expect(events).toMatchObject([
    { kind: 'ended', disposition: 'answered', cause: 'node-lost' },
    { kind: 'ended', disposition: 'unknown', cause: 'node-lost' },
  ])
})
