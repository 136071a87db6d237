/** Where the dispatcher and its parts write what operators should know. */
export interface DispatcherLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
