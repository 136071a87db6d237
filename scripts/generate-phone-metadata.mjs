// Compiles the "max" metadata of libphonenumber-js into one automaton over the digits of an E.164 number and writes
// src/model/phone-number-metadata.generated.ts.
//
//   node scripts/generate-phone-metadata.mjs           writes the file
//   node scripts/generate-phone-metadata.mjs --check   exits with 1 when the file is not what would be written
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compilePattern } from './phone-pattern.mjs'

const require = createRequire(import.meta.url)
const metadata = require('libphonenumber-js/metadata.max.json')
const version = JSON.parse(readFileSync(require.resolve('libphonenumber-js/package.json'), 'utf8')).version
const target = new URL('../src/model/phone-number-metadata.generated.ts', import.meta.url)

// Positions inside a plan of the metadata file (its METADATA.md lists them).
const [PATTERN, LENGTHS, NATIONAL_PREFIX, PREFIX_FOR_PARSING, TRANSFORM, LEADING, TYPES] = [2, 3, 5, 7, 8, 10, 11]
// Kinds in the order in which the library tries them; the number is the position in a plan's list of types.
const KINDS_BY_POSITION = [
  ['mobile', 1],
  ['premium', 3],
  ['toll-free', 2],
  ['shared-cost', 9],
  ['voip', 8],
  ['personal', 4],
  ['pager', 7],
  ['uan', 6],
  ['voicemail', 5],
]
const KINDS = ['unknown', 'fixed', 'fixed-or-mobile', ...KINDS_BY_POSITION.map(([kind]) => kind)]
const MAX_DIGITS = 15

const countryNames = Object.keys(metadata.countries).sort()
const outcomes = new Map()
const outcomeList = []

/** An outcome is one number: country (0 = none) * 32 + kind (0 = not valid) * 2 + "a national prefix may be there". */
function outcomeIndex(country, kind, mayHavePrefix) {
  const code = (country === undefined ? 0 : countryNames.indexOf(country) + 1) * 32 + kind * 2 + (mayHavePrefix ? 1 : 0)
  if (!outcomes.has(code)) {
    outcomes.set(code, outcomeList.length)
    outcomeList.push(code)
  }
  return outcomes.get(code)
}

/** The patterns of one plan, each compiled to a small automaton of its own. */
function compilePlan(name, plan) {
  const general = compilePattern(plan[PATTERN])
  const types = (plan[TYPES] ?? []).map((type) =>
    type?.[0] ? { pattern: compilePattern(type[0]), lengths: new Set(type[1] ?? plan[LENGTHS]) } : undefined,
  )
  const leading = plan[LEADING] ? compilePattern(String(plan[LEADING])) : undefined
  const mobileIsFixed = !plan[TYPES]?.[1] || plan[TYPES][1][0] === ''
  return { name, general, types, leading, mobileIsFixed }
}

/** The matchers of a calling code run side by side; a state of the whole is the list of their states. */
function compileCallingCode(callingCode) {
  const names = metadata.country_calling_codes[callingCode]
  const plans = names
    ? names.map((name) => compilePlan(name, metadata.countries[name]))
    : [compilePlan(undefined, metadata.nonGeographic[callingCode])]
  const main = names ? metadata.countries[names[0]] : metadata.nonGeographic[callingCode]
  const prefix = main[PREFIX_FOR_PARSING] || main[NATIONAL_PREFIX]
  const matchers = []
  const slot = (automaton, sticky) => matchers.push({ automaton, sticky }) - 1
  for (const plan of plans) {
    plan.generalSlot = slot(plan.general, false)
    plan.typeSlots = plan.types.map((type) => (type ? slot(type.pattern, false) : -1))
    plan.leadingSlot = plan.leading ? slot(plan.leading, true) : -1
  }
  const prefixSlot = prefix ? slot(compilePattern(String(prefix)), true) : -1
  return { plans, matchers, prefixSlot }
}

const MATCHED = 'matched'

/** A sticky matcher asks whether the number begins with the pattern, the others whether it is the pattern. */
function step(matcher, state, digit) {
  if (state === MATCHED || state === undefined) return state
  const next = matcher.automaton.step(state, digit)
  if (next === undefined) return undefined
  return matcher.sticky && matcher.automaton.accepts(next) ? MATCHED : next
}

function kindOf(plan, matchers, states, length) {
  const whole = (slot) => {
    if (slot < 0) return false
    const state = states[slot]
    return state !== undefined && matchers[slot].automaton.accepts(state)
  }
  if (!whole(plan.generalSlot)) return 0
  const ofType = (position) => whole(plan.typeSlots[position] ?? -1) && plan.types[position].lengths.has(length)
  if (ofType(0)) return KINDS.indexOf(plan.mobileIsFixed || ofType(1) ? 'fixed-or-mobile' : 'fixed')
  const found = KINDS_BY_POSITION.find(([, position]) => ofType(position))
  return found ? KINDS.indexOf(found[0]) : 0
}

function outcomeOf({ plans, matchers, prefixSlot }, states, length) {
  let chosen
  if (plans.length === 1) {
    chosen = plans[0]
  } else {
    chosen = plans.find((plan) =>
      plan.leadingSlot >= 0 ? states[plan.leadingSlot] === MATCHED : kindOf(plan, matchers, states, length) > 0,
    )
  }
  const kind = kindOf(chosen ?? plans[0], matchers, states, length)
  return outcomeIndex(chosen?.name, kind, prefixSlot >= 0 && states[prefixSlot] === MATCHED)
}

// Nodes of the whole automaton, shared when they have the same outcome and the same ten children.
const nodes = []
const nodeIds = new Map()
function intern(outcome, children) {
  const key = `${outcome}:${children === undefined ? 'sink' : children.join()}`
  let id = nodeIds.get(key)
  if (id === undefined) {
    id = nodes.length
    nodes.push({ outcome, children: children ?? new Array(10).fill(id) })
    nodeIds.set(key, id)
  }
  return id
}

const NOTHING = intern(outcomeIndex(undefined, 0, false), undefined)

function buildCallingCode(callingCode) {
  const code = compileCallingCode(callingCode)
  const longest = MAX_DIGITS - callingCode.length
  const memo = new Map()
  const build = (states, length) => {
    const outcome = outcomeOf(code, states, length)
    const decided = states.every((state) => state === undefined || state === MATCHED)
    if (decided || length === longest) return intern(outcome, undefined)
    const key = `${length}|${states.join()}`
    const known = memo.get(key)
    if (known !== undefined) return known
    const children = []
    for (let digit = 0; digit <= 9; digit += 1) {
      const next = states.map((state, index) => step(code.matchers[index], state, digit))
      children.push(build(next, length + 1))
    }
    const id = intern(outcome, children)
    memo.set(key, id)
    return id
  }
  return build(
    code.matchers.map(({ automaton }) => automaton.start),
    0,
  )
}

function buildRoot() {
  const tree = {}
  for (const callingCode of [
    ...Object.keys(metadata.country_calling_codes),
    ...Object.keys(metadata.nonGeographic),
  ].sort()) {
    let place = tree
    for (const digit of callingCode.slice(0, -1)) {
      place[digit] ??= {}
      place = place[digit]
    }
    place[callingCode.at(-1)] = buildCallingCode(callingCode)
  }
  const flatten = (place) => {
    if (place === undefined) return NOTHING
    if (typeof place === 'number') return place
    return intern(
      outcomeIndex(undefined, 0, false),
      Array.from({ length: 10 }, (_, digit) => flatten(place[digit])),
    )
  }
  return flatten(tree)
}

/** Each node: its outcome, then runs of equal children (how many, who), all in base 128 with a continuation bit. */
function encodeNodes() {
  const bytes = []
  const put = (value) => {
    let rest = value
    while (rest > 127) {
      bytes.push((rest & 127) | 128)
      rest >>= 7
    }
    bytes.push(rest)
  }
  for (const [id, { outcome, children }] of nodes.entries()) {
    put(outcome)
    for (let digit = 0; digit < 10; ) {
      let end = digit + 1
      while (end < 10 && children[end] === children[digit]) end += 1
      // A child was always made before its parent, so the distance back is small and never negative.
      put((id - children[digit]) * 10 + (end - digit - 1))
      digit = end
    }
  }
  return Buffer.from(bytes).toString('base64')
}

function planRows() {
  const row = (name, plan) =>
    JSON.stringify([
      name,
      plan[0],
      String(plan[1] || ''),
      plan[PATTERN],
      String(plan[PREFIX_FOR_PARSING] || plan[NATIONAL_PREFIX] || ''),
      String(plan[TRANSFORM] || ''),
      plan[LENGTHS],
      metadata.country_calling_codes[plan[0]]?.[0] === name,
    ])
  const rows = countryNames.map((name) => row(name, metadata.countries[name]))
  for (const code of Object.keys(metadata.nonGeographic).sort()) rows.push(row('', metadata.nonGeographic[code]))
  return rows
}

const root = buildRoot()
if (nodes.length > 65_535) throw new Error(`${nodes.length} nodes do not fit in 16 bits`)
const text = `// Generated by scripts/generate-phone-metadata.mjs from libphonenumber-js ${version} (metadata.max.json); do not edit.
// The data is Google's libphonenumber metadata, Apache-2.0.

/** Names of kinds of numbers; an outcome holds a position in this list. */
export const NUMBER_KINDS = ${JSON.stringify(KINDS)} as const

/** ISO 3166 codes; an outcome holds a position in this list plus one, 0 being none. */
export const COUNTRY_NAMES: readonly string[] = ${JSON.stringify(countryNames)}

/** Outcome codes: country * 32 + kind * 2 + 1 if the digits after the calling code may begin with a national prefix. */
export const OUTCOMES: readonly number[] = ${JSON.stringify(outcomeList)}

export const NODE_COUNT = ${nodes.length}
export const ROOT_NODE = ${root}

/**
 * Plans: country (empty for a calling code without one), calling code, pattern of the international prefix, pattern of
 * the national number, pattern of the national prefix, what it is replaced by, possible lengths, and whether it is the
 * main country of its calling code.
 */
export const PLANS: readonly (readonly [string, string, string, string, string, string, readonly number[], boolean])[] = [
${planRows()
  .map((row) => `  ${row},`)
  .join('\n')}
]

/** Per node: its outcome, then runs of equal children as (distance back * 10 + run length - 1), base 128. */
export const ENCODED_NODES =
  '${encodeNodes()}'
`

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/model/phone-number-metadata.generated.ts is stale: run node scripts/generate-phone-metadata.mjs')
    process.exitCode = 1
  }
} else {
  writeFileSync(target, text)
  console.log(`${nodes.length} nodes, ${outcomeList.length} outcomes, ${text.length} bytes`)
}
