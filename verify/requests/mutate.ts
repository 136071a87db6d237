import type { Random } from '../random.ts'
import { oddKey, oddText, oddValue } from './odd-values.ts'

type Node = Record<string, unknown> | unknown[]

/** Bends a value somewhere inside: another type, a field too many or too few, an item a thousand times. */
export function mutated(random: Random, value: unknown): unknown {
  const nodes: Node[] = []
  collect(value, nodes)
  if (nodes.length === 0 || random.below(20) === 0) return oddValue(random)
  const node = nodes[random.below(nodes.length)]!
  if (Array.isArray(node)) bendList(random, node)
  else bendObject(random, node)
  return value
}

function collect(value: unknown, nodes: Node[]): void {
  if (typeof value !== 'object' || value === null) return
  nodes.push(value as Node)
  for (const child of Object.values(value)) collect(child, nodes)
}

function bendObject(random: Random, node: Record<string, unknown>): void {
  const keys = Object.keys(node)
  const key = keys[random.below(Math.max(keys.length, 1))]
  switch (random.below(4)) {
    case 0:
      // As an own property, also for `__proto__`.
      Object.defineProperty(node, oddKey(random), {
        value: oddValue(random),
        enumerable: true,
        configurable: true,
        writable: true,
      })
      return
    case 1:
      if (key !== undefined) delete node[key]
      return
    case 2:
      if (key !== undefined) node[key] = JSON.stringify(node[key])
      return
    default:
      if (key !== undefined) node[key] = oddValue(random)
  }
}

function bendList(random: Random, node: unknown[]): void {
  switch (random.below(4)) {
    case 0:
      node.length = 0
      return
    case 1:
      node.push(oddValue(random))
      return
    case 2:
      for (let count = random.below(1_200); count > 0; count--) node.push(node[0])
      return
    default:
      node[random.below(node.length)] = oddValue(random)
  }
}

/** Bends the bytes: cut off, a byte changed, doubled, or no JSON at all. */
export function bentBytes(random: Random, text: string): Buffer {
  const bytes = Buffer.from(text)
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length + 1))
    case 1:
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
      return bytes
    case 2:
      return Buffer.concat([bytes, bytes])
    case 3:
      return Buffer.from(`\ufeff${text}`)
    case 4:
      return Buffer.from(text.replace('{', '{"__proto__":{"x":1},'))
    default:
      return Buffer.from(oddText(random))
  }
}
