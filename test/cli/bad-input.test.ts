// What bad input gets: exit status 2, nothing written, and one line that names file and place, says what is
// wrong and how to mend it.

import { mkdirSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostileImage, runCli, scratchFolder } from './command-line.ts';

const scratch = scratchFolder();
const { file } = scratch;

const kernel = file('kernel', hostileImage('masked_loop'));
const folder = join(scratch.path, 'folder');
mkdirSync(folder);
const missing = join(scratch.path, 'missing');

/** One line, no stack trace, the program's name first. */
async function refused(...args: string[]): Promise<string> {
  const before = readdirSync(scratch.path);
  const { status, stdout, stderr } = await runCli(...args);
  expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^xenscope: [^\n]+[.!?]\n$/);
  expect(stderr).not.toMatch(/\n\s+at |undefined|NaN|\[object/);
  expect(readdirSync(scratch.path)).toEqual(before);
  return stderr.trimEnd();
}

// ---- kernels

const patched = (bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array => {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
};

/** An ELF file with one segment: `fields` replace what is right. */
function elf(fields: {
  machine?: number;
  class?: number;
  offset?: bigint;
  address?: bigint;
  fileSize?: bigint;
  memorySize?: bigint;
  entry?: bigint;
  sections?: { offset: bigint; count: number };
}): Uint8Array {
  const bytes = new Uint8Array(0x200);
  const view = new DataView(bytes.buffer);
  const address = fields.address ?? 0x4008_0000n;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, fields.class ?? 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, fields.machine ?? 183, true);
  view.setBigUint64(24, fields.entry ?? address, true);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, fields.sections?.offset ?? 0n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, fields.sections?.count ?? 0, true);
  view.setUint32(64, 1, true);
  view.setBigUint64(72, fields.offset ?? 0x100n, true);
  view.setBigUint64(80, address, true);
  view.setBigUint64(88, address, true);
  view.setBigUint64(96, fields.fileSize ?? 0x100n, true);
  view.setBigUint64(104, fields.memorySize ?? 0x100n, true);
  return bytes;
}

const image = hostileImage('masked_loop');
const x86 = new Uint8Array(1024);
x86.set(new TextEncoder().encode('HdrS'), 514);
const arm32 = new Uint8Array(1024);
new DataView(arm32.buffer).setUint32(36, 0x016f2818, true);

const kernels: [string, Uint8Array, RegExp][] = [
  ['empty', new Uint8Array(), /empty at offset 0: the kernel file is empty\. /],
  ['text', new TextEncoder().encode('not a kernel at all'), /is not an arm64 kernel Image/],
  ['header-cut', image.subarray(0, 60), /text is not|header-cut.* (is not|less than)/],
  ['x86', x86, /x86 at offset 0: the file is an x86 bzImage\. Use a kernel built for arm64/],
  ['arm32', arm32, /is a 32-bit Arm zImage/],
  ['big-endian', patched(image, 24, 1), /the kernel is big-endian/],
  ['huge-claim', patched(image, 20, 0xff, 0xff, 0xff, 0xff), /Image header asks for/],
  [
    'gzip-cut',
    new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]),
    /gzip data could not be decompressed/,
  ],
  ['elf-x86', elf({ machine: 62 }), /this ELF file is for x86-64/],
  ['elf-32', elf({ class: 1 }), /32-bit ELF/],
  ['elf-cut', elf({}).subarray(0, 40), /ELF header needs 64 bytes/],
  ['elf-beyond', elf({ offset: 1n << 40n }), /an ELF segment needs 256 bytes at offset 1099511627776/],
  ['elf-size', elf({ fileSize: 1n << 62n, memorySize: 1n << 62n }), /place or size of 0x4000000000000000/],
  ['elf-memory', elf({ memorySize: 1n << 45n }), /outside the machine's RAM/],
  ['elf-smaller', elf({ memorySize: 1n }), /larger in the file than in memory/],
  ['elf-address', elf({ address: 0x1000n }), /its part at 0x1000, 256 bytes, lies outside/],
  ['elf-entry', elf({ entry: 0x1000n }), /entry point 0x1000 lies in none of the segments/],
  [
    'elf-sections',
    elf({ sections: { offset: 0x100n, count: 60_000 } }),
    /the section headers needs? 3840000 bytes/,
  ],
];

test.each(kernels)('a kernel that is %s', async (name, bytes, message) => {
  expect(await refused('run', '--bare', file(name, bytes))).toMatch(message);
  const config = file(`${name}.cfg`, `name = "x"\nkernel = "${name}"\nmemory = 64\n`);
  expect(await refused('run', config)).toContain(name);
});

test('a kernel larger than any kernel is not read', async () => {
  const path = file('sparse', image);
  truncateSync(path, 20 * 2 ** 30);
  expect(await refused('run', '--bare', path)).toMatch(/more than the 512 MiB a kernel can have/);
});

test('a kernel, RAM disk or device tree that cannot be read', async () => {
  expect(await refused('run', '--bare', missing)).toMatch(/missing: .*no such file/);
  expect(await refused('run', '--bare', folder)).toMatch(/folder: .*it is not a file/);
  expect(await refused('run', '--bare', kernel, '--initrd', missing)).toMatch(/ramdisk.*no such file/);
  expect(await refused('run', '--bare', kernel, '--dtb', missing)).toMatch(
    /missing: cannot be read: no such/,
  );
  expect(await refused('run', '--bare', kernel, '--dtb', kernel)).toMatch(/this is not a device tree blob/);
});

test('a RAM disk that does not fit', async () => {
  const initrd = file('initrd', '');
  truncateSync(initrd, 60 * 2 ** 20);
  const bare = ['run', '--bare', kernel, '--initrd', initrd, '--machine'];
  expect(await refused(...bare, 'memory=32M')).toMatch(/RAM disk has 60 MiB, and the guest's memory 32 MiB/);
  expect(await refused(...bare, 'memory=64M')).toMatch(/do not fit into 64 MiB/);
});

// ---- arguments

const bare = ['run', '--bare', kernel];
const commandLines: [string[], RegExp][] = [
  [['nonsense'], /unknown command 'nonsense'\. See `xenscope --help`/],
  [['run'], /missing required argument 'config'\. See `xenscope run --help`/],
  [[...bare, '--nonsense'], /unknown option '--nonsense'/],
  [[...bare, '--cpu', 'a72'], /argument 'a72' is invalid\. Allowed choices are a53, max\. See/],
  [[...bare, '--machine', 'cpus=9'], /cpus is '9'\. It must be 1 to 8/],
  [[...bare, '--machine', 'cpus=0'], /cpus is '0'/],
  [[...bare, '--machine', 'gic=v3'], /gic is 'v3'\. It must be 2 or 3/],
  [[...bare, '--machine', 'el=3'], /el is '3'/],
  [[...bare, '--machine', 'memory=lots'], /memory is 'lots'\. It must be a size such as 512M/],
  [[...bare, '--machine', 'memory=1M'], /multiple of 2 MiB from 16 MiB to 3328 MiB/],
  [[...bare, '--machine', 'memory=9000G'], /multiple of 2 MiB from 16 MiB to 3328 MiB/],
  [[...bare, '--machine', 'kaslr-seed=x'], /kaslr-seed is 'x'/],
  [[...bare, '--machine', 'cpu=a72'], /cpu is 'a72'\. It must be a53 or max/],
  [[...bare, '--machine', 'cpus'], /cpus is ''/],
  [[...bare, '--machine', 'cpus=1,cpus=2'], /cpus is given twice/],
  [[...bare, '--machine', 'colour=red'], /'colour' is not known\. Give KEY=VALUE/],
  [[...bare, '--machine', 'cpu=max', '--cpu', 'a53'], /--cpu a53 contradicts cpu=max/],
  [[...bare, '--seed', '-1'], /--seed is '-1'\. Give a whole number/],
  [[...bare, '--max-instructions', 'many'], /--max-instructions is 'many'/],
  [[...bare, '--max-seconds', '1h'], /--max-seconds is '1h'/],
  [[...bare, '--until', ''], /--until is empty/],
  [[...bare, '--type', 'x', '--until', 'y'], /--type stands before any --until/],
  [[...bare, '--stats', folder], /folder: cannot be written: it is a directory/],
  [[...bare, '--stats', join(missing, 'x')], /cannot be written: no such file/],
  [[...bare, kernel], /--bare takes one kernel/],
  [['run', kernel], /This is not an xl\.cfg file.*--bare/],
  [['run', missing], /missing: .*no such file/],
  [['run', kernel, '--initrd', kernel], /--initrd needs --bare/],
  [['run', kernel, '--print-dtb'], /--print-dtb needs --bare/],
  [['dap', '--listen', 'everywhere'], /--listen is 'everywhere'\. Give an address of this computer/],
  [['dap', '--listen', '0.0.0.0:1234'], /address of this computer/],
  [['dap', '--listen', '127.0.0.1:99999'], /address of this computer/],
  [['gdbserver', kernel], /required option '--listen <address>' not specified/],
  [['gdbserver', '--listen', '0.0.0.0:1234', kernel], /address of this computer/],
  [['gdbserver', '--listen', '127.0.0.1:0', missing], /cannot be read/],
];

test.each(commandLines)('%j', async (args, message) => {
  expect(await refused(...args)).toMatch(message);
});

test.each(['replay', 'fmt'])('%s is not there yet, and says so', async (command) => {
  const message = `xenscope: '${command}' is not available in this version. `;
  expect(await refused(command)).toContain(message);
  expect(await refused(command, '--listen', '127.0.0.1:1', 'x.cfg')).toContain(message);
});

test.each(['run', 'cases', 'dap', 'demo', 'gdbserver', 'inspect'])('%s has help', async (command) => {
  const { status, stdout, stderr } = await runCli(command, '--help');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`Usage: xenscope ${command}`);
});

// ---- xl.cfg

const GOOD = 'name = "x"\nkernel = "kernel"\nmemory = 64\n';
const configurations: [string, string, RegExp][] = [
  ['a syntax error', 'name = \n', /:1:8: a value is missing after '='/],
  ['no kernel', 'name = "x"\n', /'kernel' is missing\. Add a line such as kernel = "vmlinuz"/],
  ['no name', 'kernel = "kernel"\n', /'name' is missing/],
  ['no vCPU', `${GOOD}vcpus = 0\n`, /:4:9: 'vcpus' is 0/],
  ['33 vCPUs', `${GOOD}vcpus = 33\n`, /:4:9: 'vcpus' is 33\. A domain has 1 to 32 here/],
  [
    'a soft reset',
    `${GOOD}on_crash = "soft-reset"\n`,
    /:4:12: 'on_crash' is 'soft-reset', which fails on Arm/,
  ],
  ['nine vCPUs on GICv2', `${GOOD}vcpus = 9\ngic_version = "v2"\n`, /'vcpus' is 9\. It must be from 1 to 8/],
  ['999 vCPUs', `${GOOD}vcpus = 999\n`, /'vcpus' is 999/],
  ['no memory', `${GOOD}memory = 0\n`, /:4:10: 'memory' is 0/],
  ['too much memory', GOOD.replace('64', '99999'), /:3:10: 'memory' is 99999 MiB/],
  ['GICv9', `${GOOD}gic_version = "v9"\n`, /'gic_version' cannot be 'v9'\. Use "default", "v2", "v3"/],
  [
    'disks',
    `${GOOD}disk = ["a.vhd,vhd,xvda,w"]\n`,
    /:4:8: 'disk' \(Block devices of this kind\) is not supported/,
  ],
  [
    'an emulated network card',
    `${GOOD}vif = ["type=ioemu"]\n`,
    /:4:7: 'vif' \(Network interfaces of this kind\) is not supported/,
  ],
  ['maxmem below memory', `${GOOD}maxmem = 32\n`, /maxmem \(32\) is less than memory \(64\)/],
  ['a strange UUID', `${GOOD}uuid = "z"\n`, /'z' is not a UUID/],
  ['a strange action', `${GOOD}on_crash = "cry"\n`, /'on_crash' cannot be 'cry'/],
  ['a strange UART', `${GOOD}vuart = "16550"\n`, /'vuart' cannot be '16550'/],
  ['a RAM disk that is missing', `${GOOD}ramdisk = "missing"\n`, /:4:11: .*missing: .*no such file/],
  ['a kernel that is missing', 'name = "x"\nkernel = "missing"\n', /:2:10: .*missing: .*no such file/],
  ['a kernel that is a directory', 'name = "x"\nkernel = "folder"\n', /:2:10: .*folder: .*not a file/],
];

test.each(configurations)('xl.cfg with %s', async (name, text, message) => {
  const config = file(`${name.replaceAll(/\W/g, '-')}.cfg`, text);
  const said = await refused('run', config);
  expect(said).toContain(config);
  expect(said).toMatch(message);
});

test('xl.cfg with little memory', async () => {
  const big = file('big', '');
  truncateSync(big, 3 * 2 ** 20);
  const config = file('little.cfg', 'name = "x"\nkernel = "kernel"\nramdisk = "big"\nmemory = 2\n');
  expect(await refused('run', config)).toMatch(/RAM disk has 3 MiB, and the guest's memory 2 MiB/);
});

test('two configurations of one name', async () => {
  const config = file('good.cfg', GOOD);
  expect(await refused('run', config, config)).toMatch(/there are two domains 'x'/);
});

test('keys that a run does not honour are named', async () => {
  // The first three are.
  const lines = ['on_crash = "restart"', 'on_reboot = "restart"', 'on_poweroff = "destroy"', 'maxvcpus = 4'];
  const config = file('warned.cfg', `${GOOD}${lines.join('\n')}\npae = 1\ncolour = 1\n`);
  const { status, stderr } = await runCli('run', config, '--max-instructions', '1');
  expect(status).toBe(1);
  const warnings = stderr.split('\n').filter((line) => line.includes('warning'));
  expect(warnings.map((line) => /:(\d+): warning: '(\w+)'/.exec(line)?.slice(1, 3).join(' ')).sort()).toEqual(
    ['7 maxvcpus', '8 pae', '9 colour'],
  );
});

// ---- launch.json

const entry = (rest: object): object => ({ type: 'xen', request: 'launch', name: 'a', ...rest });
const launchFiles: [string, string | object, RegExp][] = [
  ['a syntax error', '{\n  "configurations": [ } ]\n}', /:2:23: a value is expected, found '}'/],
  ['an open string', '{ "configurations: [] }', /:1:3: the string is not closed/],
  ['a missing comma', '{ "a": 1 "configurations": [] }', /:1:10: ',' or '}' is expected/],
  ['endless nesting', '['.repeat(100_000), /nested too deep/],
  ['no configurations', [], /has no list 'configurations'/],
  ['another name', { configurations: [entry({ name: 'b' })] }, /has no configuration 'a'\. It has 'b'/],
  ['another type', { configurations: [entry({ type: 'node' })] }, /'a' is of type 'node'/],
  ['another request', { configurations: [entry({ request: 'attach' })] }, /'a' has the request 'attach'/],
  ['nothing to boot', { configurations: [entry({})] }, /names nothing to boot/],
  [
    'a contradiction',
    { configurations: [entry({ config: 'x', bare: { kernel } })] },
    /'config' and 'bare' contradict/,
  ],
  ['no kernel', { configurations: [entry({ bare: {} })] }, /'bare\.kernel' is missing/],
  ['a key misspelt', { configurations: [entry({ bare: { kernel, cpu: 1 } })] }, /'bare\.cpu' is not a key/],
  [
    'a disk',
    { configurations: [entry({ domains: [{ kernel, disk: ['x'] }] })] },
    /domain 'guest': a disk without a vdev\. Name it/,
  ],
  [
    'a variable',
    { configurations: [entry({ bare: { kernel: '${file}' } })] },
    /uses \$\{file\}, which only the editor/,
  ],
  [
    'a date',
    { configurations: [entry({ bare: { kernel }, startTime: 'x' })] },
    /'startTime' is not a date: 'x'/,
  ],
  [
    'a real Xen',
    { configurations: [entry({ bare: { kernel }, xen: { image: 'x' } })] },
    /'xen\.image' asks for a real Xen/,
  ],
];

test.each(launchFiles)('launch.json with %s', async (name, content, message) => {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const path = file(`${name.replaceAll(/\W/g, '-')}.json`, text);
  const said = await refused('run', `${path}#a`);
  expect(said).toContain(path);
  expect(said).toMatch(message);
});

test('launch.json as an editor writes it', async () => {
  const path = file(
    'launch.json',
    `// comment "x"
{ /* another, */ "configurations": [
  { "type": "xen", "request": "launch", "name": "a // b", "bare": { "kernel": "\${workspaceFolder}/kernel", }, },
], }`,
  );
  const { status, stderr } = await runCli('run', `${path}#a // b`, '--max-instructions', '10');
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'xenscope: 10 instructions were executed\n' });
});

// ---- instruction cases

const STATE = JSON.stringify({
  init: 0,
  x: Array(31).fill('0'),
  sp: '20000800',
  nzcv: '0',
  v: Array(32).fill('0'),
  mem: '',
});
const CASE = { id: 'a-1', feat: 'base', init: 0, code: 'd503201f', end: {} };

test('cases that are none', async () => {
  const states = file('states.jsonl', `${STATE}\n`);
  const broken: [unknown, RegExp][] = [
    ['text', /cases\.jsonl:2: this is not JSON/],
    [[], /:2: this is not an instruction case/],
    [{}, /this is not an instruction case: 'id' is missing/],
    [{ ...CASE, code: 'nop' }, /'code' does not fit/],
    [{ ...CASE, code: Array(9999).fill('0').join(' ') }, /has more than 8192 words/],
    [{ ...CASE, set: { x31: '0' } }, /'set' does not fit/],
    [{ ...CASE, init: 7 }, /starts from state 7, which states\.jsonl lacks/],
    [{ ...CASE, end: null }, /'end' does not fit/],
  ];
  for (const [value, message] of broken) {
    const line = value === 'text' ? 'text' : JSON.stringify(value);
    const path = file('cases.jsonl', `${JSON.stringify(CASE)}\n${line}\n`);
    expect(await refused('cases', path, '--results', join(scratch.path, 'results'))).toMatch(message);
  }
  expect(await refused('cases', missing, '--states', states)).toMatch(
    /missing: cannot be read: no such file/,
  );
  expect(await refused('cases', states, '--states', missing)).toMatch(/missing: cannot be read/);
  expect(await refused('cases', file('cases.gz', 'x'))).toMatch(/cases\.gz: cannot be read/);
  expect(await refused('cases', file('none.jsonl', '\n'))).toMatch(/none\.jsonl: the file is empty/);
  const good = file('good.jsonl', `${JSON.stringify(CASE)}\n`);
  expect(await refused('cases', good, '--results', folder)).toMatch(/folder: cannot be written/);
});
