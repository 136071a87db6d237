import { Command, InvalidArgumentError, Option } from 'commander'
import type { ExitCode } from './cli-error.ts'
import { CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { collected, positiveNumber, wholeNumberFrom } from './option-values.ts'

/** Runs a command's action and keeps its exit code. Its module is loaded only now, so that `--help` is quick. */
export type Runner = (action: (context: CliContext) => Promise<ExitCode>) => Promise<void>

/** All commands of `carillon`. `run` is called with the one that was asked for. */
export function buildProgram(version: string, run: Runner): Command {
  const program = new Command('carillon')
    .description('Calls a list of people through a voice agent: everyone once, with the outcome known.')
    .version(version, '-V, --version', 'print the version')
    .option('--url <address>', 'where the server is (CARILLON_URL; default http://127.0.0.1:8080)')
    .option('--key <token>', 'API key (CARILLON_API_KEY; default: that of the first start on this machine)')
    .showHelpAfterError('carillon --help shows all commands.')
  addServerCommands(program, run)
  addCallCommand(program, run)
  addBatchCommands(program, run)
  addAgentAndTrunkCommands(program, run)
  addNumberAndKeyCommands(program, run)
  addSuppressCommand(program, run)
  addEraseCommand(program, run)
  addAuditCommands(program, run)
  addWebhookCommands(program, run)
  return program
}

function addServerCommands(program: Command, run: Runner): void {
  program
    .command('start')
    .description('run the server (PORT, CARILLON_DATA_DIR, DATABASE_URL; see docs/reference/config.md)')
    .action(() => run(async (context) => (await import('./start.ts')).start(context)))
  program
    .command('demo')
    .description('call 200 people on a simulated telephone network and watch; takes under a minute')
    .action(() => run(async (context) => (await import('./demo.ts')).demo(context)))
  program
    .command('doctor')
    .description('look at machine, database, port and API, and say what is wrong')
    .option('--json', 'one JSON object a line')
    .action((_options, command: Command) =>
      run(async (context) => (await import('./doctor.ts')).doctor(command.optsWithGlobals(), context)),
    )
  program
    .command('loopback')
    .description('run the simulated telephone network as a server of its own')
    .requiredOption('--listen <address>', 'port, or host:port')
    .option('--secret <text>', 'shared with the trunk (CARILLON_LOOPBACK_SECRET; default: one is made)')
    .option('--speed <factor>', 'times faster than a real network', checked(positiveNumber))
    .option('--log <file>', 'write everything the network sees to this file')
    .action((_options, command: Command) =>
      run(async (context) => (await import('./loopback.ts')).loopback(command.optsWithGlobals(), context)),
    )
}

function addCallCommand(program: Command, run: Runner): void {
  program
    .command('call')
    .description('call everyone on a CSV list, and watch')
    .argument('<file>', 'CSV file with a header; one column holds the telephone numbers')
    .option('--agent <agent>', 'who speaks: id, alias or name (default: the only one there is)')
    .option('--from <number>', "caller number (default: the agent's, else the organization's)")
    .option('--trunk <trunk>', 'call from the number of this trunk: id or name')
    .option('--name <name>', 'name of the batch (default: that of the file)')
    .option('--concurrency <calls>', 'calls at once at most', checked(wholeNumberFrom(1)))
    .option('--start-at <instant>', 'not before, such as 2027-01-15T09:00:00Z')
    .option('--expires-at <instant>', 'nobody is called after it')
    .option('--phone-column <header>', 'column with the numbers, where it cannot be guessed')
    .addOption(new Option('--duplicates <what>', 'a number that stands twice').choices(['skip', 'call']))
    .option('--strict', 'refuse a file with bad rows instead of leaving them out')
    .option('--draft', 'store it and do not start it')
    .option('--no-watch', 'return at once; the batch runs by itself')
    .option('--results <file>', "write everyone's outcome to this file at the end")
    .action((file: string, _options, command: Command) =>
      run(async (context) => (await import('./call.ts')).call(file, command.optsWithGlobals(), context)),
    )
}

function addBatchCommands(program: Command, run: Runner): void {
  const batch = program.command('batch').description('list, watch and change batches')
  batch
    .command('list')
    .description('the newest batches')
    .option('--status <status>', 'draft, scheduled, running, paused, completed or cancelled; several with commas')
    .option('--limit <count>', 'how many', checked(wholeNumberFrom(1, 100)))
    .option('--json', 'one JSON object a line')
    .action((_options, command: Command) =>
      run(async (context) => (await import('./batch.ts')).listBatches(command.optsWithGlobals(), context)),
    )
  const named = (name: 'watch' | 'show', description: string): void => {
    batch
      .command(name)
      .description(description)
      .argument('<id>', 'id of the batch')
      .action((id: string, _options, command: Command) =>
        run(async (context) => (await import('./batch.ts'))[name](id, command.optsWithGlobals(), context)),
      )
  }
  named('watch', 'show it live until it is over; Ctrl-C leaves it running')
  named('show', 'show its state, and why it waits if it does')
  const verbs = [
    ['start', 'start a draft, or a scheduled batch before its time'],
    ['pause', 'start no more calls; live calls go on'],
    ['resume', 'go on after a pause'],
    ['cancel', 'start no more calls, for good'],
  ] as const
  for (const [verb, description] of verbs) {
    batch
      .command(verb)
      .description(description)
      .argument('<id>', 'id of the batch')
      .action((batchId: string, _options, command: Command) =>
        run(async (context) =>
          (await import('./batch.ts')).changeBatch({ batchId, verb }, command.optsWithGlobals(), context),
        ),
      )
  }
  batch
    .command('retry')
    .description('call people with these outcomes once more')
    .argument('<id>', 'id of the batch')
    .argument('<outcomes...>', 'such as busy no-answer')
    .action((id: string, outcomes: string[], _options, command: Command) =>
      run(async (context) =>
        (await import('./batch.ts')).retryBatch(id, { ...command.optsWithGlobals(), outcomes }, context),
      ),
    )
  addResultCommands(batch, run)
}

function addResultCommands(batch: Command, run: Runner): void {
  batch
    .command('results')
    .description("everyone's outcome, to standard output or a file")
    .argument('<id>', 'id of the batch')
    .addOption(new Option('--format <format>', 'of the file').choices(['csv', 'jsonl']).default('csv'))
    .option('-o, --output <file>', 'write it to this file')
    .action((batchId: string, _options, command: Command) =>
      run(async (context) =>
        (await import('./batch.ts')).results({ batchId, rejected: false }, command.optsWithGlobals(), context),
      ),
    )
  batch
    .command('rejected')
    .description('rows of the uploaded file that cannot be called, with reasons')
    .argument('<id>', 'id of the batch')
    .option('-o, --output <file>', 'write it to this file')
    .action((batchId: string, _options, command: Command) =>
      run(async (context) =>
        (await import('./batch.ts')).results({ batchId, rejected: true }, command.optsWithGlobals(), context),
      ),
    )
}

function addAgentAndTrunkCommands(program: Command, run: Runner): void {
  const agent = program.command('agent').description('who speaks after the answer')
  addListCommand(agent, 'agent', run)
  agent
    .command('add')
    .description('add an agent')
    .requiredOption('--name <name>', 'for people')
    .option('--kind <kind>', 'announcement (default), or another kind of this version')
    .option('--text <words>', 'what an announcement says; {first_name} stands for that column')
    .option('--wait-for-key <seconds>', 'wait for a key after the text', checked(wholeNumberFrom(0, 60)))
    .option('--stop-key <key>', 'who presses it is never called again')
    .option('--repeat-key <key>', 'who presses it hears the text again')
    .option('--settings <json>', 'JSON, @file, or - for standard input')
    .option('--from <number>', 'its default caller number')
    .option('--alias <alias>', 'another id it answers to; may be repeated', collected)
    .action((_options, command: Command) =>
      run(async (context) => (await import('./resources.ts')).addAgent(command.optsWithGlobals(), context)),
    )
  const trunk = program.command('trunk').description('accounts at carriers, through which calls leave')
  addListCommand(trunk, 'trunk', run)
  trunk
    .command('add')
    .description('add a trunk')
    .requiredOption('--name <name>', 'for people')
    .requiredOption('--carrier <carrier>', 'loopback or sip')
    .option('--settings <json>', 'JSON, @file, or - for standard input; secrets belong in a file')
    .option('--concurrency <calls>', 'calls at once at most', checked(wholeNumberFrom(0)), 10)
    .option('--calls-per-second <rate>', 'calls started in a second at most', checked(positiveNumber), 1)
    .action((_options, command: Command) =>
      run(async (context) => (await import('./resources.ts')).addTrunk(command.optsWithGlobals(), context)),
    )
  trunk
    .command('test')
    .description('ring one telephone through a trunk and say what happened on the way')
    .argument('<trunk>', 'id, alias or name')
    .argument('<number>', 'the telephone to ring, such as +14155550123')
    .option('--from <number>', 'a number of the trunk (default: its oldest)')
    .option('--json', 'one JSON object a line')
    .action((name: string, to: string, _options, command: Command) =>
      run(async (context) =>
        (await import('./test-trunk.ts')).testTrunk({ trunk: name, to }, command.optsWithGlobals(), context),
      ),
    )
}

function addNumberAndKeyCommands(program: Command, run: Runner): void {
  const number = program.command('number').description('numbers to call from')
  addListCommand(number, 'number', run)
  number
    .command('add')
    .description('add a number of a trunk')
    .argument('<number>', 'with its plus, such as +14155550100')
    .option('--trunk <trunk>', 'id or name (default: the only one there is)')
    .option('--alias <alias>', 'another id it answers to; may be repeated', collected)
    .action((e164: string, _options, command: Command) =>
      run(async (context) => (await import('./resources.ts')).addNumber(e164, command.optsWithGlobals(), context)),
    )
  const key = program.command('key').description('API keys')
  addListCommand(key, 'key', run)
  key
    .command('add')
    .description('make a key; it is shown once')
    .requiredOption('--name <name>', 'who or what uses it')
    .option('--read-only', 'it changes nothing')
    .option('--expires-at <time>', 'from when on it is refused, such as 2027-01-01T00:00:00Z')
    .option(
      '--allow-from <range>',
      'only from this address or range, such as 203.0.113.0/24; may be repeated',
      collected,
    )
    .action((_options, command: Command) =>
      run(async (context) => (await import('./resources.ts')).addKey(command.optsWithGlobals(), context)),
    )
  key
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<id>', 'id of the key, crl_…')
    .action((id: string, _options, command: Command) =>
      run(async (context) => (await import('./resources.ts')).revokeKey(id, command.optsWithGlobals(), context)),
    )
}

function addListCommand(parent: Command, kind: 'agent' | 'trunk' | 'number' | 'key', run: Runner): void {
  parent
    .command('list')
    .description(`all ${kind}s`)
    .option('--json', 'one JSON object a line')
    .action((_options, command: Command) =>
      run(async (context) => (await import('./resources.ts')).listResources(kind, command.optsWithGlobals(), context)),
    )
}

function addSuppressCommand(program: Command, run: Runner): void {
  program
    .command('suppress')
    .description('keep numbers from being called, in every batch')
    .argument('[numbers...]', 'with their plus, such as +14155550123')
    .option('--file <file>', 'a file with one number a line, or a CSV file')
    .option('--reason <text>', 'kept with the numbers')
    .option('--remove', 'take the numbers off the list')
    .option('--list', 'show the list')
    .action((numbers: string[], _options, command: Command) =>
      run(async (context) => (await import('./suppress.ts')).suppress(numbers, command.optsWithGlobals(), context)),
    )
}

function addEraseCommand(program: Command, run: Runner): void {
  program
    .command('erase')
    .description('erase a person from all lists; the number is never called again')
    .argument('<number>', 'with its plus, such as +14155550123')
    .action((number: string, _options, command: Command) =>
      run(async (context) => (await import('./erase.ts')).erase(number, command.optsWithGlobals(), context)),
    )
}

function addAuditCommands(program: Command, run: Runner): void {
  const audit = program.command('audit').description('whether the audit log is as it was written')
  audit
    .command('anchor')
    .description('print what to keep elsewhere, once a day: the newest seal of the log')
    .action((_options, command: Command) =>
      run(async (context) => (await import('./audit.ts')).showAnchor(command.optsWithGlobals(), context)),
    )
  audit
    .command('verify')
    .description('compare the log with its seals; exit code 1 when something does not fit')
    .option('--anchor <anchor>', 'one that was kept elsewhere')
    .action((_options, command: Command) =>
      run(async (context) => (await import('./audit.ts')).verifyAudit(command.optsWithGlobals(), context)),
    )
}

function addWebhookCommands(program: Command, run: Runner): void {
  const webhook = program.command('webhook').description('programs that are told what happens')
  const commands = () => import('./webhook.ts')
  webhook
    .command('add')
    .description('have an address told of what happens from now on; its secret is shown once')
    .argument('<url>', 'https address')
    .option('--name <name>', 'for people')
    .option('--kind <kind>', 'only such events, for example recipient-finished; may be repeated', collected)
    .option('--agent <agent>', 'only of this agent: id or alias; may be repeated', collected)
    .option('--batch <batch>', 'only of this batch; may be repeated', collected)
    .action((url: string, _options, command: Command) =>
      run(async (context) => (await commands()).addWebhook(url, command.optsWithGlobals(), context)),
    )
  webhook
    .command('list')
    .description('all webhooks and how they fare')
    .option('--json', 'one JSON object a line')
    .action((_options, command: Command) =>
      run(async (context) => (await commands()).listWebhooks(command.optsWithGlobals(), context)),
    )
  webhook
    .command('remove')
    .description('remove a webhook and what waits for it')
    .argument('<id>', 'id of the webhook')
    .action((id: string, _options, command: Command) =>
      run(async (context) => (await commands()).removeWebhook(id, command.optsWithGlobals(), context)),
    )
  addSwitch(webhook, { name: 'resume', active: true, description: 'set it going again; what waits is delivered' }, run)
  addSwitch(webhook, { name: 'stop', active: false, description: 'send nothing; what happens waits for it' }, run)
  addDeliveryCommands(webhook, run)
}

function addSwitch(
  webhook: Command,
  { name, active, description }: { name: string; active: boolean; description: string },
  run: Runner,
): void {
  webhook
    .command(name)
    .description(description)
    .argument('<id>', 'id of the webhook')
    .option('--skip-waiting', 'give up what waits')
    .action((id: string, _options, command: Command) =>
      run(async (context) =>
        (await import('./webhook.ts')).switchWebhook(id, { active, options: command.optsWithGlobals() }, context),
      ),
    )
}

function addDeliveryCommands(webhook: Command, run: Runner): void {
  webhook
    .command('deliveries')
    .description('what was sent and what it answered, the newest first')
    .argument('<id>', 'id of the webhook')
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'delivered', 'failed']))
    .option('--limit <count>', 'how many (default: 50)', checked(wholeNumberFrom(1, 1000)))
    .option('--json', 'one JSON object a line')
    .action((id: string, _options, command: Command) =>
      run(async (context) => (await import('./webhook.ts')).listDeliveries(id, command.optsWithGlobals(), context)),
    )
  webhook
    .command('resend')
    .description('send events again, with the same ids')
    .argument('<id>', 'id of the webhook')
    .argument('[events...]', 'ids of events, such as 17.3')
    .option('--failed', 'all that were given up')
    .option('--since <instant>', 'with --failed: only what is not older, such as 2027-01-15T09:00:00Z')
    .action((id: string, events: string[], _options, command: Command) =>
      run(async (context) =>
        (await import('./webhook.ts')).resend(id, { events, options: command.optsWithGlobals() }, context),
      ),
    )
}

/** Lets commander say which option is wrong. */
function checked<Value>(read: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return read(text)
    } catch (error) {
      throw error instanceof CliError ? new InvalidArgumentError(error.message) : error
    }
  }
}
