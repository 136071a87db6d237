import { hasBaresip, hasSipp } from './sipp.ts'

/** Says aloud what is missing: a test that is left out in silence tests nothing. */
export function setup(): void {
  const missing = [...(hasSipp ? [] : ['sip-tester']), ...(hasBaresip ? [] : ['baresip-core'])]
  if (missing.length === 0) return
  const text = `SKIPPED: tests against real SIP peers, as ${missing.join(' and ')} is not installed. On Debian: apt-get install ${missing.join(' ')}`
  if (process.env.CI === 'true') throw new Error(text)
  console.error(text)
  process.exit(0)
}
