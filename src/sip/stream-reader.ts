import { bodyOffset, MESSAGE_BYTES_MAX } from './message.ts'

/** A stream that cannot be read any further: what follows cannot be told apart. The connection must be closed. */
export class StreamFault extends Error {}

/**
 * Cuts a byte stream into messages by their Content-Length. Holds at most one message; what is larger, or has no
 * readable length, is a fault.
 */
export class StreamReader {
  #held: Buffer = Buffer.alloc(0)

  /** @throws StreamFault */
  push(bytes: Buffer): Buffer[] {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    const messages: Buffer[] = []
    for (let message = this.#next(); message !== null; message = this.#next()) messages.push(message)
    if (this.#held.length > MESSAGE_BYTES_MAX) throw new StreamFault('A message is larger than any may be')
    // A small rest must not keep a large chunk alive.
    this.#held = Buffer.from(this.#held)
    return messages
  }

  #next(): Buffer | null {
    this.#skipKeepAlives()
    const offset = bodyOffset(this.#held)
    if (offset < 0) return null
    const head = this.#held.toString('latin1', 0, offset)
    const match = /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r\n/i.exec(head)
    if (match === null) throw new StreamFault('A message in a stream does not say how long it is')
    const end = offset + Number(match[1])
    if (end > MESSAGE_BYTES_MAX) throw new StreamFault('A message is larger than any may be')
    if (this.#held.length < end) return null
    const message = this.#held.subarray(0, end)
    this.#held = this.#held.subarray(end)
    return message
  }

  /** Empty lines between messages keep a connection alive (RFC 5626). */
  #skipKeepAlives(): void {
    let at = 0
    while (at < this.#held.length && (this.#held[at] === 0x0d || this.#held[at] === 0x0a)) at++
    if (at > 0) this.#held = this.#held.subarray(at)
  }
}
