import type { ApiClient } from './api-client.ts'
import { CliError, usageError } from './cli-error.ts'

export interface NamedDocument {
  readonly id: string
  readonly name: string
  readonly aliases?: readonly string[]
}

export interface NumberDocument {
  readonly id: string
  readonly number: string
  readonly trunkId: string
}

/**
 * The agent or trunk that is meant by an id, an alias or a name. Without a word it is the only one there is.
 *
 * @throws CliError that names those there are.
 */
export async function findNamed<Item extends NamedDocument>(
  client: ApiClient,
  kind: 'agent' | 'trunk',
  word: string | undefined,
): Promise<Item> {
  const all = (await client.list<Item & { archivedAt?: string | null }>(`/${kind}s`)).filter(
    ({ archivedAt }) => archivedAt === null || archivedAt === undefined,
  )
  if (word === undefined) {
    const [only, ...others] = all
    if (only !== undefined && others.length === 0) return only
    throw usageError(
      only === undefined ? `There is no ${kind} yet.` : `There are several ${kind}s; say which with --${kind}.`,
      only === undefined ? `Add one with \`carillon ${kind} add\`.` : namesOf(all),
    )
  }
  const exact = all.find((item) => item.id === word || item.aliases?.includes(word))
  if (exact !== undefined) return exact
  const wanted = word.toLowerCase()
  const named = all.filter((item) => item.name.toLowerCase() === wanted)
  if (named.length === 1) return named[0] as Item
  throw new CliError(named.length > 1 ? `Several ${kind}s are called ${word}.` : `There is no ${kind} ${word}.`, {
    remedy: named.length > 1 ? `Give the id instead: ${named.map(({ id }) => id).join(', ')}` : namesOf(all),
  })
}

/**
 * The caller number for a batch. With a trunk, one of its numbers: the one that was named, else the only one it has.
 * Without either it is left to the server, which knows the defaults of agents and organizations.
 */
export async function findCallerNumber(
  client: ApiClient,
  wanted: { readonly from?: string | undefined; readonly trunk?: string | undefined },
): Promise<string | undefined> {
  if (wanted.trunk === undefined) return wanted.from
  const trunk = await findNamed(client, 'trunk', wanted.trunk)
  const numbers = (await client.list<NumberDocument>('/numbers')).filter(({ trunkId }) => trunkId === trunk.id)
  const named = numbers.filter(
    ({ id, number }) => wanted.from === undefined || number === wanted.from || id === wanted.from,
  )
  if (named.length === 1) return named[0]?.number
  const those = numbers.map(({ number }) => number).join(', ')
  if (wanted.from !== undefined) {
    throw usageError(
      `${wanted.from} is not a number of the trunk ${trunk.name}.`,
      those === '' ? 'The trunk has no number; add one with `carillon number add`.' : `Its numbers: ${those}`,
    )
  }
  throw usageError(
    numbers.length === 0 ? `The trunk ${trunk.name} has no number.` : `The trunk ${trunk.name} has several numbers.`,
    numbers.length === 0 ? 'Add one with `carillon number add`.' : `Say which with --from: ${those}`,
  )
}

function namesOf(items: readonly NamedDocument[]): string {
  if (items.length === 0) return 'There is none yet.'
  return `There ${items.length === 1 ? 'is' : 'are'}: ${items.map(({ name }) => name).join(', ')}`
}
