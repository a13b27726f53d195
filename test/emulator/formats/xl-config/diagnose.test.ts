// Every rule fires where it should, stays silent where it should, and what it offers as a fix mends it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { XlContext } from '../../../../emulator/formats/xl-config/context.ts';
import { diagnose, pathsNamed } from '../../../../emulator/formats/xl-config/diagnose.ts';
import {
  type XlFinding,
  type XlFindingCode,
  type XlFix,
  xlRules,
} from '../../../../emulator/formats/xl-config/findings.ts';
import { xlKeys } from '../../../../emulator/formats/xl-config/keys.ts';
import { parseXlDocument } from '../../../../emulator/formats/xl-config/syntax.ts';
import { readXlConfig } from '../../../../emulator/formats/xl-config/xl-config.ts';

const HOST: XlContext = {
  machine: { vcpus: 8, memoryMib: 3296 },
  files: new Map([
    ['k', { kind: 'file', size: 1 << 20 }],
    ['initrd', { kind: 'file', size: 40 << 20 }],
    ['huge', { kind: 'file', size: 3.5 * 2 ** 30 }],
    ['gone', { kind: 'missing' }],
    ['/gone', { kind: 'missing' }],
    ['folder', { kind: 'other' }],
  ]),
};

const GOOD = 'name = "a"\nkernel = "k"\nmemory = 64\n';

const findingsOf = (text: string, context = HOST): XlFinding[] => diagnose(parseXlDocument(text), context);

const shown = (text: string): string[] =>
  findingsOf(text).map(
    ({ line, column, severity, code, message, hint }) =>
      `${line}:${column}: ${severity}: ${message}. ${hint} [${code}]`,
  );

/** For each rule: lines behind GOOD that break it, and lines that are like them and do not. */
const RULES: Record<XlFindingCode, { fires: string[]; silent: string[] }> = {
  syntax: {
    fires: [
      'vcpus = -1',
      'acpi = false',
      'Vcpus = 1',
      'disk = [ "a"',
      'extra = "a',
      'extra = "\\q"',
      'vcpus 1',
    ],
    silent: [
      'vcpus = 1; acpi = 0',
      'extra = "-1 ; #" # ; "',
      'vif = [\n\n "" , # a\n ""\n,]',
      "extra = 'a\\'b'",
    ],
  },
  'missing-name': { fires: [], silent: [''] },
  'missing-kernel': { fires: [], silent: [''] },
  'missing-file': {
    fires: ['ramdisk = "gone"', 'device_tree = "folder"'],
    silent: ['ramdisk = "initrd"', 'ramdisk = "/gone"', 'ramdisk = "not looked for"'],
  },
  'wrong-type': {
    fires: [
      'vcpus = [ 1 ]',
      'disk = "a,raw,xvda,w"',
      'acpi = "true"',
      'maxmem = "64M"',
      'vif = [ [ "" ] ]',
      'extra = "a"\nextra += [ "b" ]',
      'irqs = [ "a" ]',
      'type = [ "pvh" ]',
    ],
    silent: ['vcpus = "2"', 'vcpus = 0x2', 'cpus = "0-1"', 'cpus = [ "0", 1 ]', 'extra = 3', 'viridian = 1'],
  },
  'wrong-value': {
    fires: [
      'on_crash = "explode"',
      'gic_version = "v4"',
      'uuid = "12"',
      'uuid = "00112233445566778899aabbccddeeff"',
      'vcpus = 0',
      'maxmem = 2000000',
      'cpus = "all but one"',
      'iomem = [ "a page" ]',
      'dtdev = [ "soc/uart" ]',
      'kernel = ""',
      'type = "xen"',
      'on_crash = "Destroy"',
    ],
    silent: [
      'on_crash = "preserve"',
      'gic_version = "V3"',
      'uuid = "00112233-4455-6677-8899-AABBCCDDEEFF"',
      'cpus = "0-3,^1"',
      'cpus = "node:0,^nodes:1-2"',
      'iomem = [ "fe300,1@22000", "0xfe300,0x1" ]',
      'pci = [ "0000:03:00.0", "3:0.*", "name=disk", "03:00.0@20,seize=1" ]',
      'rtc_timeoffset = "-3600"',
    ],
  },
  'wrong-option': {
    fires: [
      'disk = [ "/dev/a,raw" ]',
      'disk = [ "/dev/a,row,xvda,w" ]',
      'disk = [ "/dev/a,raw,xvda,w,more,and more" ]',
      'disk = [ "/dev/a,raw,xvda,w,colour=red" ]',
      'disk = [ "/dev/a,raw,disk0,w" ]',
      'vif = [ "mac=nonsense" ]',
      'vif = [ "rate=fast" ]',
      'p9 = [ "tag=a" ]',
      'channel = [ "name=a" ]',
      'vdispl = [ "connectors=wide" ]',
    ],
    silent: [
      'disk = [ "/dev/a,raw,xvda,w" ]',
      'disk = [ "/dev/a,,xvda" ]',
      'disk = [ "vdev=xvda, access=ro, target=/a,b,c=d" ]',
      'disk = [ ",,hdc,,cdrom" ]',
      'disk = [ "a.img, qcow2, d0p1, rw, discard, backendtype=qdisk" ]',
      'disk = [ "file:/a.iso,hdc:cdrom,r", "phy:/dev/b, xvdb, w" ]',
      'vif = [ "" ]',
      'vif = [ "mac=00:16:3e:00:00:01,bridge=xenbr0,rate=1MB/s@20ms,untrusted" ]',
      'p9 = [ "tag=a,security_model=none,path=/srv" ]',
      'vdispl = [ "backend=0,connectors=id0:1920x1080;id1:800x600" ]',
      'vkb = [ "backend-type=linux,feature-multi-touch=1" ]',
      'vsnd = [ [ "card, backend=0", "pcm, name=a", "stream, type=p" ] ]',
      'vnuma = [ [ "pnode=0", "size=64", "vcpus=0", "vdistances=10" ] ]',
    ],
  },
  'not-on-arm': {
    fires: ['type = "hvm"', 'type = "h"', 'passthrough = "sync_pt"'],
    silent: ['type = "pvh"', 'passthrough = "share_pt"', 'passthrough = "enabled"'],
  },
  'impossible-memory': {
    fires: ['maxmem = 32', 'ramdisk = "initrd"\nmemory = 40', 'ramdisk = "huge"\nmemory = 8192'],
    silent: ['maxmem = 64', 'maxmem = 128', 'ramdisk = "initrd"'],
  },
  'impossible-vcpus': {
    fires: ['vcpus = 9\ngic_version = "v2"', 'maxvcpus = 9\ngic_version = "V2"', 'vcpus = 2\nmaxvcpus = 1'],
    silent: ['vcpus = 8\ngic_version = "v2"', 'vcpus = 9\ngic_version = "v3"', 'vcpus = 1\nmaxvcpus = 4'],
  },
  conflict: {
    fires: [
      'vuart = "sbsa_uart"\nirqs = [ 40, 32 ]',
      'disk = [ "a,raw,xvda,w,specification=virtio", "b,raw,xvdb,w,specification=virtio" ]\nirqs = [ 34 ]',
      'disk = [ "a,raw,xvda,w", "b,raw,xvda,w" ]',
      'passthrough = "disabled"\ndtdev = [ "/soc/a" ]',
    ],
    silent: [
      'irqs = [ 32 ]',
      'vuart = "sbsa_uart"\nirqs = [ 33 ]',
      'disk = [ "a,raw,xvda,w,specification=virtio", "b,raw,xvdb,w" ]\nirqs = [ 34 ]',
      'disk = [ "a,raw,xvda,w", "a,raw,xvdb,r" ]',
      'passthrough = "disabled"\ndtdev = [ ]',
    ],
  },
  'unknown-key': {
    fires: ['memroy = 3', 'colour = "red"', 'tostring = 1'],
    silent: ['pool = "a"'],
  },
  'unknown-option': {
    fires: ['vif = [ "bridgge=a" ]', 'vif = [ "a" ]', 'vfb = [ "colour=1" ]', 'vif = [ "constructor=1" ]'],
    silent: ['vif = [ "bridge=a" ]', 'vfb = [ "vnc=1" ]'],
  },
  'newer-xen': { fires: ['sve = "hw"', 'vif = [ "vlan=3" ]', 'nr_spis = 4'], silent: ['vpmu = 1'] },
  deprecated: {
    fires: ['builder = "generic"', 'vif = [ "netdev=eth0" ]'],
    silent: ['vif = [ "gatewaydev=eth0" ]', 'disk = [ "/dev/a,raw,xvda,w" ]'],
  },
  'x86-only': { fires: ['hap = 1', 'vnc = 1', 'vif = [ "model=e1000" ]'], silent: ['vpmu = 1'] },
  duplicate: { fires: ['vcpus = 1\nvcpus = 2'], silent: ['extra = "a"\nextra += " b"', 'vcpus += 2'] },
  'ignored-setting': {
    fires: ['cmdline = "a"\nroot = "/dev/xvda"', 'extra = "b"\ncmdline = "a"'],
    silent: ['root = "/dev/xvda"\nextra = "ro"', 'cmdline = "a"'],
  },
  'unclear-type': { fires: ['type = "pv"', 'type = "p"'], silent: ['type = "pvh"', ''] },
  'file-elsewhere': { fires: ['ramdisk = "/gone"'], silent: ['ramdisk = "gone"', 'ramdisk = "initrd"'] },
  'not-modelled': {
    fires: ['vif = [ "backend=net" ]', 'vpmu = 1', 'max_grant_frames = 128', 'device_tree = "k"'],
    silent: ['vif = [ "" ]', 'vpmu = 0', 'max_grant_frames = 64'],
  },
  'beyond-machine': {
    fires: ['vcpus = 9', 'memory = 4096'],
    silent: ['vcpus = 8', 'memory = 3296', 'maxvcpus = 64'],
  },
  'without-effect': {
    fires: ['shadow_memory = 8', 'nomigrate = 1'],
    silent: ['hap = 1', 'on_crash = "preserve"'],
  },
  'old-prefix': {
    fires: [
      'disk = [ "phy:/dev/a,xvda,w" ]',
      'disk = [ "tap:aio:/a.img,xvda,w" ]',
      'disk = [ "qcow2:/a.img,xvda,w", "nbd:a,xvdb,w" ]',
      'disk = [ "file:/a.iso,hdc:cdrom,r" ]',
    ],
    silent: ['disk = [ "/dev/a,raw,xvda,w" ]', 'disk = [ "/a.iso,,hdc,devtype=cdrom" ]'],
  },
  'default-memory': { fires: [], silent: [''] },
};

const cases = Object.entries(RULES) as [XlFindingCode, { fires: string[]; silent: string[] }][];

test('a good file has no findings', () => {
  expect(findingsOf(GOOD)).toEqual([]);
  expect(
    findingsOf(
      `# all of it\n${GOOD}ramdisk = "initrd"\nextra = "console=hvc0"\nvcpus = 2\ngic_version = "v3"\n` +
        'type = "pvh"\nvuart = "sbsa_uart"\non_crash = "preserve"\n',
    ),
  ).toEqual([]);
});

test.each(cases)('%s fires', (code, { fires }) => {
  for (const lines of fires) {
    const findings = findingsOf(`${GOOD}${lines}\n`);
    expect(
      findings.map((finding) => finding.code),
      lines,
    ).toContain(code);
    for (const { severity } of findings.filter((finding) => finding.code === code)) {
      expect(severity).toBe(xlRules[code].severity);
    }
  }
});

test.each(cases)('%s stays silent', (code, { silent }) => {
  expect(silent.length).toBeGreaterThan(0);
  for (const lines of silent) {
    const findings = findingsOf(`${GOOD}${lines}\n`);
    expect(
      findings.map((finding) => finding.code),
      lines,
    ).not.toContain(code);
  }
});

test('what is not there is told at the beginning of the file', () => {
  expect(shown('')).toEqual([
    '1:1: error: \'name\' is missing. Add a line such as name = "guest". [missing-name]',
    '1:1: error: \'kernel\' is missing. Add a line such as kernel = "vmlinuz". [missing-kernel]',
    "1:1: hint: 'memory' is missing: the domain gets 32 MiB, too little for a Linux kernel. Add a line such as memory = 256. [default-memory]",
  ]);
  const codes = (text: string) => findingsOf(text).map(({ code }) => code);
  expect(codes('name = "a"\nmemory = 64\nbootloader = "pygrub"\n')).toEqual(['not-modelled']);
  expect(codes('name = "a"\ntype = "hvm"\n')).toEqual(['not-on-arm']);
  // What stands in a line that cannot be read is not missing as well.
  expect(codes('name =\nkernel = "k"\nmemory = 64\n')).toEqual(['syntax']);
});

test('findings say what is wrong, where, and how to mend it', () => {
  expect(
    shown(`name = "a"
kernel = "gone"
memroy = 512
vcpus = 9; gic_version = "v2"
disk = [ "/dev/vg/a,raw,xvda,w",
         "/dev/vg/b,raw,xvda,q" ]
acpi = "yes"
type = "hvm"
irqs = [ 32 ]
vuart = "sbsa_uart"
passthrough = "sync_pt"
sve = "hw"
hap = 1
`),
  ).toMatchInlineSnapshot(`
    [
      "2:10: error: 'gone' (kernel) is not there. Relative paths start at the folder of the configuration, or where the program is started. [missing-file]",
      "3:1: warning: 'memroy' is not a key of xl.cfg, and xl drops it. Did you mean 'memory'? [unknown-key]",
      "4:9: error: 'vcpus' is 9, and GICv2 serves 8. Give fewer, or set gic_version = "v3". [impossible-vcpus]",
      "6:25: error: two disks are called 'xvda'. Give each a device of its own. [conflict]",
      "6:30: error: 'access' of 'disk' cannot be 'q'. Use "rw", "w", "ro", "r". [wrong-option]",
      "7:1: information: Xenscope does not model 'acpi' yet (ACPI tables): it refuses to run this configuration. Nothing is wrong for Xen. To run it here, remove the line or set it to 0. [not-modelled]",
      "7:8: error: 'acpi' is 'yes'. Switches are numbers: write 1. [wrong-type]",
      "8:8: error: Arm has no guests of type 'hvm'. Write type = "pvh", or drop the line. [not-on-arm]",
      "9:1: information: Xenscope does not model 'irqs' yet (host interrupts): it refuses to run this configuration. Nothing is wrong for Xen. To run it here, remove the line. [not-modelled]",
      "9:10: error: interrupt 32 is that of the guest's UART. Give the device another interrupt, or drop vuart. [conflict]",
      "11:1: information: Xenscope does not model 'passthrough' yet (IOMMU use): it refuses to run this configuration. Nothing is wrong for Xen. To run it here, remove the line or set it to default or disabled. [not-modelled]",
      "11:15: error: passthrough 'sync_pt' is refused on Arm. Write "enabled" or "share_pt". [not-on-arm]",
      "12:1: warning: 'sve' came with Xen 4.18, and the xl of Xen 4.17 drops it. Remove it where Xen 4.17 is used. [newer-xen]",
      "13:1: warning: 'hap' is for x86 guests and means nothing to an Arm guest. Remove it. [x86-only]",
    ]
  `);
});

test('a line has one syntax error, and other lines keep theirs', () => {
  expect(
    shown('name = "a\nkernel = k\nmemory = 4G\nvif = [ "a" "b" ]\nVcpus = 2\nimport os\n'),
  ).toMatchInlineSnapshot(`
    [
      "1:8: error: the string is not closed on its line. Add " at its end; a string cannot span lines. [syntax]",
      "2:10: error: a value is missing after '=', found 'k'. Write a number, a list in [ ], or text in quotes. [syntax]",
      "3:11: error: 'G' cannot stand behind a number. Numbers have no unit; put other text in quotes. [syntax]",
      "4:10: warning: 'a' has no '=' in a network interface. Write it as in "bridge=xenbr0". [unknown-option]",
      "4:13: error: a comma is missing between two elements of the list. Write [ a, b ]. [syntax]",
      "5:1: error: 'Vcpus' is not a key. Keys are written in lower case. [syntax]",
      "6:8: error: '=' is missing after 'import', found 'os'. Write key = value. [syntax]",
    ]
  `);
});

test('a finding stands at what it is about', () => {
  const text = `${GOOD}disk = [ "/dev/a,raw,xvda,w", 'b,row,xvdb' ]\nmemroy = 1\n`;
  const marked = findingsOf(text).map(({ code, from, to }) => `${code}: ${text.slice(from, to)}`);
  expect(marked).toEqual(['wrong-option: row', 'unknown-key: memroy']);
  const { line, column, endLine, endColumn } = findingsOf(text)[0] ?? {};
  expect({ line, column, endLine, endColumn }).toEqual({ line: 4, column: 34, endLine: 4, endColumn: 37 });
});

test('related places are named', () => {
  const [finding] = findingsOf(`${GOOD}vcpus = 1\nvcpus = 2\n`);
  expect(finding?.related).toMatchObject([{ message: 'the value that is dropped', line: 4, column: 1 }]);
});

test('what was meant is suggested', () => {
  const suggested = (word: string) =>
    /'(\w+)'\?/.exec(
      findingsOf(`${GOOD}${word} = 1\n`).find(({ code }) => code === 'unknown-key')?.hint ?? '',
    )?.[1];
  expect(suggested('memroy')).toBe('memory');
  expect(suggested('vcpu')).toBe('vcpus');
  expect(suggested('initrd')).toBe('ramdisk');
  expect(suggested('on_crsh')).toBe('on_crash');
  expect(suggested('mem')).toBe('memory');
  expect(suggested('something')).toBeUndefined();
  expect(suggested('x')).toBeUndefined();
});

test('applying a fix mends what it is offered for', () => {
  let applied = 0;
  for (const [code, { fires }] of cases) {
    for (const lines of [...fires, '']) {
      // The empty line stands for files in which everything is missing.
      const text = lines === '' ? '' : `${GOOD}${lines}\n`;
      for (const finding of findingsOf(text).filter((one) => one.code === code)) {
        for (const fix of finding.fixes) {
          applied++;
          const mended = findingsOf(edited(text, fix));
          const same = mended.filter((one) => one.code === code && one.message === finding.message);
          expect(same, `${lines}: ${fix.title}`).toEqual([]);
        }
      }
    }
  }
  expect(applied).toBeGreaterThan(30);
});

test('an old prefix becomes the format that it stood for', () => {
  const text = `${GOOD}disk = [ "phy:/dev/a,xvda,w", "qcow2:/b.img,xvdb" ]\n`;
  const fixes = findingsOf(text).flatMap((finding) => (finding.code === 'old-prefix' ? finding.fixes : []));
  const mended = [...fixes].reverse().reduce((before, fix) => edited(before, fix), text);
  expect(mended).toBe(`${GOOD}disk = [ "/dev/a,raw,xvda,w", "/b.img,qcow2,xvdb" ]\n`);
});

test('a setting is removed with its line, and without it where another shares the line', () => {
  const removed = (text: string) => {
    const fix = findingsOf(text)
      .flatMap(({ fixes }) => fixes)
      .find(({ title }) => title === 'Remove hap');
    return fix && edited(text, fix);
  };
  expect(removed(`${GOOD}hap = 1 # on\nvcpus = 1\n`)).toBe(`${GOOD}vcpus = 1\n`);
  expect(removed(`${GOOD}hap = 1; vcpus = 1\n`)).toBe(`${GOOD}vcpus = 1\n`);
  expect(removed(`${GOOD}vcpus = 1; hap = 1`)).toBe(`${GOOD}vcpus = 1; `);
});

test('files are looked for by the names in the configuration', () => {
  const document = parseXlDocument(
    `${GOOD}ramdisk = "r"\ndevice_tree = "/d"\nfirmware = "f"\nkernel = "k"\n`,
  );
  expect(pathsNamed(document)).toEqual(['k', 'r', '/d']);
  expect(findingsOf('name = "a"\nkernel = "gone"\nmemory = 64\n', {})).toEqual([]);
});

function edited(text: string, { edits }: XlFix): string {
  let result = text;
  for (const { from, to, text: written } of [...edits].sort((a, b) => b.from - a.from)) {
    result = result.slice(0, from) + written + result.slice(to);
  }
  return result;
}

// ---------------------------------------------------------------- broken text

const WHOLE = `# A guest
name = "linux"; type = 'pvh'
kernel = "k"
ramdisk = "initrd"
extra = "console=hvc0"
extra += " quiet"
memory = 0x100
cpus = [ "0-1", "2,^3" ]
disk = [ "/dev/vg/a,raw,xvda,w", "phy:/dev/b,xvdb,w", 'target=/c,d,vdev=xvdc' ]
vif = [ "mac=00:16:3e:00:00:01, bridge=xenbr0", "" ]
vsnd = [ [ "card, backend=0", "pcm, name=a" ] ]
irqs = [ 32, "0x21" ]
vuart = "sbsa_uart"
memroy = 1
sve = "hw"
`;

const check = (text: string): void => {
  const findings = findingsOf(text);
  for (const { from, to, line, column, message, hint, fixes, related } of findings) {
    expect(from).toBeGreaterThanOrEqual(0);
    expect(to).toBeGreaterThanOrEqual(from);
    expect(to).toBeLessThanOrEqual(text.length);
    expect(line).toBeGreaterThanOrEqual(1);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(`${message}${hint}`).not.toMatch(/undefined|NaN|\[object/);
    for (const fix of fixes) {
      for (const edit of fix.edits) expect(edit.to <= text.length && edit.from <= edit.to).toBe(true);
    }
    for (const other of related) expect(other.to).toBeLessThanOrEqual(text.length);
  }
};

test('text that is cut anywhere has findings at places that exist', () => {
  for (let length = 0; length <= WHOLE.length; length++) check(WHOLE.slice(0, length));
});

test('text that is changed anywhere has findings at places that exist', () => {
  const piece = fc.constantFrom(
    '"',
    "'",
    '[',
    ']',
    ',',
    '=',
    '+=',
    '\n',
    ';',
    '#',
    '\\',
    '\0',
    'é',
    '🙂',
    'A',
    '(',
  );
  fc.assert(
    fc.property(
      fc.nat(WHOLE.length),
      fc.nat(30),
      fc.array(piece, { maxLength: 6 }),
      (at, removed, pieces) => {
        check(WHOLE.slice(0, at) + pieces.join('') + WHOLE.slice(at + removed));
      },
    ),
    { numRuns: 1000 },
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), check), { numRuns: 1000 });
});

test('words from the table in any order are no problem', () => {
  const word = fc.constantFrom(...xlKeys.keys(), 'toString', '__proto__', 'constructor');
  const value = fc.constantFrom(
    '1',
    '"a"',
    '[ ]',
    '[ "a,b=c", 1 ]',
    '[ [ "a" ] ]',
    '"-1"',
    '""',
    '"hvm"',
    '0x',
  );
  const line = fc.tuple(word, fc.constantFrom('=', '+='), value).map((parts) => parts.join(' '));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => check(lines.join('\n'))),
    { numRuns: 1500 },
  );
});

test('a run takes what has no error and asks for nothing that is not there', () => {
  const used = [...xlKeys].filter(([, { run }]) => run.status === 'used').map(([name]) => name);
  const key = fc.oneof({ arbitrary: fc.constantFrom(...used), weight: 3 }, fc.constantFrom(...xlKeys.keys()));
  const value = fc.constantFrom(
    '1',
    '2',
    '64',
    '0x40',
    '"1"',
    '"a"',
    '"a/b"',
    '""',
    '[ ]',
    '[ 1 ]',
    '"v2"',
    '"V3"',
    '"pv"',
    '"p"',
    '"destroy"',
    '"default"',
    '"SBSA_UART"',
    '"sbsa_uart"',
    '"00112233-4455-6677-8899-aabbccddeeff"',
    '"0011-22334455-6677-8899-aabbccddeeff"',
    '[ "scratch:4M,raw,xvda,w" ]',
    '9',
  );
  const line = fc.tuple(key, value).map(([name, text]) => `${name} = ${text}`);
  let taken = 0;
  const property = fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
    const text = `${GOOD}${lines.join('\n')}\n`;
    const blocking = findingsOf(text, {}).filter(({ severity }) =>
      ['error', 'information'].includes(severity),
    );
    if (blocking.length > 0) return;
    readXlConfig(text, 'domu.cfg');
    taken++;
  });
  fc.assert(property, { numRuns: 3000 });
  expect(taken).toBeGreaterThan(300);
});

test('files that nobody wrote cost little', () => {
  for (const text of [
    '['.repeat(50_000),
    '"'.repeat(50_000),
    '= '.repeat(50_000),
    'a = 1\n'.repeat(20_000),
  ]) {
    check(text);
  }
  check(`disk = [ "${','.repeat(100_000)}" ]`);
  check(`${'x'.repeat(100_000)} = "${'y'.repeat(100_000)}"`);
  expect(findingsOf('A\n'.repeat(5000)).length).toBeLessThan(200);
});
