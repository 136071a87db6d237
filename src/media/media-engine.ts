import type { AudioCodec, Prompt } from './prompt.ts'

/**
 * The sound of calls. Signalling says where to and in which format, and what to play; the engine sends a frame every
 * 20 ms, listens, and tells what it heard. It knows nothing of SIP, SDP or the people called. Everything here is
 * called on the main thread; packets are handled in worker threads that no work of the main thread delays.
 *
 * The life of a session: `open` (ports are bound, nothing is sent) → `connect` (as often as an answer, early media or
 * a re-INVITE says something new) → `play` → `close`. Any of them may be called in any state and order, and none throws: what
 * comes too late is ignored. `open` alone can fail.
 */
export interface MediaEngine {
  /**
   * Binds an even port for RTP and the next one for RTCP. Resolves when both receive, so that an offer may carry them.
   * Takes no longer than 2 s.
   *
   * @throws MediaError when there is no sound to be had: the call must not be placed.
   */
  open(options: MediaSessionOptions, listener: MediaListener): Promise<MediaSession>
  /** For `doctor`, metrics and a carrier that wants to know whether there is room. */
  figures(): MediaFigures
  /** Closes all sessions and ends the workers. Later `open`s are refused with `closed`. */
  close(): Promise<void>
}

export interface MediaSessionOptions {
  /** The address of this machine to bind, IPv4 or IPv6; `0.0.0.0` and `::` bind all. What is advertised is not its affair. */
  readonly bindAddress: string
  /** True: make a key to be offered, and speak SRTP once the answer has one. False: plain RTP. */
  readonly srtp: boolean
  /** `onInactive` is told after so long without any packet of the other side while one is due. */
  readonly inactivitySeconds: number
  /** True: what is heard is handed to `onSound`. Costs a message for each frame; false for announcements. */
  readonly hear?: boolean
}

export interface MediaSession {
  /** The bound address and ports. */
  readonly local: { readonly address: string; readonly rtpPort: number; readonly rtcpPort: number }
  /**
   * Master key (16 bytes) and salt (14 bytes) with which we encrypt, as an offer's `inline:` carries them in base64,
   * for AES_CM_128_HMAC_SHA1_80; null without SRTP. It stays the same in all offers and answers of this session.
   */
  readonly srtpKey: Uint8Array | null
  /**
   * What the description of the other side says now: of a 183, of the 200 (which may differ from the 183's, also by
   * another branch of a forked call), of a re-INVITE or UPDATE. Each call replaces the last one whole, and repeating
   * the same changes nothing. Frames (silence, when nothing plays) are sent from the first call on. A changed address
   * or port, or a changed key, makes the engine wait for the new source and forget the latched one.
   */
  connect(remote: RemoteMedia): void
  /**
   * Plays a prompt from its beginning, instead of what plays now. Before `connect` it waits; while our direction
   * forbids sending, it pauses. The first frame leaves within 20 ms. Answers a number by which events name this playing.
   */
  play(prompt: Prompt): number
  /** Silence instead of what plays now. */
  stopPlaying(): void
  /**
   * Sends key presses by RFC 4733, one after another (100 ms each, 100 ms apart), of `0-9*#A-D`; the prompt goes on
   * underneath and is not heard meanwhile. False when the other side has not agreed to telephone events; nothing is sent then.
   */
  sendKeys(keys: string): boolean
  /** What was counted so far. Resolves with the final figures when the session is closed. */
  statistics(): Promise<MediaStatistics>
  /**
   * Sends RTCP BYE when anything was sent, frees the ports (they rest a while before they are used again) and resolves
   * with the final figures. No event is told after it was called. Repeating it answers the same. Never rejects.
   */
  close(): Promise<MediaStatistics>
}

/** What may be done, seen from here: `recvonly` means that the other side put us on hold with `sendonly`. */
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** The other side's description, read by whoever knows SDP. */
export interface RemoteMedia {
  /** An IP address, never a name. `0.0.0.0` (hold of old) sends nothing. */
  readonly address: string
  readonly port: number
  /** From `a=rtcp`; usually `port + 1`. */
  readonly rtcpPort: number
  readonly codec: AudioCodec
  /** The number agreed for the codec: 0 for PCMU and 8 for PCMA, unless a peer is odd. */
  readonly payloadType: number
  /** The number agreed for telephone-event/8000; null: key presses cannot be sent, and 101 is still understood. */
  readonly telephoneEventPayloadType: number | null
  /**
   * The 30 bytes of the peer's key; null: plain RTP. With a key, packets without a right tag are dropped. Requiring or
   * refusing SRTP is decided before, by whoever reads the answer.
   */
  readonly srtpKey: Uint8Array | null
  readonly direction: MediaDirection
}

/**
 * What a session tells, always later than the call that caused it, never after `close` was called. A listener
 * that throws is logged and ends nothing.
 */
export interface MediaListener {
  /** The first frame of a playing left, so long after `play` was called, or after `connect` when that came later. */
  onPlayingStarted?(playing: number, afterMs: number): void
  /** Its last frame left (`finished`), or `stopPlaying` or another `play` cut it off (`stopped`). Told once per playing. */
  onPlayingEnded?(playing: number, how: 'finished' | 'stopped'): void
  /** One key, told once when it is recognised (its first packet, or whichever arrives), however long it is held. */
  onKey?(key: string): void
  /** The first sound of the other side that is no silence. */
  onVoice?(): void
  /** Nothing arrived for `inactivitySeconds`, neither RTP nor RTCP, although our direction lets it. Told once, again after packets came back. */
  onInactive?(silentMs: number): void
  /** Frames of 160 samples, 20 ms each, after jitter buffer and concealment, with `hear`. */
  onSound?(samples: Int16Array): void
  /** The worker that carried this session is gone, or its socket failed: there will be no more sound. Hang up. */
  onLost?(reason: string): void
}

/** Counted since `open`. A number is null while nothing is known of it. */
export interface MediaStatistics {
  readonly sent: {
    readonly packets: number
    /** Frames that left more than 20 ms after their instant, and the worst. */
    readonly lateFrames: number
    readonly latestMs: number
    /** Fraction lost (0-1) and jitter as the other side's last receiver report says. */
    readonly reportedLoss: number | null
    readonly reportedJitterMs: number | null
    /** By the sender report and its echo. */
    readonly roundTripMs: number | null
  }
  readonly received: {
    readonly packets: number
    /** Sequence numbers that never arrived, that came twice, and (with `hear`) that came too late to be heard. */
    readonly lost: number
    readonly duplicates: number
    readonly tooLate: number
    /** Interarrival jitter of RFC 3550. */
    readonly jitterMs: number
    /** With `hear`: frames that were made up in place of lost ones. */
    readonly concealedFrames: number
    /** Sound louder than silence. */
    readonly voiceMs: number
    /** Dropped: not RTP, of a stranger, with a wrong tag, of a payload type nobody agreed to. */
    readonly refused: number
    readonly keys: string
  }
}

export interface MediaFigures {
  readonly sessions: number
  readonly portPairsFree: number
  /** Set aside because something else on this machine uses them; tried again later. */
  readonly portPairsBusy: number
  /** How often a pair was set aside, since the start. */
  readonly portPairsSetAside: number
  readonly workers: number
  /** Of sessions that are over. */
  readonly totals: SoundTotals
}

/** What all calls that are over add up to, since the start. */
export interface SoundTotals {
  readonly sessions: number
  readonly sentPackets: number
  /** Frames that left more than 20 ms after their instant. */
  readonly lateFrames: number
  readonly receivedPackets: number
  readonly lostPackets: number
  /** Sum of each call's jitter; divided by `heard` the mean. */
  readonly jitterMs: number
  /** Calls in which anything was received. */
  readonly heard: number
}

/** Why there is no sound: no free port in the range, an address that is not ours, a worker that fails, or the end of the engine. */
export type MediaFault = 'no-free-port' | 'address-not-available' | 'worker-failed' | 'closed'

export class MediaError extends Error {
  readonly fault: MediaFault

  constructor(fault: MediaFault, message: string) {
    super(message)
    this.name = 'MediaError'
    this.fault = fault
  }
}
