/** The connection string of another database on the same server. */
export function databaseUrl(connectionString: string, database: string): string {
  const parts = /^(postgres(?:ql)?:\/\/[^/]*)\/?[^?]*(\?.*)?$/.exec(connectionString)
  if (parts === null) throw new RangeError('A connection string of the form postgres://user@host/database is needed.')
  return `${parts[1]}/${encodeURIComponent(database)}${parts[2] ?? ''}`
}
