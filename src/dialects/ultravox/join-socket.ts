import type { WebSocket } from '@fastify/websocket'
import type { Clock, Timer } from '../../clock.ts'
import type { CallerEnding, CallJoined, JoiningCaller } from '../../model/joined-call.ts'
import type { CallMedium } from './media.ts'
import { type ClientMessage, clientMessage, type ServerMessage } from './socket-wire.ts'

export type SocketMedium = NonNullable<CallMedium['serverWebSocket']>

/** The vendor's defaults. */
const BUFFER_MS = 60
const IDLE_SECONDS = { fallback: 30, min: 10 } as const
const UNREAD_BYTES_MIN = 32_768
/** A client that sends five milliseconds at a time sends 200 messages a second. */
const MESSAGES_A_SECOND_MAX = 500
/** Who does not answer the end of a call is cut off. */
const GOODBYE_MS = 2_000
const KEYS = /^[0-9*#]{1,32}$/

const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  inconsistent: 1007,
  policy: 1008,
  failed: 1011,
} as const

const CLOSE_OF_ENDING = {
  over: [CLOSE.normal, 'The call is over'],
  stopping: [CLOSE.goingAway, 'The server shuts down'],
  failed: [CLOSE.failed, 'The agent cannot speak'],
  abandoned: [CLOSE.goingAway, 'The server was cut off from the call'],
  stalled: null,
} as const satisfies Record<CallerEnding, readonly [code: number, reason: string] | null>

/**
 * One caller on a WebSocket: sound as binary messages of 16-bit little-endian samples, both ways, and data messages as
 * JSON texts. Whatever a client sends ends, at worst, its own call.
 */
export class JoinSocket implements JoiningCaller {
  readonly samplesPerSecond: number
  readonly bufferMs: number
  readonly #socket: WebSocket
  readonly #medium: SocketMedium
  readonly #clock: Clock
  readonly #unreadBytesMax: number
  readonly #idleMs: number
  #call: CallJoined | null = null
  #idle: Timer | null = null
  #ordinal = 0
  #messages = 0
  #countedSinceMs = 0
  #isOver = false

  constructor(socket: WebSocket, { medium, clock }: { medium: SocketMedium; clock: Clock }) {
    this.#socket = socket
    this.#medium = medium
    this.#clock = clock
    this.samplesPerSecond = medium.outputSampleRate ?? medium.inputSampleRate
    this.bufferMs = medium.clientBufferSizeMs ?? BUFFER_MS
    this.#unreadBytesMax = Math.max(UNREAD_BYTES_MIN, this.samplesPerSecond * 2)
    this.#idleMs = 1_000 * Math.max(IDLE_SECONDS.min, secondsOf(medium.mediaIdleTimeout) ?? IDLE_SECONDS.fallback)
  }

  /**
   * Lets the client into its call; `join` answers null when somebody was faster. From now on everything the client does
   * counts.
   */
  begin(callId: string, join: () => CallJoined | null): void {
    // What is wrong with a connection is told by its close as well.
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', (code) => this.#onClose(code))
    this.#socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    // The agent may speak at once.
    if (this.#wants('callStarted')) this.#tell({ type: 'call_started', callId })
    this.#call = join()
    if (this.#call === null) this.#close(CLOSE.policy, 'The call has been joined or is over')
    else this.#watchIdle()
  }

  hear(samples: Int16Array): boolean {
    if (this.#socket.bufferedAmount > this.#unreadBytesMax) return false
    if (this.#socket.readyState !== this.#socket.OPEN) return false
    this.#socket.send(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength))
    return true
  }

  onSpeaking(text: string): void {
    this.#tellState('speaking')
    this.#tellTranscript('agent', 'voice', text)
  }

  onListening(): void {
    this.#tellState('listening')
  }

  forgetUnheard(): void {
    if (this.#wants('playbackClearBuffer')) this.#tell({ type: 'playback_clear_buffer' })
  }

  end(why: CallerEnding): void {
    const close = CLOSE_OF_ENDING[why]
    if (close !== null) {
      this.#close(close[0], close[1])
      return
    }
    // A good-bye would wait behind all that is not read.
    this.#stop()
    this.#socket.terminate()
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return
    if (this.#isFlood()) this.#refuse(CLOSE.policy, 'Too many messages')
    else if (!isBinary) this.#onText(data)
    else if (data.length % 2 !== 0) this.#refuse(CLOSE.inconsistent, 'Sound is samples of two bytes')
    // The agents of this version listen to keys alone; that there is sound says that somebody is there.
    else this.#watchIdle()
  }

  #onText(data: Buffer): void {
    const message = readMessage(data)
    switch (message?.type) {
      case 'ping':
        if (this.#wants('pong')) this.#tell({ type: 'pong', timestamp: message.timestamp })
        return
      case 'user_text_message':
        this.#tellTranscript('user', 'text', message.text)
        // Keys reach an agent of the vendor as texts too.
        if (KEYS.test(message.text)) for (const key of message.text) this.#call?.onKey(key)
        return
      case 'hang_up':
        this.#leave('hung-up')
        this.#close(CLOSE.normal, 'The call is over')
        return
      case undefined:
        this.#refuse(CLOSE.inconsistent, 'Texts are JSON objects with a type')
        return
      case 'other':
        return
    }
  }

  #onClose(code: number): void {
    const tookLeave = code === CLOSE.normal || code === CLOSE.goingAway || code === 1005
    this.#leave(tookLeave ? 'hung-up' : 'lost')
  }

  /** Their connection cannot go on. */
  #refuse(code: number, reason: string): void {
    this.#leave('lost')
    this.#close(code, reason)
  }

  #leave(how: 'hung-up' | 'silent' | 'lost'): void {
    if (this.#isOver) return
    this.#stop()
    this.#call?.onLeft(how)
  }

  #stop(): void {
    this.#isOver = true
    this.#idle?.cancel()
  }

  #close(code: number, reason: string): void {
    this.#stop()
    this.#socket.close(code, reason)
    const late = this.#clock.setTimer(GOODBYE_MS, () => this.#socket.terminate())
    this.#socket.once('close', () => late.cancel())
  }

  #watchIdle(): void {
    this.#idle?.cancel()
    this.#idle = this.#clock.setTimer(this.#idleMs, () => {
      this.#leave('silent')
      this.#close(CLOSE.normal, 'No sound came for too long')
    })
  }

  #isFlood(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#countedSinceMs >= 1_000) {
      this.#countedSinceMs = nowMs
      this.#messages = 0
    }
    return ++this.#messages > MESSAGES_A_SECOND_MAX
  }

  #tellState(state: 'listening' | 'speaking'): void {
    if (this.#wants('state')) this.#tell({ type: 'state', state })
  }

  #tellTranscript(role: 'user' | 'agent', medium: 'text' | 'voice', text: string): void {
    if (!this.#wants('transcript')) return
    this.#tell({ type: 'transcript', role, medium, text, final: true, ordinal: this.#ordinal++ })
  }

  #wants(message: 'pong' | 'state' | 'transcript' | 'playbackClearBuffer' | 'callStarted'): boolean {
    return this.#medium.dataMessages?.[message] ?? true
  }

  #tell(message: ServerMessage): void {
    if (this.#isOver || this.#socket.bufferedAmount > this.#unreadBytesMax) return
    this.#socket.send(JSON.stringify(message))
  }
}

function readMessage(data: Buffer): ClientMessage | null {
  try {
    const read = clientMessage.safeParse(JSON.parse(data.toString('utf8')))
    return read.success ? read.data : null
  } catch {
    return null
  }
}

function secondsOf(duration: string | undefined): number | null {
  return duration === undefined ? null : Number.parseFloat(duration)
}
