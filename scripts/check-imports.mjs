// Holds the imports of src/, and of what runs it, to scripts/import-rules.mjs, and refuses cycles. Fails as well when it
// has seen suspiciously little: a parser that reads nothing finds nothing.
// node scripts/check-imports.mjs [--root <folder>] [--modules-min <count>]
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cruise } from 'dependency-cruiser'
import { MAY_IMPORT, RULES, TYPES_ONLY } from './import-rules.mjs'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
    'modules-min': { type: 'string', default: '100' },
  },
})
const root = path.resolve(values.root)
const modulesMin = Number(values['modules-min'])
process.chdir(root)

const folders = ['src', 'test', 'bench', 'verify'].filter((folder) => fs.existsSync(folder))
const { output } = await cruise(folders, {
  baseDir: root,
  // TypeScript 7 has no API that the cruiser could read with.
  parser: 'swc',
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  validate: true,
  ruleSet: { forbidden: RULES.map((rule) => ({ severity: 'error', ...rule })) },
})
const modules = output.modules.filter(({ source }) => /^(src|test|bench|verify)\//.test(source))
const edges = modules.flatMap(({ source, dependencies }) => {
  const types = typeImports(source)
  return dependencies.map(({ module, resolved }) => ({ from: source, to: resolved, typeOnly: types.has(module) }))
})

const comments = new Map(RULES.map(({ name, comment }) => [name, comment]))
const faults = [
  ...output.summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} -> ${to} (${comments.get(rule.name)})`,
  ),
  ...TYPES_ONLY.flatMap((rule) => valueImports(rule)),
  ...cycles().map((cycle) => `no-cycles: ${cycle.join(' -> ')}`),
  ...unseen(),
]
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
else console.log(`Imports: ${modules.length} modules, ${edges.length} imports, none forbidden.`)

/** Specifiers that a file imports with `import type` and in no other way. */
function typeImports(file) {
  const statements = /^\s*(?:import|export)\s+(type\s)?[\w\s{},*$]*?\bfrom\s+['"]([^'"]+)['"]/gm
  const found = [...fs.readFileSync(file, 'utf8').matchAll(statements)]
  const valued = new Set(found.filter(([, type]) => type === undefined).map(([, , specifier]) => specifier))
  return new Set(found.map(([, , specifier]) => specifier).filter((specifier) => !valued.has(specifier)))
}

function valueImports({ name, from, to, not }) {
  const found = edges.filter(
    (edge) => from.test(edge.from) && !not.test(edge.from) && to.test(edge.to) && !edge.typeOnly,
  )
  return found.map((edge) => `${name}: ${edge.from} -> ${edge.to} (import its types only)`)
}

/** Imports of types count too: what cannot be read in an order has no order. */
function cycles() {
  const next = new Map(modules.map(({ source }) => [source, []]))
  for (const { from, to } of edges) next.get(from).push(to)
  const done = new Set()
  const found = []
  const visit = (file, trail) => {
    const start = trail.indexOf(file)
    if (start >= 0) found.push([...trail.slice(start), file])
    if (start >= 0 || done.has(file)) return
    for (const target of next.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const { source } of modules) visit(source, [])
  return found
}

/** What the rules would pass over in silence. */
function unseen() {
  const parts = [...new Set(modules.map(({ source }) => /^src\/([^/]+\/?)/.exec(source)?.[1]).filter(Boolean))]
  const folders = Object.keys(MAY_IMPORT).filter((part) => part.endsWith('/'))
  return [
    ...(modules.length < modulesMin
      ? [`too-few-modules: ${modules.length} seen, at least ${modulesMin} expected`]
      : []),
    ...parts
      .filter((part) => !(part in MAY_IMPORT) && !part.endsWith('.test.ts'))
      .map((part) => `no-rule: src/${part} stands in no line of scripts/import-rules.mjs`),
    ...folders
      .filter((part) => !edges.some(({ from }) => from.startsWith(`src/${part}`)))
      .map((part) => `no-imports-seen: nothing in src/${part} imports anything`),
  ]
}
