import { readFileSync } from 'node:fs'
import { usageError } from './cli-error.ts'

/** A whole number from `min` on, as commander's argument parser. */
export function wholeNumberFrom(min: number, max = 1_000_000): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw usageError(`${text} is not a whole number from ${min} to ${max}.`)
  }
}

/** A positive number, such as 0.5 calls a second. */
export function positiveNumber(text: string): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
  if (value > 0) return value
  throw usageError(`${text} is not a number above 0.`)
}

/** Collects an option that may be given several times. */
export function collected(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

/**
 * A JSON object, given as text, as `@file`, or as `-` for standard input: what holds secrets should not stand on the
 * command line, where other users of the machine can read it.
 */
export function jsonObject(text: string, option: string): Record<string, unknown> {
  const source = text === '-' ? readText(0, option) : text.startsWith('@') ? readText(text.slice(1), option) : text
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    throw usageError(`${option} is not JSON.`, `Write ${option} '{"key": "value"}', or @file with the JSON in it.`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError(`${option} is not a JSON object.`, `Write ${option} '{"key": "value"}'.`)
  }
  return value as Record<string, unknown>
}

function readText(file: string | 0, option: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw usageError(`The file of ${option} cannot be read: ${file === 0 ? 'standard input' : file}.`)
  }
}
