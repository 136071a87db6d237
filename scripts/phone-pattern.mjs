// Compiles the few forms of regular expression that telephone metadata uses (digits, \d, [..], groups, |, ?, {n,m})
// into a deterministic automaton over digits. Anything else throws, so that new syntax is seen and not misread.

/** @returns {{ start: string, step(state: string, digit: number): string | undefined, accepts(state: string): boolean }} */
export function compilePattern(source) {
  const nfa = toNfa(parse(source))
  const closureOf = (places) => {
    const seen = new Set(places)
    const open = [...seen]
    while (open.length > 0) {
      for (const next of nfa.empty[open.pop()]) {
        if (!seen.has(next)) {
          seen.add(next)
          open.push(next)
        }
      }
    }
    return [...seen].sort((a, b) => a - b)
  }
  const names = new Map()
  const sets = []
  const nameOf = (places) => {
    const key = places.join()
    if (!names.has(key)) {
      names.set(key, String(sets.length))
      sets.push(places)
    }
    return names.get(key)
  }
  const steps = new Map()
  return {
    start: nameOf(closureOf([nfa.start])),
    step(state, digit) {
      const key = `${state}:${digit}`
      if (steps.has(key)) return steps.get(key)
      const reached = sets[state].flatMap((place) =>
        nfa.moves[place].filter(([set]) => set.has(digit)).map(([, to]) => to),
      )
      const next = reached.length === 0 ? undefined : nameOf(closureOf(reached))
      steps.set(key, next)
      return next
    },
    accepts: (state) => sets[state].includes(nfa.end),
  }
}

function parse(source) {
  let at = 0
  const fail = () => {
    throw new Error(`unknown syntax at ${at} of /${source}/`)
  }
  const alternatives = () => {
    const options = [sequence()]
    while (source[at] === '|') {
      at += 1
      options.push(sequence())
    }
    return options.length === 1 ? options[0] : { kind: 'or', options }
  }
  const sequence = () => {
    const parts = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') parts.push(repeated())
    return { kind: 'sequence', parts }
  }
  const repeated = () => {
    const part = atom()
    if (source[at] === '?') {
      at += 1
      return { kind: 'repeat', part, min: 0, max: 1 }
    }
    const braces = /^\{(\d+)(?:,(\d+))?\}/.exec(source.slice(at))
    if (braces) {
      at += braces[0].length
      return { kind: 'repeat', part, min: Number(braces[1]), max: Number(braces[2] ?? braces[1]) }
    }
    return part
  }
  const atom = () => {
    const rest = source.slice(at)
    if (rest.startsWith('(')) {
      at += rest.startsWith('(?:') ? 3 : 1
      const inner = alternatives()
      if (source[at] !== ')') fail()
      at += 1
      return inner
    }
    const token = /^(?:\\d|\d|\$|\[(?:\d-\d|\d)+\])/.exec(rest)?.[0] ?? fail()
    at += token.length
    // "$" stands only in national prefixes, where the caller asks no more than whether the pattern may match.
    return token === '$' ? { kind: 'sequence', parts: [] } : { kind: 'digits', set: digitsOf(token) }
  }
  const tree = alternatives()
  if (at !== source.length) fail()
  return tree
}

function digitsOf(token) {
  if (token === '\\d') return new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  const set = new Set()
  for (const [, from, to] of token.replace(/[[\]]/g, '').matchAll(/(\d)(?:-(\d))?/g)) {
    for (let digit = Number(from); digit <= Number(to ?? from); digit += 1) set.add(digit)
  }
  return set
}

function toNfa(tree) {
  const empty = []
  const moves = []
  const place = () => {
    moves.push([])
    return empty.push([]) - 1
  }
  const add = (node, from) => {
    if (node.kind === 'digits') {
      const to = place()
      moves[from].push([node.set, to])
      return to
    }
    if (node.kind === 'sequence') return node.parts.reduce((before, part) => add(part, before), from)
    const to = place()
    if (node.kind === 'or') {
      for (const option of node.options) empty[add(option, from)].push(to)
      return to
    }
    let last = from
    for (let count = 0; count < node.max; count += 1) {
      if (count >= node.min) empty[last].push(to)
      last = add(node.part, last)
    }
    empty[last].push(to)
    return to
  }
  const start = place()
  return { start, end: add(tree, start), empty, moves }
}
