// Checks that look at more than one setting, or at what the host knows.

import type { XlContext, XlEffective, XlEffectiveSettings } from './context.ts';
import { MAX_VCPUS_GICV2 } from './keys/domain.ts';
import { disk } from './keys/specifications.ts';
import { strtol } from './numbers.ts';
import { rangeInside, replacement, type Report } from './report.ts';
import { partsOf } from './specification-parts.ts';
import type { XlAtom, XlRange } from './syntax.ts';

/** SPI of the emulated UART (GUEST_VPL011_SPI of Xen's public/arch-arm.h). */
const VUART_INTID = 32;
/** The first SPI of virtio devices (GUEST_VIRTIO_MMIO_SPI_FIRST). */
const VIRTIO_INTID = 33;
/** Kernel, RAM disk and device tree go into the first bank of RAM (GUEST_RAM0_SIZE of public/arch-arm.h). */
const BANK0_MIB = 3072;
const BYTES_PER_MIB = 1024 * 1024;

export function checkTogether(report: Report, settings: XlEffectiveSettings, context: XlContext): void {
  const checks = new Checks(report, settings, context);
  checks.type();
  checks.memory();
  checks.vcpus();
  checks.commandLine();
  checks.passthrough();
  checks.interrupts();
  checks.disks();
  checks.files();
}

class Checks {
  private readonly report: Report;
  private readonly settings: XlEffectiveSettings;
  private readonly context: XlContext;

  constructor(report: Report, settings: XlEffectiveSettings, context: XlContext) {
    this.report = report;
    this.settings = settings;
    this.context = context;
  }

  /** xl compares beginnings (strncmp with the length of what is written); on Arm, pv becomes pvh. */
  type(): void {
    const type = this.settings.get('type');
    if (type?.text === undefined) {
      if (type !== undefined) this.report.add('wrong-type', type.value, "'type' is a list", 'Write "pvh".');
      return;
    }
    const fixes = [replacement(type.value, '"pvh"')];
    const { text, value } = type;
    if ('hvm'.startsWith(text)) {
      this.report.add(
        'not-on-arm',
        value,
        "Arm has no guests of type 'hvm'",
        'Write type = "pvh", or drop the line.',
        { fixes },
      );
    } else if (!'pv'.startsWith(text) && !'pvh'.startsWith(text)) {
      this.report.add('wrong-value', value, `'type' cannot be '${text.slice(0, 60)}'`, 'Use "pvh".', {
        fixes,
      });
    } else if (text !== 'pvh') {
      this.report.add(
        'unclear-type',
        value,
        `type '${text}' is treated as 'pvh', the only one on Arm`,
        'Write type = "pvh", or drop the line.',
        { fixes },
      );
    }
  }

  memory(): void {
    const memory = this.number('memory');
    const maxmem = this.number('maxmem');
    if (memory !== undefined && maxmem !== undefined && maxmem.number < memory.number) {
      this.report.add(
        'impossible-memory',
        maxmem.range,
        `'maxmem' (${maxmem.number}) is less than 'memory' (${memory.number})`,
        'Raise maxmem or drop it.',
        { related: [{ message: 'memory', range: memory.range }] },
      );
    }
    const limit = this.context.machine?.memoryMib;
    if (limit !== undefined && memory !== undefined && memory.number > limit) {
      this.report.add(
        'beyond-machine',
        memory.range,
        `'memory' is ${memory.number} MiB, and the emulated machine has ${limit} MiB for domains`,
        `Nothing is wrong for Xen. To run it here, give it at most ${limit}.`,
      );
    }
  }

  vcpus(): void {
    const vcpus = this.number('vcpus');
    const maxvcpus = this.number('maxvcpus');
    const gic = this.settings.get('gic_version');
    for (const [key, count] of [
      ['vcpus', vcpus],
      ['maxvcpus', maxvcpus],
    ] as const) {
      if (count === undefined) continue;
      const limit = this.context.machine?.vcpus;
      if (gic?.text?.toLowerCase() === 'v2' && count.number > MAX_VCPUS_GICV2) {
        this.report.add(
          'impossible-vcpus',
          count.range,
          `'${key}' is ${count.number}, and GICv2 serves ${MAX_VCPUS_GICV2}`,
          'Give fewer, or set gic_version = "v3".',
          { related: [{ message: 'the version of the interrupt controller', range: gic.value }] },
        );
      } else if (key === 'vcpus' && limit !== undefined && count.number > limit) {
        this.report.add(
          'beyond-machine',
          count.range,
          `'vcpus' is ${count.number}, and the emulated machine has ${limit} CPUs`,
          `Nothing is wrong for Xen. To run it here, give it at most ${limit}.`,
        );
      }
    }
    if (vcpus !== undefined && maxvcpus !== undefined && maxvcpus.number < vcpus.number) {
      this.report.add(
        'impossible-vcpus',
        maxvcpus.range,
        `'maxvcpus' (${maxvcpus.number}) is less than 'vcpus' (${vcpus.number})`,
        'Raise maxvcpus or drop it.',
        { related: [{ message: 'vcpus', range: vcpus.range }] },
      );
    }
  }

  commandLine(): void {
    const cmdline = this.settings.get('cmdline');
    if (cmdline === undefined) return;
    for (const key of ['root', 'extra']) {
      const ignored = this.settings.get(key);
      if (ignored === undefined) continue;
      const setting = ignored.settings.at(-1) ?? ignored.settings[0];
      this.report.add(
        'ignored-setting',
        ignored.keyRange,
        `'${key}' is ignored in favour of 'cmdline'`,
        `Put what it says into cmdline, and remove it.`,
        {
          related: [{ message: 'cmdline', range: cmdline.settings[0] }],
          fixes: [this.report.removal(setting)],
          unnecessary: true,
        },
      );
    }
  }

  /** libxl_arm.c, libxl_create.c. */
  passthrough(): void {
    const passthrough = this.settings.get('passthrough');
    const value = passthrough?.text?.toLowerCase();
    if (passthrough === undefined) return;
    if (value === 'sync_pt') {
      this.report.add(
        'not-on-arm',
        passthrough.value,
        "passthrough 'sync_pt' is refused on Arm",
        'Write "enabled" or "share_pt".',
        { fixes: [replacement(passthrough.value, '"enabled"')] },
      );
    }
    if (value !== 'disabled') return;
    for (const key of ['dtdev', 'pci']) {
      const devices = this.settings.get(key);
      if (devices?.value.kind !== 'list' || devices.value.items.length === 0) continue;
      this.report.add(
        'conflict',
        passthrough.value,
        `passthrough is disabled, and '${key}' names devices`,
        'Write passthrough = "enabled", or drop the devices.',
        {
          related: [{ message: 'the devices', range: devices.keyRange }],
          fixes: [replacement(passthrough.value, '"enabled"')],
        },
      );
    }
  }

  /** INTIDs that libxl gives to devices of its own (libxl__arch_domain_prepare_config). */
  interrupts(): void {
    const vuart = this.settings.get('vuart');
    const disks = this.virtioDisks();
    for (const irq of this.atoms('irqs')) {
      const number = strtol(irq.text);
      if (number === undefined) continue;
      if (number === VUART_INTID && vuart?.text?.toLowerCase() === 'sbsa_uart') {
        this.report.add(
          'conflict',
          irq,
          `interrupt ${number} is that of the guest's UART`,
          'Give the device another interrupt, or drop vuart.',
          { related: [{ message: 'the UART', range: vuart.keyRange }] },
        );
      }
      const virtio = disks[number - VIRTIO_INTID];
      if (virtio !== undefined) {
        this.report.add(
          'conflict',
          irq,
          `interrupt ${number} is that of a virtio disk`,
          'Give the device another interrupt, or make the disk a PV one.',
          { related: [{ message: 'the disk', range: virtio }] },
        );
      }
    }
  }

  disks(): void {
    const seen = new Map<string, XlRange>();
    for (const atom of this.atoms('disk')) {
      const vdev = this.diskParts(atom).find(({ option }) => option === 'vdev');
      if (vdev === undefined) continue;
      const range = rangeInside(atom, vdev.valueFrom, vdev.valueFrom + vdev.value.length);
      const earlier = seen.get(vdev.value);
      if (earlier !== undefined) {
        this.report.add(
          'conflict',
          range,
          `two disks are called '${vdev.value.slice(0, 60)}'`,
          'Give each a device of its own.',
          { related: [{ message: 'the other disk', range: earlier }] },
        );
      }
      seen.set(vdev.value, range);
    }
  }

  files(): void {
    const { files } = this.context;
    if (files === undefined) return;
    let total = 0;
    for (const key of ['kernel', 'ramdisk', 'device_tree']) {
      const named = this.settings.get(key);
      if (named?.text === undefined || named.text === '') continue;
      const state = files.get(named.text);
      if (state === undefined) continue;
      if (state.kind === 'file') total += state.size;
      else this.missingFile(key, named, state.kind === 'other');
    }
    const memory = this.number('memory');
    if (memory === undefined) return;
    const room = Math.min(memory.number, BANK0_MIB);
    if (total < room * BYTES_PER_MIB) return;
    const size = Math.ceil(total / BYTES_PER_MIB);
    this.report.add(
      'impossible-memory',
      memory.range,
      room < memory.number
        ? `the files that the domain is built from have ${size} MiB, and they have to fit into its first ${room} MiB`
        : `the files that the domain is built from have ${size} MiB, and its memory ${room} MiB`,
      room < memory.number ? 'Use smaller ones.' : 'Give it more memory.',
    );
  }

  private missingFile(key: string, { text = '', value }: XlEffective, isThere: boolean): void {
    const what = isThere ? 'is not a file' : 'is not there';
    const absolute = text.startsWith('/');
    this.report.add(
      absolute && !isThere ? 'file-elsewhere' : 'missing-file',
      value,
      `'${text.slice(0, 200)}' (${key}) ${what}${absolute ? ' on this computer' : ''}`,
      absolute
        ? 'If the configuration is for another host, nothing is wrong; to run it here, name a file of this computer.'
        : 'Relative paths start at the folder of the configuration, or where the program is started.',
    );
  }

  /** A number in the range that its key allows: others are told already. */
  private number(key: string): { readonly number: number; readonly range: XlRange } | undefined {
    const effective = this.settings.get(key);
    const number = effective?.text === undefined ? undefined : strtol(effective.text);
    return effective === undefined || number === undefined || number < 1
      ? undefined
      : { number, range: effective.value };
  }

  private atoms(key: string): XlAtom[] {
    const value = this.settings.get(key)?.value;
    return value?.kind === 'list' ? value.items.filter((item) => item.kind === 'atom') : [];
  }

  private virtioDisks(): XlAtom[] {
    return this.atoms('disk').filter((atom) =>
      this.diskParts(atom).some(({ option, value }) => option === 'specification' && value === 'virtio'),
    );
  }

  private diskParts(atom: XlAtom) {
    return disk.kind === 'specification' ? partsOf(atom.text, disk.specification) : [];
  }
}
