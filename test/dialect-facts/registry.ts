import { cartesia } from './cartesia.ts'
import type { DialectFacts } from './dialect-facts.ts'
import { elevenlabs } from './elevenlabs.ts'
import { native } from './native.ts'
import { retell } from './retell.ts'
import { trillet } from './trillet.ts'
import { ultravox } from './ultravox.ts'
import { zudu } from './zudu.ts'

/** By the name of the wire format; `test/features/isolation.test.ts` holds it against the product's own registry. */
export const DIALECT_FACTS = {
  native,
  trillet,
  ultravox,
  cartesia,
  zudu,
  retell,
  elevenlabs,
} as const satisfies Record<string, DialectFacts>

export type DialectName = keyof typeof DIALECT_FACTS
export const DIALECT_NAMES = Object.keys(DIALECT_FACTS) as DialectName[]
