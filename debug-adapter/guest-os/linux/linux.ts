// Linux on arm64, seen from outside: its tasks, what each vCPU runs, its log. Needs types, from DWARF or from the BTF
// of the kernel, and the addresses of a few static objects, from symbols or by their looks.

import type { GeneralRegisters, Registers, VcpuId } from '../../../emulator/machine/messages.ts';
import { bytesOf } from '../../../emulator/formats/byte-source.ts';
import { Btf } from '../../../emulator/formats/btf.ts';
import type { Debuggee } from '../../debuggee.ts';
import { frameExpression } from '../../frames/frame-expression.ts';
import { walkStack } from '../../frames/stack.ts';
import type { Frame, ReadGuest } from '../../frames/stack.ts';
import type { Target } from '../../symbols/target.ts';
import type {
  GuestLogRecord,
  GuestModule,
  GuestOs,
  GuestProgram,
  GuestTask,
  ModuleContents,
} from '../guest-os.ts';
import { KernelMemory } from './kernel-memory.ts';
import { BtfLayouts, DwarfLayouts } from './layouts.ts';
import type { StructLayouts } from './layouts.ts';
import { isModuleList, readContents, readModule, readModules } from './modules.ts';
import { readPrintkRing } from './printk.ts';
import { readProgram } from './programs.ts';
import { emptyLists, findStatics, pointersTo } from './statics.ts';
import { readTask, taskAddresses } from './tasks.ts';

/** Link addresses. */
interface Places {
  readonly initTask: bigint;
  /** Of the pointer `prb`, which may be changed to a ring that was allocated; or of the static ring. */
  readonly ringPointer: bigint | undefined;
  readonly ring: bigint | undefined;
  readonly modules: bigint | undefined;
}

/** Undefined: the program is no Linux, or says too little of itself. */
export async function openLinux(debuggee: Debuggee, target: Target): Promise<GuestOs | undefined> {
  const isLinux = ['start_kernel', 'schedule', '_stext'].every((name) => target.addressesOf(name).length > 0);
  if (!isLinux) return undefined;
  const layouts = await layoutsOf(target);
  const places = layouts && (await placesOf(target, layouts));
  return places && new Linux(debuggee, target, layouts, places);
}

async function imageOf(target: Target): Promise<Uint8Array | undefined> {
  const kernel = await target.kernel?.();
  return kernel?.kind === 'image' ? bytesOf(kernel.segments[0].data) : undefined;
}

async function layoutsOf(target: Target): Promise<StructLayouts | undefined> {
  // BTF is read in a few milliseconds, and is the running kernel's own for sure.
  const image = await imageOf(target);
  const btf = image && Btf.find(image);
  if (btf) return new BtfLayouts(btf);
  const layouts = target.program && new DwarfLayouts(target.program);
  return layouts && (await layouts.field('task_struct', 'comm')) ? layouts : undefined;
}

async function placesOf(target: Target, layouts: StructLayouts): Promise<Places | undefined> {
  const [initTask] = target.addressesOf('init_task');
  const [ringPointer] = target.addressesOf('prb');
  const [ring] = target.addressesOf('printk_rb_static');
  const [modules] = target.addressesOf('modules');
  if (initTask !== undefined) return { initTask, ringPointer, ring, modules };
  const base = target.map.imageBase;
  const image = await imageOf(target);
  if (!image || base === undefined) return undefined;
  const found = await findStatics(image, layouts);
  if (found.initTask === undefined) return undefined;
  const foundRing = found.printkRing === undefined ? undefined : base + BigInt(found.printkRing);
  return {
    initTask: base + BigInt(found.initTask),
    ringPointer: foundRing === undefined ? undefined : pointersTo(image, foundRing)[0],
    ring: foundRing,
    modules,
  };
}

/** `thread.cpu_context` of a task that does not run: X19..X28, then these. */
const FIRST_SAVED = 19;
const LAST_SAVED = 28;

class Linux implements GuestOs {
  readonly name = 'Linux';
  private readonly debuggee: Debuggee;
  private readonly target: Target;
  private readonly layouts: StructLayouts;
  private readonly places: Places;
  /** By CPU the task that was found on it last. */
  private readonly lastOn = new Map<number, bigint>();
  /** Link address. */
  private moduleList: bigint | undefined;
  private lists: Promise<readonly bigint[]> | undefined;

  constructor(debuggee: Debuggee, target: Target, layouts: StructLayouts, places: Places) {
    this.debuggee = debuggee;
    this.target = target;
    this.layouts = layouts;
    this.places = places;
  }

  async tasks(): Promise<readonly GuestTask[]> {
    const memory = await this.look();
    const running = new Map<bigint, VcpuId>();
    for (const vcpu of memory.vcpus) {
      const current = await this.currentAddress(memory, vcpu);
      if (current !== undefined) running.set(current, vcpu);
    }
    const tasks: GuestTask[] = [];
    const addresses = new Set([...(await this.addresses(memory)), ...running.keys()]);
    for (const address of addresses) {
      const task = await readTask(memory, address, running.get(address));
      if (task) tasks.push(task);
    }
    return tasks.sort((a, b) => a.tgid - b.tgid || a.pid - b.pid || (a.cpu ?? 0) - (b.cpu ?? 0));
  }

  async currentTask(vcpu: VcpuId): Promise<GuestTask | undefined> {
    const memory = await this.look();
    const address = await this.currentAddress(memory, vcpu);
    return address === undefined ? undefined : readTask(memory, address, vcpu);
  }

  async stackOf(task: GuestTask, limit: number): Promise<readonly Frame[]> {
    if (task.on) return this.debuggee.walk(task.on, limit);
    const memory = await this.look();
    const registers = await this.savedRegisters(memory, task.address);
    if (!registers) return [];
    const read = await this.readerFor(memory, task);
    const vcpu = memory.vcpus[0] ?? { domain: this.target.domain, vcpu: 0 };
    const target = await this.debuggee.targetOfTask(this.target.domain, task.address);
    const source = this.debuggee.stackSource(vcpu, target);
    return walkStack(
      registers,
      {
        ...source,
        read,
        // What is in the registers of the vCPU is another task's.
        systemRegister: async (name) => (name === 'TCR_EL1' ? source.systemRegister?.(name) : undefined),
        evaluate: (bytes, frame, initial) => frameExpression(bytes, frame, initial, read),
      },
      limit,
      { standing: false },
    );
  }

  async log(): Promise<readonly GuestLogRecord[]> {
    const memory = await this.look();
    const { map } = this.target;
    const { ringPointer, ring } = this.places;
    const now = ringPointer === undefined ? undefined : await memory.pointer(map.toRuntime(ringPointer));
    const at = now ?? (ring === undefined ? undefined : map.toRuntime(ring));
    return at === undefined ? [] : readPrintkRing(memory, at);
  }

  async modules(): Promise<readonly GuestModule[]> {
    const memory = await this.look();
    this.moduleList ??= await this.findModuleList(memory);
    return this.moduleList === undefined
      ? []
      : readModules(memory, this.target.map.toRuntime(this.moduleList));
  }

  async moduleAt(descriptor: bigint): Promise<GuestModule | undefined> {
    return readModule(await this.look(), descriptor);
  }

  async contentsOf(module: GuestModule): Promise<ModuleContents> {
    return readContents(await this.look(), module);
  }

  async programOf(task: bigint): Promise<GuestProgram | undefined> {
    return readProgram(await this.look(), task);
  }

  // ---------------------------------------------------------------- parts

  /** Without a symbol it is the list that has a module on it; undefined until there is one. */
  private async findModuleList(memory: KernelMemory): Promise<bigint | undefined> {
    if (this.places.modules !== undefined) return this.places.modules;
    this.lists ??= imageOf(this.target).then((image) => (image ? emptyLists(image) : []));
    for (const list of await this.lists) {
      if (await isModuleList(memory, this.target.map.toRuntime(list))) return list;
    }
    return undefined;
  }

  private async look(): Promise<KernelMemory> {
    const { initTask, ringPointer } = this.places;
    const memory = new KernelMemory(this.debuggee, this.target, this.layouts, initTask);
    if (ringPointer !== undefined) await memory.learnSlide(ringPointer);
    return memory;
  }

  private addresses(memory: KernelMemory): Promise<readonly bigint[]> {
    return taskAddresses(memory, this.target.map.toRuntime(this.places.initTask));
  }

  /**
   * In the kernel SP_EL0 is the current task (arch/arm64/include/asm/current.h). At EL0, and in the first instructions of
   * an exception from there, it is the program's stack: then `__entry_task` of the CPU says it, or else the task
   * that says it is on that CPU.
   */
  private async currentAddress(memory: KernelMemory, vcpu: VcpuId): Promise<bigint | undefined> {
    const registers = await this.debuggee.machine.request('readRegisters', {
      vcpu,
      groups: ['general', 'system'],
    });
    const pointer = systemRegister(registers, 'SP_EL0');
    if (pointer !== undefined && (await readTask(memory, pointer, vcpu))) return pointer;
    const [entryTask] = this.target.addressesOf('__entry_task');
    const perCpu = systemRegister(registers, 'TPIDR_EL1');
    if (entryTask !== undefined && perCpu !== undefined) {
      return memory.pointer(this.target.map.toRuntime(entryTask) + perCpu);
    }
    const isOn = async (task: bigint): Promise<boolean> =>
      (await memory.member(task, 'task_struct', 'on_cpu')) === 1n &&
      (await memory.member(task, 'task_struct', 'thread_info.cpu', 'cpu')) === BigInt(vcpu.vcpu);
    const before = this.lastOn.get(vcpu.vcpu);
    if (before !== undefined && (await isOn(before))) return before;
    for (const task of await this.addresses(memory)) {
      if (!(await isOn(task))) continue;
      this.lastOn.set(vcpu.vcpu, task);
      return task;
    }
    return undefined;
  }

  private async savedRegisters(memory: KernelMemory, task: bigint): Promise<GeneralRegisters | undefined> {
    const x = new BigUint64Array(31);
    const saved = (name: string) => memory.member(task, 'task_struct', `thread.cpu_context.${name}`);
    for (let n = FIRST_SAVED; n <= LAST_SAVED; n++) x[n] = (await saved(`x${n}`)) ?? 0n;
    const fp = await saved('fp');
    const sp = await saved('sp');
    const pc = await saved('pc');
    if (fp === undefined || sp === undefined || pc === undefined || pc === 0n) return undefined;
    x[29] = fp;
    // EL1h.
    return { x, sp, pc, pstate: 5 };
  }

  /** Its program's memory below the kernel's. */
  private async readerFor(memory: KernelMemory, task: GuestTask): Promise<ReadGuest> {
    const isUpper = (address: bigint): boolean => address >> 63n === 1n;
    const mm = await memory.pointerIn(task.address, 'task_struct', 'mm');
    const tables = mm && (await memory.pointerIn(mm, 'mm_struct', 'pgd'));
    const root = tables && (await memory.physicalOf(tables));
    const at = memory.vcpus[0];
    return async (address, length) => {
      if (isUpper(address)) return memory.read(address, length);
      if (root === undefined || !at) return new Uint8Array();
      return this.debuggee.readMemory({ kind: 'va', at, ttbr0: root }, address, length);
    };
  }
}

const systemRegister = ({ system }: Registers, name: string): bigint | undefined =>
  system?.find((register) => register.name === name)?.value;
