import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

/** Whether a mistake changes the file with that address. */
export function touches(url, { changes }) {
  return changes.some(({ file }) => new URL(file, root).href === url)
}

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
