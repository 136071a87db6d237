// Loads the product with one safeguard taken out of its text. Nothing in src/ knows of it (docs/decisions/0010):
//   CARILLON_PLANTED_MISTAKE=<name> node --import test/run-typescript.mjs --import test/simulator/plant-mistake.mjs ...
import { register } from 'node:module'
import { load as loadTypeScript } from '../run-typescript.mjs?hooks'
import { MISTAKES } from './mistakes.mjs'
import { planted, touches } from './plant-mistake-text.mjs'

const HOOKS = '?hooks'
if (!import.meta.url.endsWith(HOOKS)) register(import.meta.url + HOOKS)

const wanted = process.env.CARILLON_PLANTED_MISTAKE
const mistake = MISTAKES.find(({ name }) => name === wanted)
if (!mistake) throw new Error(`There is no mistake ${wanted}`)

export async function load(url, context, nextLoad) {
  if (!touches(url, mistake)) return nextLoad(url, context)
  return loadTypeScript(url, context, nextLoad, planted(url, mistake))
}
