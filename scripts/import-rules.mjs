// Which part of the product may know which. `ARCHITECTURE.md` draws the picture; this is the law, and
// `scripts/check-imports.mjs` holds the code to it.

const TESTS = '\\.(test|conformance)\\.ts$'
const ERRORS = 'errors\\.ts$'
const CLOCK = 'clock\\.ts$'
/** The interfaces are known where the kinds behind them must not be. */
const CARRIER_INTERFACE = 'carriers/carrier\\.ts$'
const AGENT_INTERFACE = 'agents/agent\\.ts$'
/** What a carrier that carries sound itself may know: the interfaces, the announcement, and what plays without packets. */
const MEDIA_INTERFACE = 'media/(media-engine|prompt|announcement|pacer|prompt-player)\\.ts$'
const VOICES_INTERFACE = 'voices/voices\\.ts$'

/** What a dialect needs to know to have webhooks in its own form. */
const WEBHOOK_FORM = 'webhooks/(webhook|invitation)-form\\.ts$'

/** For each folder and top-level file of src/: what it may import of src/, beside itself. */
export const MAY_IMPORT = {
  'model/': [ERRORS],
  'csv/': ['model/', ERRORS],
  'store/': ['model/', ERRORS, CLOCK],
  'commands/': ['store/', 'model/', 'csv/', ERRORS, CLOCK],
  'dialects/': ['commands/', 'model/', 'csv/', ERRORS, CLOCK, WEBHOOK_FORM],
  // Addresses that users give: judged when they are stored, and again by whoever connects to them.
  'targets/': [ERRORS, CLOCK],
  'webhooks/': ['commands/', 'store/', 'model/', 'targets/', ERRORS, CLOCK],
  'http/': ['dialects/', 'commands/', 'model/', ERRORS, CLOCK, 'logger\\.ts$', CARRIER_INTERFACE],
  'carriers/': ['model/', 'sip/', 'targets/', CLOCK, MEDIA_INTERFACE, VOICES_INTERFACE],
  // Signalling and nothing else: no sound, no database, no batch.
  'sip/': [CLOCK, 'udp/'],
  // Packets and nothing else: no signalling, no database, no agent.
  'media/': [CLOCK, 'udp/'],
  // Sockets by system calls; what the datagrams hold is others' affair.
  'udp/': [],
  // Texts become sound; of the media path it knows what a prompt is and its codec.
  'voices/': ['media/(prompt|g711|resample)\\.ts$', CLOCK],
  'agents/': ['model/', CLOCK, 'targets/', CARRIER_INTERFACE, VOICES_INTERFACE],
  'dispatcher/': ['store/', 'model/', CLOCK, CARRIER_INTERFACE, AGENT_INTERFACE],
  // Makes a server run; that a database is in it is the store's affair.
  'embedded-postgres/': ['store/database\\.ts$', CLOCK],
  // Commands of the CLI speak the HTTP API. `start` and `demo` run the product through main.ts, `demo` and
  // `loopback` run the simulated network outside of it, and `doctor` asks a database about itself when no server runs.
  'cli/': [
    'main\\.ts$',
    'config\\.ts$',
    'logger\\.ts$',
    'model/',
    ERRORS,
    CLOCK,
    'csv/',
    'carriers/loopback/',
    'sip/private-address\\.ts$',
    // Whether threads of sound may go before other work, and move many packets at once, only trying tells.
    'udp/system-calls\\.ts$',
    'udp/packet-rings\\.ts$',
    'store/database-settings\\.ts$',
  ],
  'errors.ts': [],
  'clock.ts': [],
  'garbage-collection.ts': [],
  'config.ts': [],
  // It must know what a telephone number looks like to keep it out of the log.
  'logger.ts': ['model/'],
  'metrics.ts': [
    'dispatcher/dispatcher\\.ts$',
    'webhooks/deliverer\\.ts$',
    'sip/endpoint\\.ts$',
    'media/media-engine\\.ts$',
    'attention-watch\\.ts$',
    'model/',
  ],
  // Asks commands from time to time and keeps what the metrics show.
  'attention-watch.ts': ['commands/', 'model/', CLOCK],
  // Lets commands work from time to time.
  'housekeeper.ts': ['commands/', CLOCK],
  // Puts everything together, so it may know everything.
  'main.ts': ['.'],
}

const DRIVERS = '(^|node_modules/)(@types/)?(pg|pg-copy-streams)(/|$)'
const KINDS = '(carriers|dialects|agents)'

export const RULES = [
  ...Object.entries(MAY_IMPORT).map(([part, allowed]) => ({
    name: `${part.replace(/\/$|\.ts$/, '')}-imports`,
    comment: `src/${part} may import only what scripts/import-rules.mjs lists for it`,
    from: { path: `^src/${part.replace('.', '\\.')}`, pathNot: TESTS },
    to: { path: '^src/', pathNot: [part, ...allowed].map((path) => `^src/${path}`) },
  })),
  {
    name: 'model-needs-no-package',
    comment: 'src/model/ is pure: no package but temporal-polyfill',
    from: { path: '^src/model/', pathNot: TESTS },
    to: { path: 'node_modules/', pathNot: 'node_modules/temporal-polyfill/' },
  },
  {
    name: 'sql-only-in-store',
    comment: 'The drivers of the database are known in src/store/ only',
    from: { path: '^src/', pathNot: `^src/store/|${TESTS}` },
    to: { path: DRIVERS },
  },
  {
    name: 'kinds-know-no-other-kind',
    comment: 'A carrier, dialect or agent knows no other one',
    from: { path: `^src/${KINDS}/([^/]+)/` },
    to: { path: '^src/$1/[^/]+/', pathNot: '^src/$1/$2/' },
  },
  {
    name: 'only-registries-name-a-kind',
    comment: 'A carrier, dialect or agent is named in its registry and nowhere else',
    from: {
      path: '^src/',
      pathNot: [`^src/${KINDS}/(registry\\.ts$|[^/]+/)`, '^src/cli/(loopback|demo)\\.ts$', TESTS],
    },
    to: { path: `^src/${KINDS}/[^/]+/` },
  },
  {
    name: 'no-development-packages',
    comment: 'What runs in production may need no development dependency',
    from: { path: '^src/', pathNot: TESTS },
    to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
  },
  {
    name: 'no-tests-in-the-product',
    comment: 'Nothing in src/ but its tests may import test/, bench/, verify/ or scripts/',
    from: { path: '^src/', pathNot: TESTS },
    to: { path: `^(test|bench|verify|scripts)/|${TESTS}` },
  },
  {
    name: 'imports-exist',
    comment:
      'Every import must lead somewhere; the peers that benches run against are a package of their own, and dist/ is there once it is built',
    from: { pathNot: '^bench/peers/' },
    to: { couldNotResolve: true, pathNot: '(^|/)dist/[^/]+\\.js$' },
  },
]

/** Known for their types alone: a dialect hands a file on and commands read it; metrics are given a dispatcher. */
export const TYPES_ONLY = [
  { name: 'dialects-do-not-read-csv', from: /^src\/dialects\//, to: /^src\/csv\//, not: /\.test\.ts$/ },
  {
    name: 'metrics-make-no-dispatcher',
    from: /^src\/metrics\.ts$/,
    to: /^src\/(dispatcher|webhooks)\//,
    not: /\.test\.ts$/,
  },
]
