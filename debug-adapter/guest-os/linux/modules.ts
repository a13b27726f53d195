// Loaded modules of Linux: include/linux/module.h, kernel/module/sysfs.c, kernel/module/kallsyms.c.

import { stringAt, viewOf } from '../../../emulator/formats/elf.ts';
import type { GuestModule, MemoryRange, ModuleContents, ModuleSymbol } from '../guest-os.ts';
import { isKernelPointer } from './kernel-memory.ts';
import type { KernelMemory } from './kernel-memory.ts';

const MAX_MODULES = 4096;
const MAX_SECTIONS = 512;
const MAX_SYMBOLS = 65_536;
const MAX_NAMES = 4 * 1024 * 1024;
/** Of a module: larger ones do not come into reach of the kernel's branches. */
const MAX_SIZE = 0x1000_0000;
/** enum module_state. */
const STATES = ['live', 'coming', 'going', 'unformed'] as const;
/** MODULE_NAME_LEN allows 55 letters. */
const NAME = /^[\w-]{1,55}$/;
/** enum mod_mem_type. */
const MOD_MEM_TYPES = 7;
const SYMBOL_SIZE = 24;
const STT_FUNC = 2;
const STT_NOTYPE = 0;
const MAX_NOTE = 64;
const BUILD_ID_NOTE = '.note.gnu.build-id';

/** Whether the first that is on a list is a module: it says so itself, in the object that sysfs shows of it. */
export async function isModuleList(memory: KernelMemory, head: bigint): Promise<boolean> {
  const node = await memory.pointer(head);
  const field = await memory.layout('module', 'list');
  if (node === undefined || node === head || !field) return false;
  const at = node - BigInt(field.offset);
  return (await memory.member(at, 'module', 'mkobj.mod')) === at;
}

/** `head`: address of the list `modules`. */
export async function readModules(memory: KernelMemory, head: bigint): Promise<readonly GuestModule[]> {
  const found: GuestModule[] = [];
  for (const at of await memory.list(head, 'module', 'list', MAX_MODULES)) {
    const module = await readModule(memory, at);
    if (!module) break;
    found.push(module);
  }
  return found;
}

/** Undefined: there is none. */
export async function readModule(memory: KernelMemory, at: bigint): Promise<GuestModule | undefined> {
  if (!isKernelPointer(at)) return undefined;
  const name = await memory.textIn(at, 'module', 'name');
  if (name === undefined || !NAME.test(name)) return undefined;
  const ranges = await rangesOf(memory, at);
  const [text] = ranges;
  const state = Number((await memory.member(at, 'module', 'state')) ?? 0n);
  return {
    descriptor: at,
    name,
    address: text?.start ?? 0n,
    size: text?.size ?? 0,
    state: STATES[state] ?? 'unknown',
    ranges,
  };
}

/** Its code first. */
async function rangesOf(memory: KernelMemory, at: bigint): Promise<readonly MemoryRange[]> {
  const ranges: MemoryRange[] = [];
  const add = async (of: bigint, structure: string, prefix: string): Promise<void> => {
    const start = await memory.member(of, structure, `${prefix}base`);
    const size = Number((await memory.member(of, structure, `${prefix}size`)) ?? 0n);
    if (start !== undefined && start >> 55n === 0x1ffn && size > 0 && size <= MAX_SIZE)
      ranges.push({ start, size });
  };
  if (await memory.layout('module', 'core_layout.base')) {
    await add(at, 'module', 'core_layout.');
    await add(at, 'module', 'init_layout.');
    return ranges;
  }
  // From 6.4 on, one for each type of memory.
  const first = await memory.addressOf(at, 'module', 'mem');
  const size = await memory.sizeOf('module_memory');
  if (first === undefined || size === undefined) return ranges;
  for (let i = 0; i < MOD_MEM_TYPES; i++) await add(first + BigInt(i * size), 'module_memory', '');
  return ranges;
}

export async function readContents(memory: KernelMemory, module: GuestModule): Promise<ModuleContents> {
  const sections = await readSections(memory, module.descriptor);
  const note = sections.get(BUILD_ID_NOTE);
  return {
    sections,
    buildId: note === undefined ? undefined : await readBuildId(memory, note),
    symbols: await readSymbols(memory, module),
  };
}

/** What sysfs shows in /sys/module/NAME/sections. */
async function readSections(memory: KernelMemory, at: bigint): Promise<ReadonlyMap<string, bigint>> {
  const found = new Map<string, bigint>();
  const all = await memory.pointerIn(at, 'module', 'sect_attrs');
  if (all === undefined) return found;
  const first = await memory.addressOf(all, 'module_sect_attrs', 'attrs');
  // Up to 6.13 with a structure of its own; from then on a bin_attribute, which keeps the address as `private`.
  const isOwn = (await memory.layout('module_sect_attr', 'address')) !== undefined;
  const [structure, name, address] = isOwn
    ? (['module_sect_attr', 'battr.attr.name', 'address'] as const)
    : (['bin_attribute', 'attr.name', 'private'] as const);
  const size = await memory.sizeOf(structure);
  const said = await memory.member(all, 'module_sect_attrs', 'nsections');
  if (first === undefined || !size) return found;
  const count = Math.min(said === undefined ? MAX_SECTIONS : Number(said), MAX_SECTIONS);
  for (let i = 0; i < count; i++) {
    const entry = first + BigInt(i * size);
    const text = await memory.member(entry, structure, name);
    const place = await memory.member(entry, structure, address);
    // Names come from the allocator: they may lie anywhere.
    if (text === undefined || place === undefined || text >> 55n !== 0x1ffn) break;
    found.set(await memory.text(text, 128), place);
  }
  return found;
}

async function readBuildId(memory: KernelMemory, note: bigint): Promise<string | undefined> {
  const bytes = await memory.read(note, MAX_NOTE);
  if (bytes.length < 16) return undefined;
  const view = viewOf(bytes);
  const start = 12 + view.getUint32(0, true);
  const size = view.getUint32(4, true);
  if (start !== 16 || size === 0 || start + size > bytes.length) return undefined;
  return [...bytes.subarray(start, start + size)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The kernel's own copy of the symbol table; after the module's beginning what concerns that is left out. */
async function readSymbols(
  memory: KernelMemory,
  { descriptor, ranges }: GuestModule,
): Promise<readonly ModuleSymbol[]> {
  const table = await memory.pointerIn(descriptor, 'module', 'kallsyms');
  if (table === undefined) return [];
  const field = (name: string) => memory.member(table, 'mod_kallsyms', name);
  const symbols = await field('symtab');
  const names = await field('strtab');
  const count = Number((await field('num_symtab')) ?? 0n);
  if (symbols === undefined || names === undefined || count > MAX_SYMBOLS) return [];
  const view = viewOf(await memory.read(symbols, count * SYMBOL_SIZE));
  const total = Math.floor(view.byteLength / SYMBOL_SIZE);
  let end = 0;
  for (let i = 0; i < total; i++) end = Math.max(end, view.getUint32(i * SYMBOL_SIZE, true));
  // The last name goes on behind where it begins.
  const strings = await memory.read(names, Math.min(end, MAX_NAMES) + 512);
  const found: ModuleSymbol[] = [];
  for (let i = 0; i < total; i++) {
    const at = i * SYMBOL_SIZE;
    const address = view.getBigUint64(at + 8, true);
    const kind = view.getUint8(at + 4) & 15;
    const name = stringAt(strings, view.getUint32(at, true));
    // Mapping symbols ($x, $d) are for disassemblers; undefined ones lie in the kernel or another module.
    if (name === '' || name.startsWith('$') || kind > STT_FUNC) continue;
    if (!ranges.some(({ start, size }) => address >= start && address < start + BigInt(size))) continue;
    found.push({ name, address, isFunction: kind === STT_FUNC || kind === STT_NOTYPE });
  }
  return found;
}
