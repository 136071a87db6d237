import path from 'node:path'
import { dialects } from '../src/dialects/registry.ts'

/** The files of a repository: path with `/` from its root, and text. */
export type Tree = ReadonlyMap<string, string>
/** Returns what is wrong, one sentence each. */
export type TidyCheck = (tree: Tree) => string[]

const isTest = (file: string) => /^(test|bench|verify)\/|\.(test|conformance)\.ts$/.test(file)
const isSource = (file: string) => /^src\/.*\.ts$/.test(file) && !isTest(file)
const isMarkdown = (file: string) => file.endsWith('.md')
const isWritten = (file: string) => !/package-lock\.json$|\.generated\.ts$|^LICENSE$/.test(file)

/** Every match of a pattern in the files that `where` picks, as `file:line: text`. */
function matches(tree: Tree, where: (file: string) => boolean, pattern: RegExp): string[] {
  const found: string[] = []
  for (const [file, text] of tree) {
    if (!where(file) || !pattern.test(text)) continue
    text.split('\n').forEach((line, index) => {
      if (pattern.test(line)) found.push(`${file}:${index + 1}: ${line.trim()}`)
    })
  }
  return found
}

const KIND_FILES = {
  carriers: ['carrier.ts', 'cause.ts', 'config.ts', 'README.md'],
  dialects: ['dialect.ts', 'wire.ts', 'decode.ts', 'encode.ts', 'errors.ts', 'README.md'],
  agents: ['agent.ts'],
} as const

/** Whoever knows one carrier, dialect or agent finds his way in all of them. */
export const kindFolders: TidyCheck = (tree) =>
  Object.entries(KIND_FILES).flatMap(([part, names]) => {
    const folders = new Set([...tree.keys()].flatMap((file) => new RegExp(`^src/${part}/[^/]+/`).exec(file) ?? []))
    const wanted = [...folders].flatMap((folder) => names.map((name) => folder + name))
    return wanted.filter((file) => !tree.has(file)).map((file) => `${file} is missing`)
  })

/** The map shows every folder of src/, and shows no other. */
export const codemap: TidyCheck = (tree) => {
  const folders = new Set([...tree.keys()].flatMap((file) => /^src\/[^/]+\//.exec(file) ?? []))
  const named = new Set(tree.get('ARCHITECTURE.md')?.match(/\bsrc\/[a-z-]+\//g) ?? [])
  return [
    ...[...folders].filter((folder) => !named.has(folder)).map((folder) => `ARCHITECTURE.md does not name ${folder}`),
    ...[...named]
      .filter((folder) => !folders.has(folder))
      .map((folder) => `ARCHITECTURE.md names ${folder}: no such folder`),
  ]
}

/** What is left to do stands in an issue, not in the code. */
export const noNotesToSelf: TidyCheck = (tree) =>
  matches(tree, isWritten, new RegExp('\\b(TO' + 'DO|FIX' + 'ME|XX' + 'X)\\b'))

export const fileNames: TidyCheck = (tree) => {
  const vague = /[-/](utils?|helpers?|manager|common|misc)[.-]|\/(process|handle)[.-]|\/index\.\w+$/
  return [...tree.keys()]
    .filter((file) => /^(src|test|scripts)\//.test(file) && vague.test(file))
    .map((file) => `${file} says nothing`)
}

export const fileSize: TidyCheck = (tree) => {
  const lines = (text: string) => text.split('\n').length - 1
  const long = [...tree].filter(([file, text]) => /\.(ts|mjs)$/.test(file) && isWritten(file) && lines(text) > 500)
  return long.map(([file, text]) => `${file} has ${lines(text)} lines; 500 is the most`)
}

/** No test is left out, and none makes the others be left out. */
export const testsRun: TidyCheck = (tree) =>
  matches(tree, (file) => file.endsWith('.test.ts'), /\b(it|test|describe)(\.\w+)*\.(only|skip|todo|fails)\b/)

function withoutCode(markdown: string): string {
  return markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')
}

/** The anchor that a heading gets when it is shown. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}

export const markdown: TidyCheck = (tree) => {
  const anchors = (file: string) =>
    new Set(
      [...(tree.get(file) ?? '').replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
        anchorOf(text!),
      ),
    )
  const exists = (target: string) => tree.has(target) || [...tree.keys()].some((file) => file.startsWith(`${target}/`))
  return [...tree]
    .filter(([file]) => isMarkdown(file))
    .flatMap(([file, text]) => {
      const prose = withoutCode(text)
      const titles = prose.match(/^# /gm)?.length ?? 0
      const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, link]) => link!)
        .filter((link) => !/^[a-z]+:/.test(link))
      const broken = links.filter((link) => {
        const [to = '', anchor] = link.split('#')
        const target =
          to === '' ? file : path.posix.normalize(path.posix.join(path.posix.dirname(file), to)).replace(/\/$/, '')
        return !exists(target) || (anchor !== undefined && !anchors(target).has(anchor))
      })
      return [
        ...(titles === 1 ? [] : [`${file} has ${titles} titles`]),
        ...broken.map((link) => `${file} links to ${link}, which does not exist`),
      ]
    })
}

/** The newest entry of the changelog is the version, or the work that follows it. */
export const versions: TidyCheck = (tree) => {
  const { version } = JSON.parse(tree.get('package.json') ?? '{}') as { version?: string }
  const released = /^## (\d+\.\d+\.\d+)/m.exec(tree.get('CHANGELOG.md') ?? '')?.[1]
  const locked = (JSON.parse(tree.get('package-lock.json') ?? '{}') as { version?: string }).version
  return [
    ...(released === version ? [] : [`CHANGELOG.md ends at ${released}, package.json is at ${version}`]),
    ...(locked === version ? [] : [`package-lock.json is at ${locked}, package.json is at ${version}`]),
  ]
}

/** Whoever installs gets packages from where he is told to, by their hash. */
export const lockFiles: TidyCheck = (tree) =>
  matches(tree, (file) => file.endsWith('package-lock.json'), /"resolved": "https?:/)

/** The repository speaks of no machine, and of nothing that is not in it. */
export const noForeignPlaces: TidyCheck = (tree) => {
  const places = new RegExp(
    '(^|[^\\w.])/(ro' + 'ot/|ho' + 'me/\\w|wo' + 'rk/|Us' + 'ers/\\w)|\\b(rulings|design|dial-safety)\\.md',
  )
  // Programs make temporary files; pages and figures name none.
  const temporary = matches(tree, (file) => /\.(md|jsonl)$/.test(file), /(^|[^\w.])\/tmp\//)
  return [...matches(tree, isWritten, places), ...temporary]
}

const VENDORS = dialects.map(({ name }) => name).filter((name) => name !== 'native')

/** A product's name lives in its dialect, in the registry, in the demo, and where people read or test. */
export const vendorWords: TidyCheck = (tree) =>
  VENDORS.flatMap((vendor) => {
    const home = new RegExp(`^src/dialects/(${vendor}/|registry\\.ts)|^src/cli/demo`)
    const elsewhere = (file: string) =>
      /^(src|migrations|scripts)\//.test(file) && !isTest(file) && !isMarkdown(file) && !home.test(file)
    return matches(tree, elsewhere, new RegExp(vendor, 'i'))
  })

export const units: TidyCheck = (tree) => {
  const field = /\b(\w*(?:timeout|delay|duration|interval|ttl)\w*)\??: number\b/gi
  const unit = /(Ms|Milliseconds|Seconds|Minutes|Hours|Days)$/
  const inModel = [...tree].filter(([file]) => isSource(file) && file.startsWith('src/model/'))
  return inModel.flatMap(([file, text]) =>
    [...text.matchAll(field)]
      .filter(([, name]) => !unit.test(name!))
      .map(([, name]) => `${file}: ${name} does not end in its unit`),
  )
}

/** Where the time may be asked for, and why. Everything else is given a `Clock`, or the gate's time. */
const TIME_EXCEPTIONS: readonly (readonly [place: RegExp, reason: string])[] = [
  [/^src\/clock\.ts$/, 'is the clock'],
  [/^src\/embedded-postgres\//, 'waits for a server process, which runs at the speed of the machine'],
  [/^src\/cli\//, 'shows people how long they waited; decides about no call'],
]

export const time: TidyCheck = (tree) => {
  const inCode = /Date\.now\b|new Date\(\)|performance\.now\b|\bhrtime\b|Temporal\.Now|\bset(Timeout|Interval)\b/
  const inSql =
    /(?<!Date\.|performance\.)\b(now|clock_timestamp|(statement|transaction)_timestamp|timeofday)\(\)|\b(CURRENT_(TIMESTAMP|TIME|DATE)|LOCALTIME(STAMP)?)\b/i
  const excepted = (file: string) => TIME_EXCEPTIONS.some(([place]) => place.test(file))
  const ours = /carillon_now\(\)/g
  const withoutOurs = new Map(
    [...tree].map(([file, text]) => [file, text.replace(/^CREATE FUNCTION carillon_now.*$/m, '').replace(ours, '')]),
  )
  return [
    ...matches(withoutOurs, (file) => isSource(file) && !excepted(file), inCode),
    ...matches(withoutOurs, (file) => isSource(file) || file.startsWith('migrations/'), inSql),
  ]
}

export const environment: TidyCheck = (tree) =>
  matches(
    tree,
    (file) => isSource(file) && !/^src\/(config\.ts|cli\/)/.test(file),
    /process\.env\b|process\[|\benv\b.*from 'node:process'/,
  )
