import type { Mistake } from './mistakes.mjs'

export function touches(url: string, mistake: Mistake): boolean
export function planted(url: string, mistake: Mistake): string
