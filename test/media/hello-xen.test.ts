// The bundled guest: what it says on its console under the embedded Xen, and where its files come from.

import { readFileSync } from 'node:fs';
import { cp, mkdtemp, mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseLaunchConfiguration } from '../../debug-adapter/configuration.ts';
import { prepareLaunch } from '../../debug-adapter/machine/launch.ts';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import { type HeadlessEnd, type HeadlessStatistics, startHeadless } from '../../emulator/index.ts';
import { buildGuest, guestCompiler, guestFiles, guestFolder } from '../tools/build-guest.ts';
import { external, testWith } from '../tools/external.ts';

const PROMPT = 'hello> ';
/** Some hundred times what it takes to boot, and twice the loop of `trouble busy`. */
const GENEROUS = 100_000_000;

interface Run {
  readonly console: string;
  readonly end: HeadlessEnd;
  readonly figures: () => HeadlessStatistics;
}

/** Boots the guest and types each line once it prompts. */
async function boot(configuration: Record<string, unknown>, ...lines: string[]): Promise<Run> {
  const host = nodeHost(() => {});
  const parsed = parseLaunchConfiguration(configuration, 'the test');
  const { machine } = await prepareLaunch(host, parsed, guestFolder);
  let console = '';
  const guest = startHeadless(loadEngineModules(), machine, {
    script: [...lines.map((line) => ({ until: PROMPT, type: `${line}\n` })), { until: PROMPT }],
    maxInstructions: GENEROUS,
    output: (_domain, bytes) => {
      console += new TextDecoder().decode(bytes);
    },
    log: { log: () => {} },
  });
  let end: HeadlessEnd | undefined;
  while (!end) end = guest.turn(GENEROUS);
  return { console: console.replaceAll('\r', ''), end, figures: () => guest.statistics() };
}

const onGic = (gicVersion: 2 | 3, name = 'guest-of-the-test'): Record<string, unknown> => ({
  domains: [{ name, kernel: 'hello-xen.elf', memory: 64, gicVersion }],
});

// The golden consoles were recorded from the same guest under Debian's Xen 4.17 on QEMU, created by
// `xl create` in a Linux dom0, with these lines typed into its console.
for (const gic of [2, 3] as const) {
  test(`on GICv${gic} the console shows what it shows under the real Xen`, async () => {
    const configuration = onGic(gic, 'hello-xen');
    const lines = ['help', 'xs', 'xs memory', 'xs /local/domain/1', 'echo a  b', 'poweroff'];
    const { console, end } = await boot(configuration, ...lines);
    expect(console).toBe(
      readFileSync(join(import.meta.dirname, `golden/real-xen-4.17-gicv${gic}.txt`), 'utf8'),
    );
    expect(end).toEqual({ kind: 'ended', reason: 'poweroff' });
  });
}

test('the Image that hello.cfg names is the same guest', async () => {
  const { console, end } = await boot({ config: 'hello.cfg' });
  expect(end).toEqual({ kind: 'met' });
  expect(console).toContain("I am domain 1, 'hello-xen'");
});

test('the prompt answers, and xenstore through it', async () => {
  const { console } = await boot(onGic(3), 'echo one  two', 'xs memory', 'xs nothing', 'what');
  expect(console).toContain('hello> echo one  two\none  two\n');
  expect(console).toContain('hello> xs memory\nmemory = ""\n  static-max\n  target\n  videoram\n');
  expect(console).toContain("xenstore has no 'nothing'\n");
  expect(console).toContain("there is no command 'what'; try help\n");
});

const withDisk = (gicVersion: 2 | 3, disk = 'scratch:1M,raw,xvda,w'): Record<string, unknown> => ({
  domains: [{ name: 'hello-xen', kernel: 'hello-xen.elf', memory: 64, gicVersion, disk: [disk] }],
});

for (const gic of [2, 3] as const) {
  test(`on GICv${gic} the disk keeps what is written to it, and answers for what it has not`, async () => {
    const lines = ['disk', 'disk write 5 some words', 'disk read 5', 'disk read 6', 'disk read 2048', 'disk'];
    const { console } = await boot(withDisk(gic), ...lines);
    expect(console).toContain('\ndisk:      xvda, 2048 sectors, reference 8, port 3\n');
    expect(console.slice(console.indexOf(PROMPT))).toBe(`hello> disk
64 sectors written from 1984, in 8 requests
64 sectors read back: equal
hello> disk write 5 some words
sector 5: written
hello> disk read 5
sector 5: "some words"
hello> disk read 6
sector 6: ""
hello> disk read 2048
sector 2048: error -1
hello> disk
64 sectors written from 1984, in 8 requests
64 sectors read back: equal
hello> `);
  });
}

test('a disk that is read only refuses what is written', async () => {
  const { console } = await boot(withDisk(3, 'scratch:64K,raw,xvdb,r'), 'disk', 'disk read 0');
  expect(console).toContain('disk:      xvdb, 128 sectors to be read only, reference 8, port 3\n');
  expect(console).toContain('hello> disk\nsector 64: error -1\n');
  expect(console).toContain('hello> disk read 0\nsector 0: ""\n');
});

test('what goes wrong on purpose stays wrong until it is mended', async () => {
  const lines = ['trouble notify', 'disk read 0', 'trouble mend', 'disk read 0'];
  const { console } = await boot(withDisk(3), ...lines);
  expect(console.slice(console.indexOf(PROMPT))).toBe(`hello> trouble notify
request 0 is published, req_prod is 1, and the notification that is owed is not sent
hello> disk read 0
sector 0: no answer within a second
hello> trouble mend
2 requests, 0 answers
mended
hello> disk read 0
sector 0: ""
hello> `);
});

/** What is said from the first prompt on. */
async function talk(gic: 2 | 3, ...lines: string[]): Promise<string> {
  const { console } = await boot(withDisk(gic), ...lines);
  return console.slice(console.indexOf(PROMPT));
}

for (const gic of [2, 3] as const) {
  test(`on GICv${gic} trouble leaves the prompt in use, as far as it says so`, async () => {
    const troubles = ['request', 'grant', 'mask disk', 'mask console', 'revoke', 'mend'];
    const lines = [...troubles.map((name) => `trouble ${name}`), 'disk'];
    expect(await talk(gic, ...lines)).toBe(`hello> trouble request
request 0 is in slot 0, and req_prod stays 0
hello> trouble grant
reference 10 grants a page to domain 0, which never asked for it
hello> trouble mask disk
port 3 is masked, and request 1 was sent
hello> trouble mask console
port 2 is masked
hello> trouble revoke
reference 8 is invalid, and domain 0 has its page mapped
hello> trouble mend
2 requests, 2 answers
mended
hello> disk
64 sectors written from 1984, in 8 requests
64 sectors read back: equal
hello> `);
  });

  test(`on GICv${gic} interrupts that do not come stop what waits for them`, async () => {
    expect(await talk(gic, 'trouble timer', 'ticks')).toMatch(/after (\d+) ticks\nhello> ticks\n\1\n/);
    // Every CPU waits, and nothing will wake one.
    const masked = await boot(withDisk(gic), 'trouble priority');
    expect(masked.end).toMatchObject({
      kind: 'bound',
      why: expect.stringContaining('waits for an interrupt'),
    });
    const spinning = await boot(withDisk(gic), 'trouble spin');
    expect(spinning.end).toEqual({ kind: 'bound', why: `${GENEROUS} instructions were executed` });
  });
}

test('a busy loop ends, and the prompt is there again', async () => {
  const { console } = await boot(onGic(3), 'trouble busy');
  expect(console).toMatch(/hello> trouble busy\n1000000 numbers were taken in: 0x[0-9a-f]{8,16}\nhello> $/);
});

test('a wild write crashes the domain, with a report', async () => {
  const { console, end } = await boot(onGic(3), 'crash');
  expect(end).toEqual({ kind: 'ended', reason: 'crash' });
  // ESR: data abort at the same level, a write, translation fault at level 2.
  expect(console).toContain('data abort at EL1, ESR 96000046, FAR 0000000000000010\n');
  expect(console).toContain('panic: an exception in the kernel\n');
});

test('a reboot is asked for through PSCI', async () => {
  expect((await boot(onGic(2), 'reboot')).end).toEqual({ kind: 'ended', reason: 'reboot' });
});

test('two runs are the same run', async () => {
  const [one, two] = [await boot(onGic(3), 'ticks'), await boot(onGic(3), 'ticks')];
  expect(one.console).toBe(two.console);
  expect(one.figures()).toEqual(two.figures());
});

test('the core with every feature runs the guest too', async () => {
  const { end } = await boot({ ...onGic(3), cpu: 'max' });
  expect(end).toEqual({ kind: 'met' });
});

// ---- the files

const compiler = await external('aarch64-linux-gnu-gcc (Debian: gcc-aarch64-linux-gnu)', guestCompiler);

testWith([compiler], 'a clone at any place gives the same bytes', async (_version: string) => {
  const base = await mkdtemp(join(tmpdir(), 'xenscope-test-'));
  try {
    const results: Buffer[][] = [];
    for (const name of ['one', 'the-other/deeper']) {
      const folder = join(base, name);
      await mkdir(folder, { recursive: true });
      await cp(join(guestFolder, 'src'), join(folder, 'src'), { recursive: true });
      await buildGuest(folder, folder);
      results.push(await Promise.all(guestFiles.map((file) => readFile(join(folder, file)))));
      expect(results.at(-1)?.[0]?.includes(base)).toBe(false);
    }
    expect(results[0]).toEqual(results[1]);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
});

const elf = readFileSync(join(guestFolder, 'hello-xen.elf'));
const version = /GNU C17 ([\d.]+)/.exec(elf.toString('latin1'))?.[1];
const sameCompiler = await external(
  `aarch64-linux-gnu-gcc ${version}, which built the committed files`,
  async () => ((await guestCompiler()) === version ? version : undefined),
);

testWith([sameCompiler], 'the committed files are what the sources give', async (_version: string) => {
  const output = await mkdtemp(join(tmpdir(), 'xenscope-test-'));
  try {
    await buildGuest(guestFolder, output);
    for (const file of guestFiles) {
      const built = await readFile(join(output, file));
      // Equal or not: a difference of buffers would fill the screen.
      expect(built.equals(await readFile(join(guestFolder, file))), `${file}: build it again`).toBe(true);
    }
  } finally {
    await rm(output, { recursive: true, force: true });
  }
});

test('the ELF is small enough to be committed', () => {
  expect(elf.length).toBeLessThan(300 * 1024);
});
