// Builds a domain from its configuration as xl and libxl 4.17 do, in the same order: create it,
// event channels, memory, magic pages, kernel and modules, entry state, grant entries, xenstore.

import { type Gfn, gfn, type Ipa, ipa, gfnOf, PAGE_SIZE, pa } from '../../base/address.ts';
import { invariant, UserError } from '../../base/errors.ts';
import type { Content } from '../../formats/byte-source.ts';
import { virtualDeviceNumber } from '../../formats/disk-spec.ts';
import { writeDtb } from '../../formats/dtb.ts';
import {
  callbackPpi,
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_MONITOR_RING_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
} from '../abi/hvm-params.ts';
import type { Domain } from '../domain.ts';
import type { Hypervisor } from '../hypervisor.ts';
import type { HostedDomain } from '../hypervisor/hosted-domain.ts';
import type { ByteSink } from '../sockets.ts';
import { startVcpu } from '../traps/start.ts';
import { writeDomainNodes } from '../xenstore/domain-nodes.ts';
import type { ControlDomain } from './control-domain.ts';
import type { DomainConfig, VifConfig } from './domain-config.ts';
import {
  GUEST_EVTCHN_PPI,
  GUEST_MAGIC,
  GUEST_RAM_MAX,
  MAGIC_CONSOLE,
  MAGIC_MEMACCESS,
  MAGIC_XENSTORE,
  MAX_VCPUS_GICV2,
  MAX_VCPUS_GICV3,
  type RamBank,
  ramBanks,
} from './guest-layout.ts';
import { guestTree } from './guest-tree.ts';
import { type PlacedKernel, type PlacedModules, placeKernel, placeModules } from './placement.ts';
import { randomBytes, randomUuid, uuidText } from '../../base/random.ts';

const CONTROL_DOMID = 0;
const MIB = 2 ** 20;
/** libxl lets a domain have a little more than its memory: LIBXL_MAXMEM_CONSTANT. */
const MAXMEM_EXTRA_PAGES = 256;
const GRANT_CONSOLE = 0;
const GRANT_XENSTORE = 1;

export interface BuildOptions {
  readonly hypervisor: Hypervisor;
  readonly control: ControlDomain;
  /** Where the output of an emulated UART goes. */
  readonly uartOutput?: ByteSink;
  readonly domid: number;
  /** Of the configuration: everything random comes from it. */
  readonly seed: number;
  /** Seconds since 1970 at the machine's start. */
  readonly startTime: number;
}

/** What the debugger wants to know of a built domain. */
export interface BuiltDomain {
  readonly domain: HostedDomain;
  readonly ram: readonly RamBank[];
  readonly kernel: PlacedKernel;
  readonly modules: PlacedModules;
  /** The blob the guest was given. */
  readonly deviceTree: Uint8Array;
}

/** Builds the domain and starts its vCPU 0. A configuration that cannot work is a UserError. */
export function buildDomain(config: DomainConfig, options: BuildOptions): BuiltDomain {
  check(config);
  const { hypervisor, control, domid, seed, startTime } = options;
  const uuid = config.uuid ?? randomUuid(seed, `uuid of domain ${domid}`);

  // Everything that can be wrong with the configuration is found before anything is created.
  const kernel = placeKernel(config.kernel, config.memory, config.kernelFile);
  const treeOptions = {
    cmdline: config.cmdline,
    memory: config.memory,
    vcpus: config.vcpus,
    gicVersion: config.gicVersion,
    vuart: config.vuart ?? false,
    ipaBits: hypervisor.platform.paBits,
    rngSeed: randomBytes(seed, `rng-seed of domain ${domid}`, 128),
  };
  const blank = writeDtb(guestTree({ ...treeOptions, ramdisk: config.ramdisk && { start: 0, end: 0 } }));
  const sizes = { ramdisk: config.ramdisk?.length ?? 0, deviceTree: blank.length };
  const modules = placeModules(kernel, config.memory, sizes, config.kernelFile);
  const deviceTree = writeDtb(guestTree({ ...treeOptions, ramdisk: modules.ramdisk }));
  invariant(deviceTree.length === blank.length, 'addresses do not change the size of the device tree');

  const disks = control.disks.openAll(config.disks ?? []);

  const hosted = hypervisor.createDomain({
    id: domid,
    name: config.name,
    handle: uuid,
    vcpus: config.vcpus,
    gicVersion: config.gicVersion,
    maximumPages: (config.maximumMemory ?? config.memory) / PAGE_SIZE + MAXMEM_EXTRA_PAGES,
    ...(config.maxGrantFrames === undefined ? {} : { maxGrantFrames: config.maxGrantFrames }),
    ...(config.maxEventPort === undefined ? {} : { maxEventPort: config.maxEventPort }),
    ...(config.vuart ? { vuart: options.uartOutput ?? nowhere } : {}),
    ...(config.scheduling && { scheduling: config.scheduling }),
  });
  const { domain } = hosted;
  domain.setWallclock(startTime, 0);

  const storePort = allocatePort(domain);
  const consolePort = allocatePort(domain);
  domain.setParam(HVM_PARAM_CALLBACK_IRQ, callbackPpi(GUEST_EVTCHN_PPI));
  for (const { base, size } of ramBanks(config.memory))
    populate(hosted, config, gfnOf(ipa(base)), size / PAGE_SIZE);
  populate(hosted, config, gfnOf(ipa(GUEST_MAGIC.base)), GUEST_MAGIC.pages);

  for (const { ipa: start, data } of kernel.segments) load(hypervisor, hosted, ipa(start), data);
  if (config.ramdisk && modules.ramdisk) load(hypervisor, hosted, ipa(modules.ramdisk.start), config.ramdisk);
  load(hypervisor, hosted, ipa(modules.deviceTree), deviceTree);

  const storeGfn = magicGfn(MAGIC_XENSTORE);
  const consoleGfn = magicGfn(MAGIC_CONSOLE);
  domain.setParam(HVM_PARAM_CONSOLE_PFN, BigInt(consoleGfn));
  domain.setParam(HVM_PARAM_STORE_PFN, BigInt(storeGfn));
  domain.setParam(HVM_PARAM_MONITOR_RING_PFN, BigInt(magicGfn(MAGIC_MEMACCESS)));
  domain.setParam(HVM_PARAM_CONSOLE_EVTCHN, BigInt(consolePort));
  domain.setParam(HVM_PARAM_STORE_EVTCHN, BigInt(storePort));
  domain.grantTable.seed(GRANT_CONSOLE, CONTROL_DOMID, consoleGfn);
  domain.grantTable.seed(GRANT_XENSTORE, CONTROL_DOMID, storeGfn);

  writeDomainNodes(control.client, {
    domid,
    name: config.name,
    uuid: uuidText(uuid),
    maximumMemory: (config.maximumMemory ?? config.memory) / 1024,
    targetMemory: config.memory / 1024,
    vcpusOnline: hosted.vcpus.map(() => true),
    store: { port: storePort, gfn: storeGfn },
    startTime: startTime.toFixed(2),
  });
  control.introduce(domain, { grantReference: GRANT_XENSTORE, port: storePort });
  for (const disk of disks) control.attach(domain, 'vbd', disk);
  for (const vif of vifsOf(config, domid, seed)) control.attach(domain, 'vif', vif);
  control.attach(domain, 'console', { grantReference: GRANT_CONSOLE, port: consolePort, gfn: consoleGfn });

  const boot = hosted.vcpus[0];
  invariant(boot !== undefined, 'a domain has a vCPU 0');
  startVcpu(hypervisor, hosted, boot, BigInt(kernel.entry), BigInt(modules.deviceTree));
  return { domain: hosted, ram: ramBanks(config.memory), kernel, modules, deviceTree };
}

function check({ name, memory, maximumMemory, vcpus, gicVersion, disks = [] }: DomainConfig): void {
  const refuse = (what: string, hint: string) => {
    throw new UserError(`domain '${name}': ${what}`, hint);
  };
  if (!Number.isSafeInteger(memory) || memory <= 0 || memory % MIB !== 0) {
    refuse(`memory is ${memory} bytes`, 'Give a whole number of MiB above 0.');
  }
  if (memory > GUEST_RAM_MAX) refuse('more memory than a domain on Arm can have', 'The most is 1019 GiB.');
  if (maximumMemory !== undefined && maximumMemory < memory) {
    refuse('maxmem is less than memory', 'Raise maxmem or leave it out.');
  }
  const most = gicVersion === 2 ? MAX_VCPUS_GICV2 : MAX_VCPUS_GICV3;
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > most) {
    refuse(`${vcpus} vCPUs`, `With a GICv${gicVersion} a domain has 1 to ${most}.`);
  }
  const devices = new Set<number>();
  for (const { vdev } of disks) {
    const device = virtualDeviceNumber(vdev);
    if (device === undefined) refuse(`'${vdev}' is not a virtual disk`, 'Name it as xvda, xvdb, xvda1.');
    else if (devices.has(device)) refuse(`there are two disks '${vdev}'`, 'Give each its own vdev.');
    else devices.add(device);
  }
}

/** What is not given: handles in the order of the list, addresses with Xen's prefix from the seed. */
function vifsOf({ vifs = [] }: DomainConfig, domid: number, seed: number): VifConfig[] {
  return vifs.map((spec, index) => {
    const drawn = randomBytes(seed, `mac of interface ${index} of domain ${domid}`, 3);
    const tail = [(drawn[0] ?? 0) & 0x7f, drawn[1] ?? 0, drawn[2] ?? 0];
    const mac =
      spec.mac ?? ['00', '16', '3e', ...tail.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
    return { handle: spec.id ?? index, mac, spec };
  });
}

function allocatePort(domain: Domain): number {
  const result = domain.eventChannels.allocateUnbound(CONTROL_DOMID);
  invariant(typeof result !== 'string', 'a new domain has free ports');
  return result.port;
}

function populate(hosted: HostedDomain, config: DomainConfig, first: Gfn, pages: number): void {
  if (hosted.pages.populate(first, pages) === undefined) return;
  throw new UserError(
    `domain '${config.name}' wants ${config.memory / MIB} MiB, more than the machine has left`,
    'Lower its memory: all domains of a machine share about 3.2 GiB.',
  );
}

/** Copies into guest memory, which may lie in several runs of machine pages. */
function load({ platform }: Hypervisor, hosted: HostedDomain, start: Ipa, data: Content): void {
  for (let done = 0; done < data.length; ) {
    const at = start + done;
    const entry = hosted.p2m.lookup(gfn(Math.floor(at / PAGE_SIZE)));
    invariant(entry !== undefined, 'what is loaded lies in the RAM of the domain');
    // To the end of the page or block that maps this address.
    const inBlock = at % (entry.pages * PAGE_SIZE);
    const count = Math.min(data.length - done, entry.pages * PAGE_SIZE - inBlock);
    platform.memory.write(pa(entry.mfn * PAGE_SIZE + (at % PAGE_SIZE)), data.subarray(done, done + count));
    done += count;
  }
}

const magicGfn = (index: number): Gfn => gfn(GUEST_MAGIC.base / PAGE_SIZE + index);

const nowhere: ByteSink = { write: () => {} };
