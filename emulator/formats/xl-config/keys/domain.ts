// Keys of the domain itself: what it is called, what it boots, its CPUs and memory, what happens at its end.

import {
  boolean,
  choice,
  either,
  exactly,
  formed,
  list,
  noEffect,
  number,
  path,
  string,
  text,
  unsupported,
  used,
  type XlKeys,
} from './row.ts';

/** 1019 GiB is the largest Arm guest (GUEST_RAM banks of Xen's public/arch-arm.h). */
export const MAX_MEMORY_MIB = 1019 * 1024;
/** vCPUs that Xen's virtual interrupt controllers serve. */
export const MAX_VCPUS_GICV2 = 8;
export const MAX_VCPUS_GICV3 = 128;

export const XL_ACTIONS = {
  destroy: 'The domain is destroyed.',
  restart: 'The domain is destroyed, and a new one made from the same configuration.',
  'rename-restart': 'The domain stays under another name, and a new one is made.',
  preserve: 'The domain stays for inspection until `xl destroy`.',
  'coredump-destroy': 'A core dump is written to `/var/lib/xen/dump`, then the domain is destroyed.',
  'coredump-restart': 'A core dump is written to `/var/lib/xen/dump`, then the domain is restarted.',
  'soft-reset': 'All Xen interfaces are reset and the domain goes on. Fails on Arm.',
} as const;

const action = exactly(XL_ACTIONS);

/** `0-3,5,^1`, `nodes:0-1`, `all` (parse_cpurange of tools/xl). */
const CPUS = /^\s*(\^?(nodes?:)?(all|\d+(-\d+)?)\s*(,\s*|$))*$/;
const cpuRange = formed(CPUS, 'CPUs such as "0-3,5,^1", "node:0" or "all"', '0-3');
const cpuRanges = either(cpuRange, list(cpuRange));

const sedf = noEffect('the scheduler sedf is gone');

export const domainKeys: XlKeys = {
  name: {
    type: formed(/^[^/]+$/, "text without '/'", 'guest'),
    arm: 'meaningful',
    doc: 'Name of the domain, unique on its host. It becomes part of xenstore paths. Has to be there.',
    run: used,
  },
  type: {
    type: exactly({
      pvh: 'The one kind of guest on Arm.',
      pv: 'Turned into `pvh` on Arm, with a warning.',
      hvm: 'x86 only; refused on Arm.',
    }),
    arm: 'meaningful',
    doc: 'Kind of guest. On Arm there is `pvh` only.',
    default: '"pvh" on Arm',
    run: used,
  },
  builder: {
    type: exactly({ generic: 'As `type = "pv"`.', hvm: 'As `type = "hvm"`.' }),
    arm: 'parsed',
    doc: 'Kind of guest, as it was written before Xen 4.10.',
    deprecated: 'type = "pvh"',
    run: noEffect('it is deprecated; write type = "pvh"'),
  },
  uuid: {
    type: formed(
      /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
      '32 hexadecimal digits with hyphens, 8-4-4-4-12',
      '00112233-4455-6677-8899-aabbccddeeff',
    ),
    arm: 'meaningful',
    doc: 'UUID of the domain. Without it one is drawn at random at each start.',
    run: used,
  },

  // ---- what boots
  kernel: {
    type: path('vmlinuz'),
    arm: 'meaningful',
    doc: 'Kernel file: an arm64 `Image`, compressed with gzip or not. xl takes a relative path from its working directory.',
    run: used,
  },
  ramdisk: { type: path('initramfs.cpio.gz'), arm: 'meaningful', doc: 'Initial RAM disk.', run: used },
  cmdline: {
    type: text('console=hvc0 root=/dev/xvda1'),
    arm: 'meaningful',
    doc: 'Command line of the kernel. With it, `root` and `extra` are ignored.',
    run: used,
  },
  root: {
    type: text('/dev/xvda1'),
    arm: 'meaningful',
    doc: 'Becomes `root=…` at the beginning of the command line, in front of `extra`.',
    run: used,
  },
  extra: {
    type: text('console=hvc0'),
    arm: 'meaningful',
    doc: 'Command line of the kernel behind `root`.',
    run: used,
  },
  bootloader: {
    type: text('pygrub'),
    arm: 'parsed',
    doc: "Program run on the host that takes kernel and RAM disk out of the guest's disk, such as `pygrub`.",
    run: unsupported('Boot loader run on the host; name kernel and ramdisk instead'),
  },
  bootloader_args: {
    type: either(list(string), string),
    arm: 'parsed',
    doc: 'Arguments of `bootloader`, a list. A single string still works and is deprecated.',
    run: unsupported('Boot loader arguments'),
  },
  device_tree: {
    type: path('passthrough.dtb'),
    arm: 'meaningful',
    doc: "Partial device tree, compiled: its `/passthrough` and `/aliases` nodes go into the guest's tree. It is trusted input; phandles 65000 and 65001 are taken.",
    run: unsupported('Partial device tree'),
  },

  // ---- CPUs
  vcpus: {
    type: number(1, MAX_VCPUS_GICV3),
    arm: 'meaningful',
    doc: 'Number of vCPUs that are there at the start. At most 128, or 8 with GICv2.',
    default: '1',
    run: used,
  },
  maxvcpus: {
    type: number(1, MAX_VCPUS_GICV3),
    arm: 'meaningful',
    doc: 'Number of vCPUs that the domain may come to have. At most 128, or 8 with GICv2.',
    default: 'as `vcpus`',
    run: used,
  },
  cpus: {
    type: cpuRanges,
    arm: 'meaningful',
    doc: 'CPUs of the host that the vCPUs may run on (hard affinity): one range for all, or a list with one for each vCPU. `^1` leaves one out.',
    default: '"all"',
    run: used,
  },
  cpus_soft: {
    type: cpuRanges,
    arm: 'meaningful',
    doc: 'CPUs of the host that the vCPUs prefer to run on (soft affinity).',
    default: '"all"',
    run: used,
  },
  pool: {
    type: text('Pool-0'),
    arm: 'meaningful',
    doc: 'CPU pool that the domain is put into.',
    default: '"Pool-0"',
    run: used,
  },
  cpu_weight: {
    type: number(1, 65_535),
    arm: 'meaningful',
    doc: 'Share of CPU time against other domains (schedulers credit and credit2): 512 gets twice as much as 256.',
    default: '256',
    run: used,
  },
  cap: {
    type: number(0, undefined, '% of one CPU'),
    arm: 'meaningful',
    doc: 'Most CPU time that the domain gets, even when CPUs are idle, in percent of one CPU: 50 is half of one, 400 are four. 0: no limit.',
    default: '0',
    run: used,
  },
  period: {
    type: number(0, undefined, 'µs'),
    arm: 'meaningful',
    doc: 'Period of the scheduler rtds, in which each vCPU gets its budget of 4 ms.',
    default: '10000',
    run: used,
  },
  slice: {
    type: number(0, undefined, 'µs'),
    arm: 'parsed',
    doc: 'Left over from the scheduler sedf.',
    run: sedf,
  },
  latency: {
    type: number(0, undefined, 'µs'),
    arm: 'parsed',
    doc: 'Left over from the scheduler sedf.',
    run: sedf,
  },
  extratime: {
    type: boolean,
    arm: 'meaningful',
    doc: 'Scheduler rtds: what nobody else needs is used when the budget has run out.',
    default: '1',
    run: used,
  },
  vnuma: {
    type: list(list(text('pnode=0'))),
    arm: 'parsed',
    doc: 'Virtual NUMA nodes, a list for each: `["pnode=0","size=512","vcpus=0-1","vdistances=10,20"]`. Not for Arm guests.',
    run: unsupported('Virtual NUMA', ''),
  },
  vpmu: {
    type: boolean,
    arm: 'meaningful',
    doc: "The guest reaches the CPU's performance monitors directly. Experimental: shared by all domains on the CPU.",
    default: '0',
    run: unsupported('Performance monitors', '0'),
  },
  gic_version: {
    type: choice({
      default: "The hardware's own.",
      v2: 'GICv2: at most 8 vCPUs.',
      v3: 'GICv3.',
    }),
    arm: 'meaningful',
    doc: 'Version of the interrupt controller that the guest sees. The hardware has to be able to.',
    default: '"default"',
    run: used,
  },

  // ---- memory
  memory: {
    type: number(1, MAX_MEMORY_MIB, 'MiB'),
    arm: 'meaningful',
    doc: 'RAM at the start, in MiB. The first 3 GiB lie at IPA 1 GiB, the rest at 8 GiB.',
    default: '32',
    run: used,
  },
  maxmem: {
    type: number(1, MAX_MEMORY_MIB, 'MiB'),
    arm: 'meaningful',
    doc: 'RAM that the domain may grow to, in MiB. On Arm the guest is built with `memory` and may add the rest later.',
    default: 'as `memory`',
    run: used,
  },
  shadow_memory: {
    type: number(0, undefined, 'MiB'),
    arm: 'meaningful',
    doc: "Memory for the domain's stage-2 tables, in MiB.",
    default: '1 MiB a vCPU, 4 KiB a MiB of RAM, and 512 KiB',
    run: noEffect('the memory for page tables is not limited'),
  },
  max_grant_frames: {
    type: number(0, 2 ** 31 - 1),
    arm: 'meaningful',
    doc: 'Pages of the grant table, 512 entries each.',
    default: '64',
    run: unsupported('Size of the grant table', '64'),
  },
  max_maptrack_frames: {
    type: number(0, 2 ** 31 - 1),
    arm: 'meaningful',
    doc: 'Pages in which the mappings of foreign grants are remembered.',
    default: '1024',
    run: unsupported('Number of grant mappings', '1024'),
  },
  max_grant_version: {
    type: number(0, 2),
    arm: 'meaningful',
    doc: 'Highest version of the grant table. Arm has version 1 only.',
    default: '1 on Arm',
    run: unsupported('Grant table version', '1'),
  },
  max_event_channels: {
    type: number(0, 131_071),
    arm: 'meaningful',
    doc: 'Highest event channel that the domain may have.',
    default: '1023',
    run: unsupported('Number of event channels', '1023'),
  },

  // ---- its end
  on_poweroff: {
    type: action,
    arm: 'meaningful',
    doc: 'What happens when the guest powers off.',
    default: '"destroy"',
    run: used,
  },
  on_reboot: {
    type: action,
    arm: 'meaningful',
    doc: 'What happens when the guest reboots.',
    default: '"restart"',
    run: used,
  },
  on_crash: {
    type: action,
    arm: 'meaningful',
    doc: 'What happens when the guest crashes.',
    default: '"destroy"',
    run: used,
  },
  on_watchdog: {
    type: action,
    arm: 'meaningful',
    doc: 'What happens when the watchdog of Xen fires.',
    default: '"destroy"',
    run: used,
  },
  on_soft_reset: {
    type: action,
    arm: 'parsed',
    doc: 'What happens at a soft reset, which fails on Arm.',
    default: '"soft-reset"',
    run: used,
  },

  // ---- the rest
  vuart: {
    type: choice({ sbsa_uart: 'A PL011 at IPA 0x22000000 with SPI 32.' }),
    arm: 'meaningful',
    doc: 'Emulated UART of the guest, seen with `xl console -t vuart`.',
    default: 'none',
    run: used,
  },
  tee: {
    type: choice({ none: 'None.', optee: 'OP-TEE, through a mediator in Xen (technology preview).' }),
    arm: 'meaningful',
    doc: 'Trusted execution environment that the guest may call. From 4.18 on there is also `"ffa"`.',
    default: '"none"',
    run: unsupported('Trusted execution environment', 'none'),
  },
  acpi: {
    type: boolean,
    arm: 'meaningful',
    doc: 'ACPI tables for a 64-bit guest.',
    default: '0 on Arm',
    run: unsupported('ACPI tables', '0'),
  },
  seclabel: {
    type: text('system_u:system_r:domU_t'),
    arm: 'meaningful',
    doc: 'FLASK label of the domain.',
    run: unsupported('FLASK label'),
  },
  init_seclabel: {
    type: text('system_u:system_r:domU_t'),
    arm: 'meaningful',
    doc: 'FLASK label while the domain is built; `seclabel` takes its place afterwards.',
    run: unsupported('FLASK label'),
  },
  nomigrate: {
    type: boolean,
    arm: 'parsed',
    doc: 'The domain is not migrated. Arm has no migration.',
    default: '0',
    run: noEffect('domains do not migrate'),
  },
  driver_domain: {
    type: boolean,
    arm: 'meaningful',
    doc: 'The domain serves devices to others: it may write `libxl/` and `device-model/` in its part of xenstore.',
    default: '0',
    run: unsupported('Driver domain', '0'),
  },
  xend_suspend_evtchn_compat: {
    type: boolean,
    arm: 'meaningful',
    doc: 'The path of the suspend event channel is not written to xenstore, for very old guests.',
    default: '0',
    run: unsupported('Old suspend event channel', '0'),
  },
};
