// Lets a test start a program of its own from TypeScript, on every supported Node and without a build:
//   node --import <this file> program.ts
// Types are erased in memory by a load hook, which runs in a thread of its own.
import fs from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'

// Runs in the main thread and in every worker thread it starts; the query tells the thread of the hooks, which runs
// this file too.
const HOOKS = '?hooks'
if (!import.meta.url.endsWith(HOOKS)) register(import.meta.url + HOOKS)
// The compiler is loaded at once in the main thread's hooks, which stay until the process ends: it does not survive being
// unloaded with the last thread that has it and loaded again (SIGSEGV in its start, @swc/core 1.16.22).
else await import('@swc/core')

/** `source`: instead of what stands in the file. */
export async function load(url, context, nextLoad, source) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const { transform } = await import('@swc/core')
  const result = await transform(source ?? fs.readFileSync(fileURLToPath(url), 'utf8'), {
    filename: fileURLToPath(url),
    swcrc: false,
    sourceMaps: 'inline',
    jsc: {
      parser: { syntax: 'typescript' },
      target: 'es2022',
      transform: { verbatimModuleSyntax: true },
    },
    module: { type: 'es6' },
  })
  return { format: 'module', source: result.code, shortCircuit: true }
}
