import type { Dialect } from './dialect.ts'
import { native } from './native/dialect.ts'
import { trillet } from './trillet/dialect.ts'
import { ultravox } from './ultravox/dialect.ts'

/** Every wire format of this version. What belongs to none of them is answered in the form of the first. */
export const dialects: readonly [Dialect, ...Dialect[]] = [native, trillet, ultravox]
