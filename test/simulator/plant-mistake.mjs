// Loads the product with one safeguard taken out of its text. Nothing in src/ knows of it:
//   CARILLON_PLANTED_MISTAKE=<name> node --import test/run-typescript.mjs --import test/simulator/plant-mistake.mjs ...
import fs from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { load as loadTypeScript } from '../run-typescript.mjs?hooks'
import { MISTAKES } from './mistakes.mjs'

const HOOKS = '?hooks'
if (!import.meta.url.endsWith(HOOKS)) register(import.meta.url + HOOKS)

const root = new URL('../../', import.meta.url)
const mistake = MISTAKES.find(({ name }) => name === process.env.CARILLON_PLANTED_MISTAKE)
if (!mistake) throw new Error(`There is no mistake ${process.env.CARILLON_PLANTED_MISTAKE}`)

/** The text of a file of the product with the mistake in it. Throws unless what it replaces stands there once. */
export function planted(url, { changes }) {
  let text = fs.readFileSync(fileURLToPath(url), 'utf8')
  for (const { file, find, put } of changes) {
    if (new URL(file, root).href !== url) continue
    if (text.split(find).length !== 2) throw new Error(`${file} must hold this once: ${find}`)
    text = text.replace(find, () => put)
  }
  return text
}

export async function load(url, context, nextLoad) {
  if (!mistake.changes.some(({ file }) => new URL(file, root).href === url)) return nextLoad(url, context)
  return loadTypeScript(url, context, nextLoad, planted(url, mistake))
}
