import { expect, test } from 'vitest';
import { readContents, readModule } from '../../../debug-adapter/guest-os/linux/modules.ts';
import type { GuestModule } from '../../../debug-adapter/guest-os/guest-os.ts';
import { HEAP, type Layouts, LinuxMemory } from '../support/linux-memory.ts';

const COMMON: Layouts = {
  module: {
    size: 512,
    fields: { state: [0, 4], name: [24, 56], kallsyms: [88, 8], sect_attrs: [96, 8] },
  },
  mod_kallsyms: { size: 32, fields: { symtab: [0, 8], num_symtab: [8, 4], strtab: [16, 8] } },
};

/** Linux 6.1: two areas, and a structure of its own for a section. */
const TWO_AREAS: Layouts = {
  ...COMMON,
  module: {
    size: 512,
    fields: {
      ...COMMON['module']?.fields,
      'core_layout.base': [128, 8],
      'core_layout.size': [136, 4],
      'init_layout.base': [160, 8],
      'init_layout.size': [168, 4],
    },
  },
  module_sect_attrs: { size: 16, fields: { nsections: [8, 4], attrs: [16, 0] } },
  module_sect_attr: { size: 24, fields: { 'battr.attr.name': [0, 8], address: [16, 8] } },
};

/** From 6.4 an area for each kind of memory, from 6.14 sections as attributes like all others. */
const MANY_AREAS: Layouts = {
  ...COMMON,
  module: { size: 512, fields: { ...COMMON['module']?.fields, mem: [128, 7 * 32] } },
  module_memory: { size: 32, fields: { base: [0, 8], size: [8, 4] } },
  module_sect_attrs: { size: 16, fields: { attrs: [16, 0] } },
  bin_attribute: { size: 40, fields: { 'attr.name': [0, 8], private: [24, 8] } },
};

const MODULE = HEAP + 0x1000n;
const ATTRIBUTES = HEAP + 0x2000n;
const TABLE = HEAP + 0x3000n;
const SYMBOLS = HEAP + 0x3100n;
const NAMES = HEAP + 0x3801n;
const NOTE = HEAP + 0x4000n;
const TEXT = HEAP + 0x8000n;
const INIT = HEAP + 0xa000n;

const SECTIONS: readonly (readonly [string, bigint])[] = [
  ['.text', TEXT],
  ['.note.gnu.build-id', NOTE],
  ['.init.text', INIT],
];

function common(memory: LinuxMemory): void {
  memory.set(MODULE, 'module', { state: 1, name: 'probe', kallsyms: TABLE, sect_attrs: ATTRIBUTES });
  const symbols: readonly (readonly [string, number, bigint])[] = [
    ['', 0, 0n],
    ['$x', 0, TEXT],
    ['probe_add', 2, TEXT + 0x10n],
    ['probe_table', 1, TEXT + 0x800n],
    ['printk', 0, 0xffff_8000_0800_1000n],
    ['probe_init', 2, INIT],
    ['probe.c', 4, 0n],
  ];
  let name = 0;
  for (const [i, [text, kind, value]] of symbols.entries()) {
    const at = SYMBOLS + BigInt(24 * i);
    memory.word(at, BigInt(name), 4);
    memory.word(at + 4n, BigInt(kind), 1);
    memory.word(at + 8n, value);
    memory.text(NAMES + BigInt(name), text);
    name += text.length + 1;
  }
  memory.set(TABLE, 'mod_kallsyms', { symtab: SYMBOLS, num_symtab: symbols.length, strtab: NAMES });
  for (const [i, word] of [4, 4, 3, 0x554e47, 0xefbeadde].entries())
    memory.word(NOTE + BigInt(4 * i), BigInt(word), 4);
}

function sections(memory: LinuxMemory, structure: string, size: number, name: string, address: string): void {
  const [first] = [memory.at(ATTRIBUTES, 'module_sect_attrs', 'attrs')];
  for (const [i, [text, place]] of SECTIONS.entries()) {
    const at = first + BigInt(size * i);
    // As the allocator has it: at any address.
    const own = HEAP + 0x5003n + BigInt(0x40 * i);
    memory.text(own, text);
    memory.set(at, structure, { [name]: own, [address]: place });
  }
}

function withTwoAreas(): LinuxMemory {
  const memory = new LinuxMemory(TWO_AREAS);
  common(memory);
  memory.set(MODULE, 'module', { 'core_layout.base': TEXT, 'core_layout.size': 0x1000 });
  memory.set(MODULE, 'module', { 'init_layout.base': INIT, 'init_layout.size': 0x200 });
  memory.set(ATTRIBUTES, 'module_sect_attrs', { nsections: SECTIONS.length });
  sections(memory, 'module_sect_attr', 24, 'battr.attr.name', 'address');
  return memory;
}

function withManyAreas(): LinuxMemory {
  const memory = new LinuxMemory(MANY_AREAS);
  common(memory);
  const areas = [
    [TEXT, 0x1000],
    [0n, 0],
    [0n, 0],
    [0n, 0],
    [INIT, 0x200],
  ] as const;
  for (const [i, [base, size]] of areas.entries())
    memory.set(memory.at(MODULE, 'module', 'mem') + BigInt(32 * i), 'module_memory', { base, size });
  sections(memory, 'bin_attribute', 40, 'attr.name', 'private');
  return memory;
}

async function moduleOf(memory: LinuxMemory): Promise<GuestModule> {
  const module = await readModule(memory.kernel, MODULE);
  if (!module) throw new Error('there is no module');
  return module;
}

for (const [version, made] of [
  ['6.1', withTwoAreas],
  ['6.14', withManyAreas],
] as const) {
  test(`a module of Linux ${version} says where its parts are, and what is in them`, async () => {
    const memory = made();
    const module = await moduleOf(memory);
    expect(module).toEqual({
      descriptor: MODULE,
      name: 'probe',
      address: TEXT,
      size: 0x1000,
      state: 'coming',
      ranges: [
        { start: TEXT, size: 0x1000 },
        { start: INIT, size: 0x200 },
      ],
    });
    const contents = await readContents(memory.kernel, module);
    expect([...contents.sections]).toEqual(SECTIONS);
    expect(contents.buildId).toBe('deadbeef');
    expect(contents.symbols).toEqual([
      { name: 'probe_add', address: TEXT + 0x10n, isFunction: true },
      { name: 'probe_table', address: TEXT + 0x800n, isFunction: false },
      { name: 'probe_init', address: INIT, isFunction: true },
    ]);
  });
}

test('memory that is gone, and what lay in it, is left out', async () => {
  const memory = withTwoAreas();
  memory.set(MODULE, 'module', { state: 0, 'init_layout.base': 0, 'init_layout.size': 0 });
  const module = await moduleOf(memory);
  expect(module.ranges).toEqual([{ start: TEXT, size: 0x1000 }]);
  const { symbols } = await readContents(memory.kernel, module);
  expect(symbols.map(({ name }) => name)).toEqual(['probe_add', 'probe_table']);
});

test('a module that has gone wild says little, and nothing at length', async () => {
  const memory = withTwoAreas();
  memory.set(MODULE, 'module', { 'core_layout.size': 0xffff_ffff, 'init_layout.base': 0x1234 });
  memory.set(TABLE, 'mod_kallsyms', { num_symtab: 0xffff_ffff });
  memory.set(ATTRIBUTES, 'module_sect_attrs', { nsections: 0xffff_ffff });
  const module = await moduleOf(memory);
  expect(module.ranges).toEqual([]);
  const { sections: found, symbols } = await readContents(memory.kernel, module);
  expect([...found]).toEqual(SECTIONS);
  expect(symbols).toEqual([]);
  expect(await readModule(memory.kernel, 0x4141_4141_4141_4141n)).toBeUndefined();
  expect(await readModule(memory.kernel, HEAP + 0x7000n)).toBeUndefined();
});
