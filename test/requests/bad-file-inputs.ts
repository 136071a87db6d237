import { at, type Entry, fieldPart, file, GOOD, MIB, NO_CSV, rows } from './bad-input-cases.ts'

/** Files and the forms they come in. */
export const FILE_INPUTS: readonly Entry[] = [
  {
    id: 59,
    cases: [
      ...file('no file', GOOD, 400, { parts: (agent) => [agent] }),
      ...file('two files', GOOD, 400, { parts: (agent, one) => [agent, one, one] }),
    ],
  },
  { id: 60, cases: [...file('an empty file', '', 400), ...file('a header only', 'phone_number,first_name\n', 400)] },
  {
    id: 61,
    cases: file('one byte more than 32 MiB', Buffer.alloc(32 * MIB + 1, 'x'), 413),
    elsewhere: [at('trillet-forms.test.ts', 'a length that promises 1 GiB')],
  },
  { id: 62, cases: file('no phone column', 'name,city\nAda,London\n', 400) },
  { id: 63, cases: file('a column twice', 'phone_number,a,a\n+12125550100,1,2\n', 400) },
  {
    id: 64,
    cases: [
      ...['__proto__', 'constructor'].flatMap((name) => file(name, `phone_number,${name}\n+12125550100,1\n`, 400)),
      ...file('toString is a name like another', 'phone_number,toString\n+12125550100,1\n', rows(1)),
    ],
  },
  { id: 65, cases: file('a byte order mark', `\ufeff${GOOD}`, rows(1)) },
  {
    id: 66,
    cases: [
      ...file('UTF-16', Buffer.from(`\ufeff${GOOD}`, 'utf16le'), rows(1)),
      ...file('Latin-1', Buffer.from('phone_number,name\n+12125550100,Zoë\n', 'latin1'), rows(1)),
    ],
  },
  {
    id: 67,
    cases: [
      ...file('semicolons', 'phone_number;name\n+12125550100;Ada\n', rows(1)),
      ...file('tabs', 'phone_number\tname\n+12125550100\tAda\n', rows(1)),
    ],
  },
  {
    id: 68,
    cases: file(
      'CR only and mixed ends of lines',
      'phone_number,name\r+12125550100,Ada\r\n+12125550101,Ben\n',
      rows(2),
    ),
  },
  {
    id: 69,
    cases: file(
      'short and long rows',
      'phone_number,name\n+12125550100,Ada\n+12125550101\n+12125550102,Cy,more\n',
      rows(1, 2),
    ),
  },
  {
    id: 70,
    cases: file('a quote without end', `phone_number,note\n+12125550100,"${'x'.repeat(19 * MIB)}`, 400),
    elsewhere: [at('src/csv/recipient-file.test.ts', 'end early and with flat memory when a quote is never closed')],
  },
  { id: 71, cases: file('a field of 19 MB', `phone_number,note\n+12125550100,${'x'.repeat(19 * MIB)}\n`, 400) },
  { id: 72, cases: file('NUL bytes', 'phone_number,name\n+12125550100,A\0da\n', NO_CSV) },
  {
    id: 73,
    cases: file(
      '101 columns',
      `phone_number,${Array.from({ length: 100 }, (_, at) => `c${at}`)}\n+12125550100${',x'.repeat(100)}\n`,
      400,
    ),
  },
  {
    id: 74,
    cases: file(
      'formulas',
      'phone_number,note\n+12125550100,"=HYPERLINK(""x"")"\n+12125550101,@SUM(1)\n+12125550102,-1+1\n',
      rows(3),
    ),
    elsewhere: [at('recipients.test.ts', 'and no cell is a formula')],
  },
  {
    id: 75,
    cases: file('a number that a spreadsheet has shortened', 'phone_number\n+12125550100\n1.4157E+10\n', rows(1, 1)),
  },
  {
    id: 76,
    cases: ['PK\u0003\u0004\u0014\0\u0006\0', '%PDF-1.7\n', '\u0089PNG\r\n\u001a\n'].flatMap((head) =>
      file(head, Buffer.from(`${head}${'x'.repeat(100)}`, 'latin1'), NO_CSV),
    ),
  },
  { id: 77, cases: file('gzip', Buffer.from('1f8b0800000000000003', 'hex'), NO_CSV) },
  {
    id: 78,
    cases: ['../../etc/passwd', 'x'.repeat(10_000)].flatMap((fileName) =>
      file(fileName.slice(0, 20), GOOD, rows(1), { fileName }),
    ),
  },
  {
    id: 79,
    cases: [
      ...file('no boundary', GOOD, 400, { contentType: 'multipart/form-data' }),
      ...file('1,000 characters of boundary', GOOD, 400, {
        contentType: `multipart/form-data; boundary=${'x'.repeat(1_000)}`,
      }),
      ...file('no last boundary', GOOD, 400, { end: '' }),
    ],
  },
  {
    id: 80,
    cases: file('10,000 fields', GOOD, 413, {
      parts: (agent, one) => [agent, one, ...Array.from({ length: 10_000 }, (_, at) => fieldPart(`f${at}`, 'x'))],
    }),
  },
  {
    id: 81,
    cases: file('headers of 1 MB', GOOD, 400, {
      parts: (agent, one) => [agent, `X-Filler: ${'x'.repeat(MIB)}\r\n${one}`],
    }),
  },
  {
    id: 82,
    cases: [
      ...file('the agent after the file', GOOD, rows(1), { parts: (agent, one) => [one, agent] }),
      ...file('no agent', GOOD, 400, { parts: (_agent, one) => [one] }),
    ],
  },
  {
    id: 83,
    cases: ['{enabled: true}', '"yes"'].flatMap((config) =>
      file(config, GOOD, { trillet: 400 }, { fields: { smartCallbackConfig: config } }),
    ),
    elsewhere: [at('trillet-forms.test.ts', 'smartCallbackConfig of another type')],
  },
  {
    id: 84,
    elsewhere: [
      at('trillet-uploads.test.ts', 'leaves nothing of an upload that breaks off, wherever it does'),
      at('http-server.test.ts', 'an upload that breaks off leaves nothing behind'),
    ],
  },
  { id: 85, elsewhere: [at('bad-inputs.test.ts', 'a body that does not come is 408')] },
  { id: 86, cases: file('bad rows only', 'phone_number\n12\nabc\n', 400) },
  {
    id: 87,
    cases: [
      ...file('good and bad rows', 'phone_number\n+12125550100\nabc\n', rows(1, 1)),
      ...file('good and bad rows, strictly', 'phone_number\n+12125550100\nabc\n', 400, {
        fields: { onBadRows: 'reject' },
      }),
    ],
  },
  {
    id: 88,
    elsewhere: [at('idempotent-posts.test.ts', 'the same request twice gets the same answer and changes nothing more')],
  },
]
