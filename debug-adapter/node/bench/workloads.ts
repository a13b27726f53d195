// The workloads of `xenscope bench`. What each does stands in guest/src, by its name there.

/** How a guest runs for a workload. */
export type Setting = 'bare' | 'domU';

export interface Workload {
  readonly name: string;
  /** The guest's name for it. */
  readonly work: string;
  readonly group: 'loops' | 'programs' | 'storms' | 'shared';
  readonly does: string;
  /** Units of work, a million instructions or so each, that keep QEMU busy for about two seconds. */
  readonly units: number;
  readonly setting: Setting;
  /** 1 when absent. */
  readonly cpus?: number;
}

const row =
  (group: Workload['group'], setting: Setting = 'bare') =>
  (name: string, units: number, does: string, work: string = name): Workload => ({
    name,
    work,
    group,
    does,
    units,
    setting,
  });
const loop = row('loops');
const program = row('programs');
const storm = row('storms');
const xenStorm = row('storms', 'domU');
/** The same work for any number of CPUs: what it costs more than on one is what taking turns costs. */
const shared = (cpus: number): Workload => ({
  ...row('shared')(
    `share-${cpus}`,
    1000,
    `lists to sort, shared out to ${cpus} CPU${cpus === 1 ? '' : 's'}`,
    'share',
  ),
  cpus,
});

export const WORKLOADS: readonly Workload[] = [
  loop('alu', 10000, 'arithmetic with flags'),
  loop('crc', 2800, 'CRC-32 bit by bit: branches that depend on data'),
  loop('copy', 5000, 'words of 64 KiB'),
  loop('chase', 2800, 'pointers of a list'),
  loop('stride', 4800, 'bytes, words and pairs, some across pages'),
  loop('call', 2600, 'leaves, direct and through a register'),
  loop('fib', 2500, 'recursion'),
  loop('sort', 2300, 'quicksort'),
  loop('sha256', 13000, 'SHA-256'),
  loop('bytecode', 4000, 'an interpreter: indirect branches'),
  loop('tree', 1600, 'a binary tree'),
  loop('string', 4200, 'numbers to text and back'),
  loop('multiply', 7000, '64 by 64 bits'),
  program('core', 4000, 'CoreMark-like: lists, matrices, states, CRC'),
  program('records', 4000, 'Dhrystone-like: records, strings, small procedures'),
  storm('hypercall', 3000, 'calls of the firmware'),
  storm('mmio', 7000, 'reads of a device register'),
  storm('timer', 360, 'interrupts of the timer'),
  storm('syscall', 480, 'system calls of a program at EL0'),
  storm('refill', 700, 'more pages than a TLB holds'),
  storm('pages', 1000, 'pages that come by faults, are copied when written, and go'),
  storm('spaces', 150, 'two address spaces in turn'),
  xenStorm('hypercall-xen', 180, 'hypercalls of a domU', 'hypercall'),
  xenStorm('mmio-xen', 130, 'reads of a vpl011 register of a domU', 'mmio'),
  xenStorm('timer-xen', 360, 'interrupts of the timer in a domU', 'timer'),
  shared(1),
  shared(2),
  shared(4),
];
