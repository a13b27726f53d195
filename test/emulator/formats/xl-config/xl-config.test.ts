import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildParserFile } from '@lezer/generator';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../../emulator/base/errors.ts';
import { parseXlSyntax } from '../../../../emulator/formats/xl-config/syntax.ts';
import { readXlConfig } from '../../../../emulator/formats/xl-config/xl-config.ts';

const read = (text: string) => readXlConfig(text, 'domu.cfg');

/** What a user is told about a file that does not work. */
function told(text: string): string {
  try {
    read(text);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return String(error);
  }
}

const MINIMAL = 'name = "a"\nkernel = "k"\n';

test('an ordinary file gives its values', () => {
  const { config, warnings } = read(`
# A guest
name = "linux"; type = 'pvh'
kernel  = "/boot/vmlinuz"   # the kernel
ramdisk = "initramfs.cpio"
extra   = "console=hvc0"
extra  += " quiet"
memory  = 0x100
vcpus   = "2"
gic_version = "v3"
uuid = "00112233-4455-6677-8899-AABBCCDDEEFF"
vuart = "sbsa_uart"
on_crash = "preserve"
disk = [ ]
`);
  expect(warnings).toEqual([]);
  expect(config).toEqual({
    name: 'linux',
    kernel: { path: '/boot/vmlinuz', place: { file: 'domu.cfg', line: 4, column: 11 } },
    ramdisk: { path: 'initramfs.cpio', place: { file: 'domu.cfg', line: 5, column: 11 } },
    cmdline: 'console=hvc0 quiet',
    memory: 256,
    maxmem: 256,
    vcpus: 2,
    maxvcpus: 2,
    gicVersion: 3,
    uuid: '00112233-4455-6677-8899-aabbccddeeff',
    vuart: true,
    disks: [],
    vifs: [],
    scheduling: {},
    onPoweroff: 'destroy',
    onReboot: 'restart',
    onCrash: 'preserve',
    onWatchdog: 'destroy',
    onSoftReset: 'soft-reset',
  });
});

test('what is not said has the defaults of xl', () => {
  expect(read(MINIMAL).config).toMatchObject({ cmdline: '', memory: 32, maxmem: 32, vcpus: 1, vuart: false });
  expect(read(MINIMAL).config.gicVersion).toBeUndefined();
});

test('the command line is cmdline, or root and extra', () => {
  const commandLine = (text: string) => read(MINIMAL + text).config.cmdline;
  expect(commandLine('root="/dev/xvda" extra="ro"'.replace(' ', '\n'))).toBe('root=/dev/xvda ro');
  expect(commandLine('root="/dev/xvda"')).toBe('root=/dev/xvda');
  expect(commandLine('extra="ro"\ncmdline="only"')).toBe('only');
  expect(read(`${MINIMAL}extra="ro"\ncmdline="only"`).warnings).toHaveLength(1);
});

test('strings, lists and separators are read as libxlu reads them', () => {
  const settings = parseXlSyntax(
    `a="x\\"y\\n" ; b = [ 1, 'two', [ "three", ],\n # comment\n ]\r\n\nc=0x1f`,
    'f',
  );
  const plain = (value: ReturnType<typeof parseXlSyntax>[number]['value']): unknown =>
    value.kind === 'atom' ? value.text : value.items.map(plain);
  expect(settings.map((s) => [s.key, plain(s.value)])).toEqual([
    ['a', 'x"y\n'],
    ['b', ['1', 'two', ['three']]],
    ['c', '0x1f'],
  ]);
});

test('a syntax error is one message with line and column', () => {
  expect(
    [
      'name = "a',
      'name =\nkernel = "k"',
      'name "a"',
      'Name = "a"',
      'vcpus = -1',
      'acpi = true',
      'vif = [ "a",\nname = "x"',
      'vif = [ "a" "b" ]',
      'vif = [ a ]',
      'name = "a" kernel = "b"',
      'import os.path',
      'x = "a" + "b"',
      'name = "\\q"',
      '= 3',
      'a = [',
      ']',
      'a = 1 2',
    ].map(told),
  ).toMatchInlineSnapshot(`
    [
      "domu.cfg:1:8: the string is not closed on its line. Add " at its end; a string cannot span lines.",
      "domu.cfg:1:7: a value is missing after '=', found the end of the line. Write a number, a list in [ ], or text in quotes.",
      "domu.cfg:1:6: '=' is missing after 'name', found '"'. Write key = value.",
      "domu.cfg:1:1: 'Name' is not a key. Keys are written in lower case.",
      "domu.cfg:1:9: a value is missing after '=', found '-1'. Numbers have no sign; put other text in quotes.",
      "domu.cfg:1:8: a value is missing after '=', found 'true'. Switches are numbers: write 1.",
      "domu.cfg:1:7: the list is not closed. Add ] at its end.",
      "domu.cfg:1:13: a comma is missing between two elements of the list. Write [ a, b ].",
      "domu.cfg:1:9: 'a' cannot stand here in a list. Write quoted strings or numbers, separated by commas.",
      "domu.cfg:1:12: 'kernel' cannot stand here. Write one key = value a line.",
      "domu.cfg:1:8: '=' is missing after 'import', found 'os.path'. Write key = value.",
      "domu.cfg:1:9: '+' cannot stand here. The file is not Python: it holds only key = value lines.",
      "domu.cfg:1:9: '\\q' is not an escape sequence that works. Write the character itself; a backslash is written \\\\.",
      "domu.cfg:1:1: '=' cannot stand here. Write one key = value a line.",
      "domu.cfg:1:5: the list is not closed. Add ] at its end.",
      "domu.cfg:1:1: ']' cannot stand here. Write one key = value a line.",
      "domu.cfg:1:7: '2' cannot stand here. Write one key = value a line.",
    ]
  `);
});

test('a value that cannot be is refused with its place', () => {
  expect(
    [
      'kernel = "k"',
      'name = "a"',
      'name = "a/b"\nkernel = "k"',
      `${MINIMAL}memory = 0`,
      `${MINIMAL}memory = "64M"`,
      `${MINIMAL}memory = [ 64 ]`,
      `${MINIMAL}memory = 64\nmaxmem = 32`,
      `${MINIMAL}vcpus = 9\ngic_version = "v2"`,
      `${MINIMAL}gic_version = "v4"`,
      `${MINIMAL}type = "hvm"`,
      `${MINIMAL}uuid = "1234"`,
      `${MINIMAL}on_crash = "explode"`,
      `${MINIMAL}memory = 1\nmemory += [ 2 ]`,
      `${MINIMAL}kernel = ""`,
    ].map(told),
  ).toMatchInlineSnapshot(`
    [
      "domu.cfg: 'name' is missing. Add a line such as name = "guest"",
      "domu.cfg: 'kernel' is missing. Add a line such as kernel = "vmlinuz"",
      "domu.cfg:1:8: the name contains '/'. Names become parts of xenstore paths.",
      "domu.cfg:3:10: 'memory' is 0. It must be from 1 to 1043456.",
      "domu.cfg:3:10: 'memory' is '64M', not a number. Write a number from 1 to 1043456.",
      "domu.cfg:3:10: 'memory' is a list. Write a single value.",
      "domu.cfg:4:10: maxmem (32) is less than memory (64). Raise maxmem or drop it.",
      "domu.cfg:3:9: 'vcpus' is 9. It must be from 1 to 8.",
      "domu.cfg:3:15: 'gic_version' cannot be 'v4'. Use "default", "v2", "v3".",
      "domu.cfg:3:8: Arm has no guests of type 'hvm'. Write type = "pvh", or drop the line.",
      "domu.cfg:3:8: '1234' is not a UUID. Write 32 hexadecimal digits with or without hyphens.",
      "domu.cfg:3:12: 'on_crash' cannot be 'explode'. Use "destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart", "soft-reset".",
      "domu.cfg:4:1: 'memory +=' joins a list and a single value. Write both as lists, or both as text.",
      "domu.cfg:3:10: 'kernel' is empty. Name a file, or drop the line.",
    ]
  `);
});

test('a disk is refused at its place', () => {
  const { config } = read(
    `${MINIMAL}disk = [ "scratch:4M,raw,xvda,w", "vdev=xvdb, access=ro, target=scratch:64K" ]`,
  );
  expect(config.disks).toMatchObject([
    { vdev: 'xvda', source: { kind: 'scratch', size: 4 << 20 }, readOnly: false },
    { vdev: 'xvdb', source: { kind: 'scratch', size: 64 << 10 }, readOnly: true },
  ]);
  expect(told(`${MINIMAL}disk = [ "scratch:4M,raw,xvda,w",\n  "scratch:0,raw,xvdb" ]`)).toMatch(
    /^domu\.cfg:4:3: '0' is not the size of a scratch disk\. Give /,
  );
  expect(told(`${MINIMAL}disk = [ "scratch:4M,raw,xvda,w", "d.vhd,vhd,xvdb" ]`)).toMatch(
    /^domu\.cfg:3:8: 'disk' \(Block devices of this kind\) is not supported\. Domain 0 serves/,
  );
});

test('a key that is known and not supported is refused by name', () => {
  expect(
    [
      `${MINIMAL}disk = [ "nbd:/dev/x,raw,xvda,w" ]`,
      `${MINIMAL}vpmu = 1`,
      `${MINIMAL}max_grant_frames = 128`,
      `${MINIMAL}device_tree = "p.dtb"`,
    ].map(told),
  ).toMatchInlineSnapshot(`
    [
      "domu.cfg:3:8: 'disk' (Block devices of this kind) is not supported. Domain 0 serves raw and qcow2 files, and scratch disks such as "scratch:4M,raw,xvda,w".",
      "domu.cfg:3:8: 'vpmu' (Performance monitors) is not supported. Remove it, or set it to 0.",
      "domu.cfg:3:20: 'max_grant_frames' (Size of the grant table) is not supported. Remove it, or set it to 64.",
      "domu.cfg:3:15: 'device_tree' (Partial device tree) is not supported. Remove it.",
    ]
  `);
  expect(told(`${MINIMAL}vpmu = 0\nmax_grant_frames = 64\ntee = "none"`)).toBe('accepted');
});

test('CPUs, weight and cap are read as xl reads them', () => {
  const { config } = read(
    `${MINIMAL}vcpus = 3\ncpus = "0-3,^1"\ncpus_soft = ["2", "node:0,^3"]\ncpu_weight = 512\ncap = 50\npool = "fast"`,
  );
  expect(config.scheduling).toEqual({
    cpus: [0b1101, 0b1101, 0b1101],
    cpusSoft: [0b100, 0xffff_fff7, 0xffff_ffff],
    weight: 512,
    cap: 50,
    pool: 'fast',
  });
  expect(told(`${MINIMAL}cpus = "3,x"`)).toContain("'3,x' are no CPUs");
});

test('what has no effect is accepted and said', () => {
  const { warnings } = read(
    `${MINIMAL}shadow_memory = 8\nhap = 1\nsve = "hw"\nmemroy = 3\nname = "b"\ntype = "pv"`,
  );
  expect(warnings.map(({ message, place }) => `${place.line}: ${message}`)).toMatchInlineSnapshot(`
    [
      "3: 'shadow_memory' has no effect: the memory for page tables is not limited",
      "4: 'hap' has no effect: it means nothing to an Arm guest",
      "5: 'sve' is newer than Xen 4.17 and is ignored",
      "6: 'memroy' is not a key of xl.cfg and is ignored",
      "7: 'name' is set again; the earlier value is dropped",
      "8: type 'pv' is treated as 'pvh', the only one on Arm",
    ]
  `);
});

test('the generated parser is that of the grammar', () => {
  const folder = join(import.meta.dirname, '../../../../emulator/formats/xl-config');
  const grammar = readFileSync(join(folder, 'xl.grammar'), 'utf8');
  const { parser, terms } = buildParserFile(grammar, {
    fileName: 'xl.grammar',
    moduleStyle: 'es',
    typeScript: true,
  });
  const committed = (name: string) => readFileSync(join(folder, 'generated', name), 'utf8');
  expect(committed('xl-parser.ts').trim()).toBe(parser.trim());
  expect(committed('xl-parser.terms.ts').trim()).toBe(terms.trim());
});

test('any text gives a configuration or one error with a place', () => {
  const piece = fc.constantFrom(
    'name',
    '=',
    '+=',
    '"a"',
    "'b",
    '[',
    ']',
    ',',
    '1',
    '0x',
    '\n',
    ';',
    '#',
    '\\',
    'A',
    ' ',
    '(',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        read(input);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).place.file).toBe('domu.cfg');
      }
    }),
    { numRuns: 3000 },
  );
  expect(told(`a = ${'['.repeat(20)}${']'.repeat(20)}`)).toContain('nested too deep');
  expect(told(`a = ${'['.repeat(20000)}${']'.repeat(20000)}`)).not.toBe('accepted');
});
