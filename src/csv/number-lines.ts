const PARTS = 64
const FIRST_PLACES = 64

/** One of the tables; a place holds a number (0 = free) and the line on which it was first seen. */
interface Part {
  keys: Float64Array
  lines: Uint32Array
  size: number
}

/**
 * On which line each number was first seen: a hash table of typed arrays, 12 bytes per place and no object per number,
 * so a million numbers cost about 25 MB and give the garbage collector nothing to visit. It is cut into parts that grow
 * one by one, so that no single call has to move more than a small share of the numbers.
 */
export class NumberLines {
  readonly #parts: Part[] = Array.from({ length: PARTS }, () => ({
    keys: new Float64Array(FIRST_PLACES),
    lines: new Uint32Array(FIRST_PLACES),
    size: 0,
  }))

  /** The line on which `digits` (a positive integer) was first seen; 0 if it is new, and then `line` is remembered. */
  firstLine(digits: number, line: number): number {
    const hash = hashOf(digits)
    const part = this.#parts[hash & (PARTS - 1)]!
    const place = findPlace(part.keys, digits, hash)
    if (part.keys[place] === digits) return part.lines[place]!
    part.keys[place] = digits
    part.lines[place] = line
    part.size += 1
    if (part.size * 2 > part.keys.length) grow(part)
    return 0
  }

  /** How many distinct numbers have been seen. */
  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.size, 0)
  }
}

function hashOf(digits: number): number {
  const high = Math.floor(digits / 1e7)
  let hash = Math.imul(digits - high * 1e7, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** The place of a number in a part, or the free place where it belongs. */
function findPlace(keys: Float64Array, digits: number, hash: number): number {
  const mask = keys.length - 1
  let place = (hash >>> 6) & mask
  while (keys[place] !== 0 && keys[place] !== digits) place = (place + 1) & mask
  return place
}

function grow(part: Part): void {
  const { keys: oldKeys, lines: oldLines } = part
  const keys = new Float64Array(oldKeys.length * 2)
  const lines = new Uint32Array(keys.length)
  for (let index = 0; index < oldKeys.length; index += 1) {
    const digits = oldKeys[index]!
    if (digits === 0) continue
    const place = findPlace(keys, digits, hashOf(digits))
    keys[place] = digits
    lines[place] = oldLines[index]!
  }
  part.keys = keys
  part.lines = lines
}
