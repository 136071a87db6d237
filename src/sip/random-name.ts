import { randomFillSync } from 'node:crypto'

const NAME_BYTES = 16
/** So many names are drawn at once: asking for the randomness of one costs more than writing a whole request. */
const DRAWN = 512

const drawn = Buffer.alloc(NAME_BYTES * DRAWN)
let at = drawn.length

/** 128 random bits as 32 hexadecimal digits. One flat string: what is put together from pieces holds all of them. */
export function randomName(): string {
  if (at === drawn.length) {
    randomFillSync(drawn)
    at = 0
  }
  at += NAME_BYTES
  return drawn.toString('hex', at - NAME_BYTES, at)
}
