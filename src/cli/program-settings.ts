/** Variables that the commands read and the server does not. */
export const CLI_SETTINGS: ReadonlySet<string> = new Set([
  'CARILLON_URL',
  'CARILLON_API_KEY',
  'CARILLON_LOOPBACK_SECRET',
])
