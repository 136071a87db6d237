import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects what is not needed any more, all of it or only what is young, without a flag on the command line. */
export const collectGarbage = runInNewContext('gc') as (options?: { type: 'minor' }) => void
