import metadata from 'libphonenumber-js/metadata.max.json' with { type: 'json' }

/** A small seeded generator (mulberry32), so that a failing run can be repeated. Gives integers below `limit`. */
export function seededIntegers(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((((mixed ^ (mixed >>> 14)) >>> 0) * limit) / 2 ** 32) | 0
  }
}

type Pattern = readonly [callingCode: string, country: string, source: string, prefix: string]

const patterns: Pattern[] = []
for (const [group, named] of [
  [metadata.countries, true],
  [metadata.nonGeographic, false],
] as const) {
  for (const [name, plan] of Object.entries(group as unknown as Record<string, unknown[]>)) {
    const types = ((plan[11] ?? []) as unknown[][]).filter(Boolean).map((type) => String(type[0]))
    for (const source of [String(plan[2]), ...types]) {
      if (source !== '') patterns.push([String(plan[0]), named ? name : '', source, String(plan[5] ?? '')])
    }
  }
}

export const COUNTRIES: readonly string[] = Object.keys(metadata.countries)

/** One text that a pattern of the metadata matches, chosen at random. */
function sample(source: string, pick: (limit: number) => number): string {
  let at = 0
  const options = (): string => {
    const found = [sequence()]
    while (source[at] === '|') {
      at += 1
      found.push(sequence())
    }
    return found[pick(found.length)]!
  }
  const sequence = (): string => {
    let text = ''
    while (at < source.length && source[at] !== '|' && source[at] !== ')') text += repeated()
    return text
  }
  const repeated = (): string => {
    const start = at
    const first = atom()
    const end = at
    const braces = /^(?:(\?)|\{(\d+)(?:,(\d+))?\})/.exec(source.slice(at))
    if (!braces) return first
    const after = at + braces[0].length
    const min = braces[1] ? 0 : Number(braces[2])
    const max = braces[1] ? 1 : Number(braces[3] ?? braces[2])
    const times = min + pick(max - min + 1)
    let text = ''
    for (let count = 0; count < times; count += 1) {
      at = start
      text += atom()
      at = end
    }
    at = after
    return text
  }
  const atom = (): string => {
    if (source[at] === '(') {
      at += source.startsWith('(?:', at) ? 3 : 1
      const text = options()
      at += 1
      return text
    }
    const token = /^(?:\\d|\d|\[[^\]]+\])/.exec(source.slice(at))![0]
    at += token.length
    if (token === '\\d') return String(pick(10))
    const allowed: string[] = []
    for (const [, from = '', to] of token.replace(/[[\]]/g, '').matchAll(/(\d)(?:-(\d))?/g)) {
      for (let digit = Number(from); digit <= Number(to ?? from); digit += 1) allowed.push(String(digit))
    }
    return allowed[pick(allowed.length)]!
  }
  return options()
}

function mutated(digits: string, pick: (limit: number) => number, prefix: string): string {
  const place = pick(digits.length + 1)
  switch (pick(8)) {
    case 0:
      return digits.slice(0, place) + pick(10) + digits.slice(place + 1)
    case 1:
      return digits.slice(0, place) + digits.slice(place + 1)
    case 2:
      return digits.slice(0, place) + pick(10) + digits.slice(place)
    case 3:
      return prefix + digits
    case 4:
      return pick(10) + digits.slice(1)
    case 5:
      return digits.slice(0, 2) + pick(100) + digits.slice(4)
    default:
      return digits
  }
}

/** National digits near the edge between valid and not valid, with the calling code they belong to. */
export function numberNearTheEdge(pick: (limit: number) => number): {
  callingCode: string
  national: string
  country: string
} {
  const [callingCode, country, source, prefix] = patterns[pick(patterns.length)]!
  if (pick(10) === 0) {
    let national = ''
    for (let length = 1 + pick(14); length > 0; length -= 1) national += pick(10)
    return { callingCode, national, country }
  }
  return { callingCode, national: mutated(sample(source, pick), pick, prefix), country }
}
