/** A reason why the embedded PostgreSQL cannot run, worded for the person who started Carillon: the fact, then the remedy. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
}
