// What guests load beside their kernels, with its symbols: modules, and programs of processes. It is noticed by
// breakpoints that nobody sees, where the kernel has made a module or a program ready and none of its instructions has
// run: so breakpoints in it are there in time. A guest that loads nothing is never stopped for it.

import type { Breakpoint, StopInfo, VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import { breakpointMessages } from '../errors.ts';
import { mapOf } from '../symbols/load-image.ts';
import type { ImageFiles, ImageLoader } from '../symbols/load-image.ts';
import type { Target } from '../symbols/target.ts';
import type { GuestModule, GuestOs, GuestProgram } from './guest-os.ts';

export interface ImageChange {
  readonly reason: 'new' | 'changed' | 'removed';
  readonly image: Target;
}

/** Where the kernel is asked what it has just loaded or is about to let go: functions of Linux. */
interface Site {
  readonly id: number;
  readonly name: string;
  readonly about: 'modules' | 'programs';
  notice(images: LoadedImages, at: Noticed): Promise<readonly ImageChange[]>;
}

interface Noticed {
  readonly debuggee: Debuggee;
  readonly kernel: Target;
  readonly guest: GuestOs;
  readonly vcpu: VcpuId;
  /** X0: the first argument of the function. */
  readonly argument: bigint;
}

const SITES: readonly Site[] = [
  // Its sections are in place, and its init function comes next.
  { id: 0x7fff_fffe, name: 'do_init_module', about: 'modules', notice: (all, at) => all.moduleLoaded(at) },
  { id: 0x7fff_fffd, name: 'free_module', about: 'modules', notice: (all, at) => all.moduleFreed(at) },
  // The new program is mapped, and its first instruction comes next.
  { id: 0x7fff_fffc, name: 'finalize_exec', about: 'programs', notice: (all, at) => all.programBegins(at) },
  // A fork has the program of its parent in tables of its own.
  { id: 0x7fff_fffb, name: 'wake_up_new_task', about: 'programs', notice: (all, at) => all.taskBegins(at) },
];

interface LoadedModule {
  readonly module: GuestModule;
  readonly image: Target;
}

/** What is known of one domain. */
class DomainImages {
  readonly files: ImageFiles;
  /** By descriptor, the newest last. */
  modules = new Map<bigint, LoadedModule>();
  /** By translation table. */
  readonly processes = new Map<bigint, Target>();
  /** The table that a vCPU was seen with at this stop. */
  readonly tables = new Map<number, bigint>();
  readonly views = new Map<bigint, Target>();

  constructor(files: ImageFiles) {
    this.files = files;
  }
}

/** More processes of programs with symbols than this are not told apart any more: the oldest go. */
const MAX_PROCESSES = 512;
/** BADDR of TTBR0_EL1: without CnP and the ASID. */
const TABLE_MASK = 0xffff_ffff_fffen;

export class LoadedImages {
  private readonly loader: ImageLoader;
  private readonly domains: ReadonlyMap<number, DomainImages>;
  private readonly say: (text: string) => void;

  /** `files`: by domain. */
  constructor(loader: ImageLoader, files: ReadonlyMap<number, ImageFiles>, say: (text: string) => void) {
    this.loader = loader;
    this.domains = new Map([...files].map(([domain, own]) => [domain, new DomainImages(own)]));
    this.say = say;
  }

  // ---------------------------------------------------------------- who asks

  /** A domain as a vCPU sees it now. Undefined: as everybody does. */
  viewOf(kernel: Target, { domain, vcpu }: VcpuId): Target | undefined {
    return this.viewOfTable(kernel, this.domains.get(domain)?.tables.get(vcpu));
  }

  /** A domain as a process sees it, by its translation table. */
  viewOfTable(kernel: Target, table: bigint | undefined): Target | undefined {
    const known = this.domains.get(kernel.domain);
    const program = table === undefined ? undefined : known?.processes.get(table);
    if (!known || table === undefined || !program) return undefined;
    const view = known.views.get(table) ?? kernel.seenWith([program]);
    known.views.set(table, view);
    return view;
  }

  /** Of all processes. */
  programsOf(domain: number): readonly Target[] {
    return [...(this.domains.get(domain)?.processes.values() ?? [])];
  }

  /** Whether a program of that name has symbols, once it runs. */
  awaitsProgram(domain: number, name: string): boolean {
    const programs = this.domains.get(domain)?.files.programs ?? [];
    return programs.some(({ guest }) => guest.split('/').at(-1)?.toLowerCase() === name.toLowerCase());
  }

  /** Modules of which no file with lines was found. */
  modulesWithoutLines(domain: number): readonly string[] {
    const modules = [...(this.domains.get(domain)?.modules.values() ?? [])];
    return modules.flatMap(({ image }) => (image.lines ? [] : [image.image.name]));
  }

  // ---------------------------------------------------------------- noticing

  /** Where the machine is to stop for this; nobody else hears of it. */
  breakpointsIn(kernels: readonly Target[]): readonly Breakpoint[] {
    return kernels.flatMap((kernel) =>
      this.sitesIn(kernel).flatMap(({ id, link }) => kernel.map.breakpointsFor(id, kernel.domain, link)),
    );
  }

  /** The machine has stopped: something may have been loaded there. */
  async noticed(debuggee: Debuggee, { vcpu }: StopInfo): Promise<readonly ImageChange[]> {
    const kernel = debuggee.targetOf(vcpu.domain);
    const sites = this.sitesIn(kernel);
    if (sites.length === 0) return [];
    const { pc, x } = await debuggee.general(vcpu);
    const link = kernel.map.toLink(pc);
    const here = sites.find((site) => site.link === link);
    const guest = here && (await debuggee.guestOs(vcpu.domain).catch(() => undefined));
    const noticing = { debuggee, kernel, vcpu, argument: x[0] ?? 0n };
    const changes = here && guest ? await here.site.notice(this, { ...noticing, guest }) : [];
    await this.see(debuggee, kernel, vcpu);
    return changes;
  }

  /** The user is to see a stop: what was missed is caught up with, and which process each vCPU runs is found out. */
  async settle(debuggee: Debuggee): Promise<readonly ImageChange[]> {
    const changes: ImageChange[] = [];
    for (const kernel of debuggee.allTargets) {
      const known = this.domains.get(kernel.domain);
      const guest = debuggee.knownGuestOs(kernel.domain);
      if (!known) continue;
      if (guest) changes.push(...(await this.catchUp(known, kernel, guest)));
      for (let vcpu = 0; vcpu < kernel.info.vcpus; vcpu++)
        await this.see(debuggee, kernel, { domain: kernel.domain, vcpu });
    }
    return changes;
  }

  private sitesIn(
    kernel: Target,
  ): readonly { readonly site: Site; readonly id: number; readonly link: bigint }[] {
    const files = this.domains.get(kernel.domain)?.files;
    if (!files) return [];
    return SITES.flatMap((site) => {
      if (site.about === 'programs' && files.programs.length === 0) return [];
      const [link] = kernel.addressesOf(site.name);
      return link === undefined ? [] : [{ site, id: site.id, link }];
    });
  }

  /** Without a place to notice it by, what is there is looked at. By one, all of it was noticed since the guest began. */
  private async catchUp(
    known: DomainImages,
    kernel: Target,
    guest: GuestOs,
  ): Promise<readonly ImageChange[]> {
    const noticed = new Set(this.sitesIn(kernel).map(({ site }) => site.about));
    const changes: ImageChange[] = [];
    if (!noticed.has('modules')) {
      const now = await guest.modules();
      changes.push(...this.drop(known, now));
      for (const module of now) {
        if (known.modules.has(module.descriptor)) continue;
        changes.push(await this.add(known, kernel, guest, module));
      }
      this.updated(known, kernel);
    }
    if (known.files.programs.length > 0 && !noticed.has('programs')) {
      for (const { address, isKernel } of await guest.tasks()) {
        const program = isKernel ? undefined : await guest.programOf(address);
        if (program) changes.push(...(await this.place(known, kernel, program)));
      }
    }
    return [...changes, ...(await this.shrink(known, kernel, guest))];
  }

  private drop({ modules }: DomainImages, now: readonly GuestModule[]): readonly ImageChange[] {
    const gone = [...modules].filter(([at]) => !now.some(({ descriptor }) => descriptor === at));
    for (const [descriptor] of gone) modules.delete(descriptor);
    return gone.map(([, { image }]) => ({ reason: 'removed', image }));
  }

  // ---------------------------------------------------------------- modules

  async moduleLoaded({ kernel, guest, argument }: Noticed): Promise<readonly ImageChange[]> {
    const known = this.domains.get(kernel.domain);
    const module = known && (await guest.moduleAt(argument));
    if (!known || !module) return [];
    const before = known.modules.get(argument);
    if (before && sameRanges(before.module, module)) return [];
    const shrunk = await this.shrink(known, kernel, guest);
    return [...shrunk, await this.add(known, kernel, guest, module)];
  }

  async moduleFreed({ kernel, argument }: Noticed): Promise<readonly ImageChange[]> {
    const known = this.domains.get(kernel.domain);
    const module = known?.modules.get(argument);
    if (!known || !module) return [];
    known.modules.delete(argument);
    this.updated(known, kernel);
    return [{ reason: 'removed', image: module.image }];
  }

  private async add(
    known: DomainImages,
    kernel: Target,
    guest: GuestOs,
    module: GuestModule,
  ): Promise<ImageChange> {
    const { moduleFolders } = known.files;
    const contents = await guest.contentsOf(module);
    const image = await this.loader.module(kernel, moduleFolders, module, contents);
    known.modules.set(module.descriptor, { module, image });
    this.updated(known, kernel);
    const { name } = module;
    if (moduleFolders.length > 0 && image.image.path === name)
      this.say(breakpointMessages.noModuleFile(name));
    return { reason: 'new', image };
  }

  /** The memory that modules needed for their beginning only goes to others. */
  private async shrink(known: DomainImages, kernel: Target, guest: GuestOs): Promise<readonly ImageChange[]> {
    const changes: ImageChange[] = [];
    for (const [descriptor, { module, image }] of known.modules) {
      if (module.state !== 'coming') continue;
      const now = await guest.moduleAt(descriptor);
      if (!now || (now.state === module.state && sameRanges(now, module))) continue;
      const smaller = image.remapped(mapOf(now));
      known.modules.set(descriptor, { module: now, image: smaller });
      changes.push({ reason: 'changed', image: smaller });
    }
    if (changes.length > 0) this.updated(known, kernel);
    return changes;
  }

  // ---------------------------------------------------------------- programs

  async programBegins({ debuggee, kernel, guest, vcpu }: Noticed): Promise<readonly ImageChange[]> {
    const known = this.domains.get(kernel.domain);
    const task = await guest.currentTask(vcpu);
    const program = task && (await guest.programOf(task.address));
    if (!known || !program) return [];
    const changes = await this.place(known, kernel, program);
    await this.see(debuggee, kernel, vcpu);
    return changes;
  }

  async taskBegins({ kernel, guest, argument }: Noticed): Promise<readonly ImageChange[]> {
    const known = this.domains.get(kernel.domain);
    const program = known && (await guest.programOf(argument));
    // A thread shares the tables of its process.
    if (!known || !program) return [];
    return this.place(known, kernel, program);
  }

  private async place(
    known: DomainImages,
    kernel: Target,
    program: GuestProgram,
  ): Promise<readonly ImageChange[]> {
    const { processes } = known;
    const file = known.files.programs.find(({ guest }) => isCalled(program.path, guest));
    const before = processes.get(program.table);
    const image = file && (await this.loader.program(kernel, file, program));
    if (before?.image.id === image?.image.id && before?.map.slide === image?.map.slide) return [];
    const isKnown = [...processes.values()].some((one) => one.image.id === image?.image.id);
    // What was another process's table is this one's now.
    processes.delete(program.table);
    if (image) processes.set(program.table, image);
    const [oldest] = processes.keys();
    if (processes.size > MAX_PROCESSES && oldest !== undefined) processes.delete(oldest);
    known.views.clear();
    if (image) return [{ reason: isKnown ? 'changed' : 'new', image }];
    return before ? [{ reason: 'changed', image: before }] : [];
  }

  /** Which process a vCPU runs. A kernel that hides its program's memory from itself keeps TTBR0_EL1 with the task. */
  private async see(debuggee: Debuggee, kernel: Target, vcpu: VcpuId): Promise<void> {
    const known = this.domains.get(kernel.domain);
    if (!known || known.processes.size === 0) return;
    const ttbr0 = (await debuggee.systemRegister(vcpu, 'TTBR0_EL1')) ?? 0n;
    let table = ttbr0 & TABLE_MASK;
    if (!known.processes.has(table)) {
      const guest = debuggee.knownGuestOs(kernel.domain);
      const task = await guest?.currentTask(vcpu);
      table = (task && (await guest?.programOf(task.address)))?.table ?? table;
    }
    known.tables.set(vcpu.vcpu, table);
  }

  private updated(known: DomainImages, kernel: Target): void {
    kernel.loaded = [...known.modules.values()].map(({ image }) => image).reverse();
    known.views.clear();
  }
}

/** A name, or the end of a path. */
const isCalled = (path: string, wanted: string): boolean =>
  wanted.includes('/') ? path === wanted : path.endsWith(`/${wanted}`);

const sameRanges = (a: GuestModule, b: GuestModule): boolean =>
  a.ranges.length === b.ranges.length &&
  a.ranges.every(({ start, size }, i) => b.ranges[i]?.start === start && b.ranges[i]?.size === size);
