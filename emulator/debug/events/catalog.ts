// Every event of the hypervisor and of the machine that can stop it: its name, where it stands in a tree, what it says.
// Exception filters, the tree of event breakpoints and the documentation of `$ev` are derived from this table; what
// tells of them is event-source.ts.

import { VIRQ as VIRQS } from '../../xen/abi/event-channel.ts';
import { requests as xenstoreRequests } from '../../xen/xenstore/requests.ts';
import { hypercalls } from '../../xen/hypercalls/dispatch.ts';
import type { SubOpRow } from '../../xen/hypercalls/define.ts';
import { exceptionKinds } from './exception-kinds.ts';
import { cpuEvents, registerEvent, sanitizerEvents } from './cpu-catalog.ts';
import {
  bare,
  BOTH,
  DOM,
  type EventCategory,
  type EventField,
  type EventRow,
  number,
  PC,
  row,
  text,
  VCPU,
} from './event-row.ts';
import { psciFunctions } from './firmware-names.ts';
import { ringOperations } from './ring-operations.ts';

export type { EventCategory, EventRow };

export const eventCategories: readonly { readonly id: EventCategory; readonly label: string }[] = [
  { id: 'hypercall', label: 'Hypercalls' },
  { id: 'stage2', label: 'Stage 2 faults' },
  { id: 'trap', label: 'Traps to the hypervisor' },
  { id: 'exception', label: 'Exceptions taken by the guest' },
  { id: 'interrupt', label: 'Interrupts' },
  { id: 'event-channel', label: 'Event channels' },
  { id: 'grant', label: 'Grants' },
  { id: 'xenstore', label: 'xenstore' },
  { id: 'ring', label: 'Rings' },
  { id: 'firmware', label: 'Firmware calls and system registers' },
  { id: 'domain', label: 'Domains' },
  { id: 'vcpu', label: 'vCPUs' },
  { id: 'timer', label: 'Timers' },
  { id: 'task', label: 'Tasks and address spaces' },
  { id: 'translation', label: 'Translation tables and TLBs' },
  { id: 'cache', label: 'Cache maintenance' },
  { id: 'sanitizer', label: 'Checks of the architecture' },
  { id: 'console', label: 'Consoles' },
];

const MADE = [
  text('name', 'the hypercall: event_channel_op'),
  text('op', 'its sub-operation: EVTCHNOP_send; empty where it has none'),
  text('args', 'the arguments in words: port 3'),
  ...[0, 1, 2, 3, 4].map((n) => number(`a${n}`, `x${n} as the guest gave it`)),
  PC,
  DOM,
  VCPU,
];
const RESULT = [
  number('ret', 'the result, when the stage is post'),
  text('error', 'its name, ENOSYS for one; empty when it succeeded'),
];

function hypercallRows(): EventRow[] {
  const rows: EventRow[] = [
    row('hypercall', 'hypercall', 'Any hypercall', 'A guest makes a hypercall.', [...MADE, ...RESULT], BOTH),
    row(
      'hypercall.error',
      'hypercall',
      'A hypercall that fails',
      'A hypercall returned an error to the guest.',
      [...MADE, ...RESULT],
      { stages: ['post'] },
    ),
  ];
  for (const { name, subOps, unsupported } of hypercalls) {
    if (unsupported !== undefined) continue;
    const fields = [...MADE, ...RESULT];
    rows.push(
      row(`hypercall.${name}`, 'hypercall', name, `A guest makes the hypercall ${name}.`, fields, BOTH),
    );
    for (const subOp of subOps) {
      rows.push(
        row(
          `hypercall.${name}.${shortName(subOp.name)}`,
          'hypercall',
          subOp.name,
          `A guest makes the hypercall ${name} with ${subOp.name}.`,
          [...fields, ...argumentFields(subOp)],
          BOTH,
        ),
      );
    }
  }
  return rows;
}

/** `EVTCHNOP_send` is `send`. */
export const shortName = (subOp: string): string => subOp.replace(/^[A-Za-z0-9]*?(?:OP)?_/, '') || subOp;

/** Numbers of the structure that the sub-operation takes. */
function argumentFields({ argument }: SubOpRow): EventField[] {
  const { type } = argument ?? {};
  if (!type) return [];
  const members = type.read(new Uint8Array(type.size)) as Readonly<Record<string, unknown>>;
  return Object.entries(members)
    .filter(([name, value]) => isScalar(value) && !RESERVED.has(name))
    .map(([name]) => number(name, `of struct ${type.name}`));
}

export const isScalar = (value: unknown): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

/** Names that the fields of all hypercalls have. */
export const RESERVED: ReadonlySet<string> = new Set([...MADE, ...RESULT].map(({ name }) => name));

const FAULT = [
  number('ipa', 'the guest physical address'),
  number('va', 'the virtual address'),
  number('write', '1 for a write, 0 for a read or fetch'),
  number('size', 'bytes, where the syndrome says so; else 0'),
  PC,
  number('esr', 'ESR_EL2'),
  text('device', 'the emulated device; empty where there is none'),
  DOM,
  VCPU,
];
const TRAP = [number('ec', 'ESR_EL2.EC'), number('iss', 'ESR_EL2.ISS'), PC, DOM, VCPU];
const TRAPS: readonly (readonly [string, string, string])[] = [
  ['wfx', 'WFI or WFE', 'A vCPU waits, and the hypervisor gets the CPU.'],
  ['hvc', 'HVC', 'A guest calls the hypervisor or its firmware by HVC.'],
  ['smc', 'SMC', 'A guest calls firmware by SMC.'],
  ['sysreg', 'System register', 'A guest accesses a system register that the hypervisor traps.'],
  ['instruction-abort', 'Instruction abort', 'A fetch is refused by stage 2.'],
  ['data-abort', 'Data abort', 'An access is refused by stage 2: emulated devices too.'],
  ['other', 'Another class', 'A trap of any other exception class.'],
  ['irq', 'Physical interrupt', 'A physical interrupt takes the CPU from the guest.'],
];

const INTERRUPT = [
  number('intid', 'the INTID'),
  text('name', 'what the device tree calls it'),
  number('hw', '1 for one that stands for a physical interrupt'),
  DOM,
  VCPU,
];
const EVENT = [
  number('port', 'the port of the domain that receives'),
  number('peer', 'the domain that raised it; -1 is Xen'),
  number('peerPort', 'its own port; 0 where it has none'),
  text('phase', 'sent or delivered'),
  number('pending', '1 when the port was pending already'),
  number('masked', '1 when the guest has masked the port'),
  DOM,
  VCPU,
];
const GRANT = [
  number('ref', 'the grant reference'),
  number('peer', 'the domain that uses it'),
  number('frame', 'the guest frame number in the entry; -1 when it is empty'),
  text('use', 'map, copy or unmap'),
  number('readonly', '1 for a use that only reads'),
  text('status', 'why it was refused: bad_gntref; else empty'),
  DOM,
];
const STORE = [
  text('path', 'the node'),
  text('value', 'what it holds, as text'),
  text('op', 'read, write, rm, permissions or watch'),
  number('by', 'the domain whose request it is; 0 is the toolstack'),
];
const REQUEST = [
  text('op', 'the request: READ, TRANSACTION_START, ...'),
  text('path', 'its first argument: a path or another text; empty where it has none'),
  text('error', 'why it was refused: ENOENT; else empty'),
  number('by', 'the domain whose request it is'),
];
const VIRQ_FIELDS = [
  text('name', 'VIRQ_TIMER, ...'),
  number('virq', 'its number'),
  number('port', 'the port that it is bound to; 0 when the guest did not bind it'),
  DOM,
  VCPU,
];
const RING = [
  text('ring', 'the ring: vbd-51712'),
  number('slot', 'the index of the message'),
  text('kind', 'request or response'),
  text('op', 'the operation in words'),
  text('status', 'the status of a response in words'),
  number('id', 'what matches request and response'),
  DOM,
];
const FIRMWARE = [
  number('fn', 'the function identifier'),
  text('name', 'CPU_ON, SYSTEM_OFF, ...'),
  number('a1', 'first argument'),
  number('a2', 'second argument'),
  number('a3', 'third argument'),
  number('ret', 'the result, when the stage is post'),
  DOM,
  VCPU,
];
const REGISTER = [
  text('reg', 'the register'),
  number('write', '1 for a write'),
  number('value', 'what is written, or was read'),
  text('outcome', 'emulated or UNDEFINED'),
  PC,
  DOM,
  VCPU,
];
const EXCEPTION = [
  number('ec', 'ESR_ELx.EC; -1 for interrupts'),
  number('iss', 'ESR_ELx.ISS'),
  number('far', 'FAR_ELx'),
  number('from_el', 'the exception level that it was taken from'),
  number('pc', 'ELR_ELx: what the handler returns to'),
  DOM,
  VCPU,
];
const CALL = [
  number('nr', 'X8 of an SVC: the number of the system call'),
  text('name', 'what Linux calls it; empty for a number that Linux does not have'),
];
const bareBoth = { onBareMachine: true, ...BOTH };

export const eventCatalog: readonly EventRow[] = [
  ...hypercallRows(),
  row('s2fault', 'stage2', 'Any stage 2 fault', 'An access of a guest is refused by stage 2.', FAULT),
  row(
    's2fault.mmio',
    'stage2',
    'Emulated device',
    'A guest accesses a device that the hypervisor emulates.',
    FAULT,
  ),
  row(
    's2unhandled',
    'stage2',
    'Stage 2 fault nobody handles',
    'A guest accesses an address that nothing stands behind.',
    FAULT,
  ),
  row('trap', 'trap', 'Any trap', 'The hypervisor gets control of a CPU.', TRAP),
  ...TRAPS.map(([id, label, description]) => row(`trap.${id}`, 'trap', label, description, TRAP)),
  row(
    'el1exception',
    'exception',
    'Any synchronous exception',
    'A guest takes a synchronous exception.',
    [...EXCEPTION, ...CALL],
    bare,
  ),
  row(
    'syscall',
    'exception',
    'SVC from EL0',
    'A program of the guest makes a system call.',
    [...EXCEPTION, ...CALL],
    bare,
  ),
  ...exceptionKinds.map(({ id, label, description }) =>
    row(
      `el1exception.${id}`,
      'exception',
      label,
      description,
      id === 'svc' ? [...EXCEPTION, ...CALL] : EXCEPTION,
      bare,
    ),
  ),
  row(
    'irq',
    'interrupt',
    'Interrupt delivered',
    'A vCPU acknowledges an interrupt: its handler begins.',
    INTERRUPT,
    bare,
  ),
  row(
    'irq.injected',
    'interrupt',
    'Interrupt injected',
    'An interrupt becomes pending at the vGIC.',
    INTERRUPT,
  ),
  row(
    'irq.listed',
    'interrupt',
    'List register loaded',
    'The vGIC shows an interrupt to a vCPU: it writes a list register.',
    [...INTERRUPT, number('lr', 'the number of the list register')],
  ),
  row(
    'irq.spurious',
    'interrupt',
    'Spurious acknowledge',
    'A CPU reads the acknowledge register, and there is nothing to take.',
    [DOM, VCPU],
    bare,
  ),
  row('irq.ended', 'interrupt', 'Interrupt ended', 'A vCPU writes the end of an interrupt.', INTERRUPT, bare),
  row('evtchn', 'event-channel', 'Any event', 'An event is sent or delivered.', EVENT),
  row('evtchn.sent', 'event-channel', 'Event sent', 'Somebody raises an event at a port.', EVENT),
  row('evtchn.delivered', 'event-channel', 'Event delivered', 'A port becomes pending for the guest.', EVENT),
  row('virq', 'event-channel', 'Any VIRQ', 'Xen raises a virtual interrupt of its own.', VIRQ_FIELDS),
  ...Object.keys(VIRQS).map((name) =>
    row(`virq.${name}`, 'event-channel', `VIRQ_${name}`, `Xen raises VIRQ_${name}.`, VIRQ_FIELDS),
  ),
  row('grant', 'grant', 'Any use of a grant', 'A grant is mapped, copied, unmapped or refused.', GRANT),
  row('grant.map', 'grant', 'Grant mapped', 'A domain maps a page that another one granted.', GRANT),
  row('grant.copy', 'grant', 'Grant copied', 'A page that was granted is copied from or to.', GRANT),
  row('grant.unmap', 'grant', 'Grant unmapped', 'A domain gives up its mapping of a granted page.', GRANT),
  row(
    'grant.refused',
    'grant',
    'Grant refused',
    'A grant is used that is not, or no longer, allowed.',
    GRANT,
  ),
  row(
    'grant.revoked',
    'grant',
    'Grant used after revoke',
    'A domain asks for a grant that it could use before, or still had one mapped that its owner has ended.',
    GRANT,
  ),
  row('xenstore', 'xenstore', 'A change', 'A node is written or removed, or a watch fires.', STORE),
  row('xenstore.read', 'xenstore', 'Read', 'A client reads a node.', STORE),
  row('xenstore.write', 'xenstore', 'Write', 'A node gets a value.', STORE),
  row('xenstore.rm', 'xenstore', 'Remove', 'A node goes.', STORE),
  row('xenstore.permissions', 'xenstore', 'Permissions', 'The permissions of a node change.', STORE),
  row('xenstore.watch', 'xenstore', 'Watch fired', 'A client is told that a node changed.', STORE),
  row(
    'xenstore.request',
    'xenstore',
    'Any request',
    'A domain has made a request of the wire protocol, and was answered.',
    REQUEST,
  ),
  ...xenstoreRequests.map(({ name }) =>
    row(
      `xenstore.request.${name.toLowerCase()}`,
      'xenstore',
      name,
      `A domain has made the request ${name}.`,
      REQUEST,
    ),
  ),
  row('ring', 'ring', 'Any message', 'A request or response appears in a ring.', RING),
  row('ring.request', 'ring', 'Request', 'A frontend has put a request into its ring.', RING),
  row('ring.response', 'ring', 'Response', 'A backend has answered a request.', RING),
  ...ringOperations.map(({ name, label, description }) => row(name, 'ring', label, description, RING)),
  row(
    'sysreg',
    'firmware',
    'System register, SMC or PSCI',
    'A guest reaches a trapped system register or firmware.',
    [...REGISTER, ...FIRMWARE.slice(0, 2)],
  ),
  row(
    'sysreg.access',
    'firmware',
    'Trapped system register',
    'A guest accesses a system register that is emulated.',
    REGISTER,
  ),
  row(
    'psci',
    'firmware',
    'Any firmware call',
    'A guest calls firmware: PSCI or another SMCCC function.',
    FIRMWARE,
    bareBoth,
  ),
  ...psciFunctions.map((name) =>
    row(`psci.${name}`, 'firmware', name, `A guest calls ${name}.`, FIRMWARE, bareBoth),
  ),
  row('crash', 'domain', 'Domain crashed or shut down', 'A domain comes to its end, whatever the reason.', [
    text('reason', 'poweroff, reboot, suspend, crash, watchdog'),
    DOM,
  ]),
  row('domain.created', 'domain', 'Domain created', 'The toolstack creates a domain.', [
    text('name', 'its name'),
    DOM,
  ]),
  row('domain.destroyed', 'domain', 'Domain destroyed', 'The toolstack destroys a domain.', [DOM]),
  row('vcpu.blocked', 'vcpu', 'vCPU blocked', 'A vCPU waits for an interrupt or event.', [DOM, VCPU]),
  row(
    'vcpu.woken',
    'vcpu',
    'vCPU running',
    'A vCPU that waited or was preempted goes on, or one is started.',
    [DOM, VCPU],
  ),
  row('vcpu.offline', 'vcpu', 'vCPU offline', 'A vCPU goes off, or is paused.', [DOM, VCPU]),
  row('vcpu.switch', 'vcpu', 'Any schedule in or out', 'The scheduler gives a vCPU a CPU, or takes it.', [
    DOM,
    VCPU,
  ]),
  row('vcpu.in', 'vcpu', 'Scheduled in', 'A vCPU gets a CPU.', [DOM, VCPU]),
  row('vcpu.out', 'vcpu', 'Scheduled out', 'A vCPU leaves its CPU: it waits, stands still or is preempted.', [
    DOM,
    VCPU,
  ]),
  ...cpuEvents,
  ...sanitizerEvents,
  row(
    'console',
    'console',
    'Console line',
    'A guest has printed a line.',
    [text('text', 'the line'), DOM],
    bare,
  ),
];

const byName = new Map(eventCatalog.map((entry) => [entry.name, entry]));

/** Those of a single register are too many to be listed: `register.write.TTBR0_EL1`. */
export const eventNamed = (name: string): EventRow | undefined => byName.get(name) ?? registerEvent(name);
