// What the hostile guest does, each deed by itself or after others.

import { frames, Driver } from '../gic/guest-program.ts';
import {
  ARGUMENT,
  DOMAIN,
  ENTRY,
  type HostileGuest,
  latin1,
  PAGES,
  RAM,
  SELF,
  XENSTORE_PAGE,
} from './hostile-guest.ts';
import { randomDescriptor } from '../memory/random-tables.ts';
import { gicSystemRegisters } from '../../../../../emulator/devices/gic-v3/system-registers.ts';
import { GUEST_GNTTAB, GUEST_MAGIC } from '../../../../../emulator/xen/toolstack/guest-layout.ts';

/** A script in it would set this property of `window`. */
export const MARKER = 'xenscopeWasTricked';

export const MARKUP = [
  `<img src=x onerror=window.${MARKER}=1>`,
  `</script><script>window.${MARKER}=1</script>`,
  `<iframe srcdoc="<script>parent.${MARKER}=1</script>"></iframe>`,
  `<a href="javascript:window.${MARKER}=1">click</a>`,
  `"><svg onload=window.${MARKER}=1>`,
  "'-alert(1)-' ${7*7} {{7*7}} <!-- ]]> &lt;b&gt; &#0;",
  `[link](command:workbench.action.quit) $(flame) \`code\``,
];

const TEXTS = [
  ...MARKUP,
  '\u001b]8;;http://example.com\u0007click\u001b]8;;\u0007',
  '\u001b[2J\u001b]0;title\u0007\u009b31m',
  'a\u202etxt.exe\u202c\u2066\u200b\u200d\ufeff\u2028\u2029',
  'nul\0nul',
  '\r\n\t\v\f\b\u007f',
  '\ud83d\ude00'.repeat(20),
  '%s%n%p\\x41\\u0041\\',
  '',
  '4294967295',
  '18446744073709551616',
  '-1',
  '0x10',
  '1e9',
  ' 4',
  '__proto__',
  'constructor',
  '/local/domain/1/device/vbd/51712',
  '/local/domain/1',
  '//',
  '/',
  '../../..',
];

const HOME = `/local/domain/${DOMAIN}`;

type Deed = (guest: HostileGuest) => void;

export const text = ({ chance }: Pick<HostileGuest, 'chance'>): string =>
  TEXTS[chance.below(TEXTS.length)] ?? '';

function value(guest: HostileGuest): Uint8Array {
  const { chance } = guest;
  const kind = chance.below(6);
  if (kind === 0) return guest.randomBytes(chance.below(200));
  if (kind === 1) return guest.randomBytes(1900);
  if (kind === 2) return new TextEncoder().encode(text(guest).repeat(1 + chance.below(40))).subarray(0, 1900);
  if (kind === 3) return Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, chance.below(256));
  return new TextEncoder().encode(text(guest));
}

const number32 = ({ chance }: HostileGuest): number => {
  const kind = chance.below(6);
  if (kind === 0) return 0xffff_ffff;
  if (kind === 1) return 0x8000_0000 + chance.below(3) - 1;
  if (kind === 2) return chance.below(64);
  if (kind === 3) return chance.below(0x1_0000);
  return Number(chance.bits(32));
};

// ---------------------------------------------------------------- xenstore

const xenstoreTexts: Deed = (guest) => {
  for (let index = 0; index < 30; index++) {
    const place = ['data', 'error', 'attr', 'drivers', 'error/device/vbd/51712'][guest.chance.below(5)] ?? '';
    const name =
      ['__proto__', 'constructor', 'toString', 'error', `n${index}`, 'a@b_c-d'][guest.chance.below(6)] ?? '';
    guest.writeNode(`${HOME}/${place}/${name}`, value(guest));
  }
  guest.writeNode(`${HOME}/control/shutdown`, text(guest));
};

/** Until the quota ends it. */
const xenstoreMany: Deed = (guest) => {
  const wide = guest.chance.below(2) === 0;
  for (let index = 0; index < 1100; index++) {
    guest.xenstore('MKDIR', `${HOME}/data/${wide ? 'w' : `d${index % 20}`}/${index}\0`);
  }
};

const xenstoreDeep: Deed = (guest) => {
  let path = `${HOME}/data`;
  while (path.length < 1500) path += '/x';
  guest.writeNode(path, text(guest));
};

const xenstoreClients: Deed = (guest) => {
  const { chance } = guest;
  for (let index = 0; index < 40; index++) {
    const path =
      ['/', '@introduceDomain', `${HOME}/data`, 'data', `${HOME}/device/vbd/51712/state`][chance.below(5)] ??
      '';
    guest.xenstore('WATCH', Uint8Array.from([...latin1(`${path}\0`), ...value(guest), index, 0]));
  }
  for (let index = 0; index < 6; index++) guest.xenstore('TRANSACTION_START', '\0');
  guest.xenstore('WRITE', Uint8Array.from([...latin1(`${HOME}/data/in-transaction\0`), ...value(guest)]), 1);
  for (let index = 0; index < 12; index++) {
    const letters = Array.from(
      { length: 1 + chance.below(5) },
      () => `${'nrwb'[chance.below(4)]}${number32(guest) % 0x8000}\0`,
    );
    guest.xenstore('SET_PERMS', `${HOME}/data/n${index}\0${letters.join('')}`);
  }
};

/** Requests that are cut, too long, of no type; then the ring itself is spoiled. */
const xenstoreRing: Deed = (guest) => {
  guest.sendBytes(guest.randomBytes(1 + guest.chance.below(40)));
  const page = guest.randomBytes(4096);
  if (guest.chance.below(2) === 0) guest.poke(XENSTORE_PAGE, page);
  guest.poke32(XENSTORE_PAGE + 2048, ...Array.from({ length: 4 }, () => number32(guest)));
  guest.notifyXenstore();
};

// ---------------------------------------------------------------- devices and rings

const DEVICE_NODES = [
  'state',
  'backend',
  'backend-id',
  'ring-ref',
  'ring-ref0',
  'ring-ref1',
  'ring-page-order',
  'num-ring-pages',
  'event-channel',
  'event-channel-0',
  'tx-ring-ref',
  'rx-ring-ref',
  'event-channel-tx',
  'event-channel-rx',
  'multi-queue-num-queues',
  'num-rings',
  'queue-0/ring-ref',
  'queue-0/event-channel',
  'queue-1/tx-ring-ref',
  'queue-1/event-channel-tx',
  'protocol',
];

/** Without these nobody looks any further. */
const NEEDED = ['state', 'backend', 'backend-id', 'ring-ref', 'event-channel'];

/** What a frontend's node may hold: mostly numbers, since other texts end the reading early. */
function nodeValue(guest: HostileGuest, node: string): string | Uint8Array {
  const { chance } = guest;
  if (chance.once(4)) return value(guest);
  if (node === 'state') return String(chance.below(10));
  if (node === 'backend') {
    const places = [`${HOME}/device/vbd/51712`, `/local/domain/0/backend/vbd/${DOMAIN}/51712`, HOME, '/'];
    return places[chance.below(places.length)] ?? '';
  }
  if (node === 'backend-id') return String([0, 0, 0, 1, 2, 77, 0x7fef, 0x7ff0][chance.below(8)]);
  if (node.includes('order') || node.includes('num'))
    return String([0, 1, 2, 4, 9, 31, 4294967295][chance.below(7)]);
  if (node.includes('ref'))
    return String([8, 9, 10, 11, 12, 13, 511, 512, 16383, 4294967295][chance.below(10)]);
  return String([1, 2, 3, 4, 5, 1023, 4095, 131072, 4294967295][chance.below(9)]);
}

/** The frontend of the real disk, published as it should be, so that the backend maps its ring. */
function connectDisk(guest: HostileGuest, ringFrame: number): void {
  const device = `${HOME}/device/vbd/51712`;
  grant(guest, 8, ringFrame, 1);
  const port = Number(guest.call('EVTCHNOP_alloc_unbound', { dom: SELF, remote_dom: 0 }).arg['port']);
  guest.writeNode(`${device}/ring-ref`, '8');
  guest.writeNode(`${device}/event-channel`, String(port));
  guest.writeNode(`${device}/protocol`, 'arm-abi');
  guest.writeNode(`${device}/state`, '3');
  guest.writeNode(`${device}/state`, '4');
}

const GRANT_WINDOW = GUEST_GNTTAB.base;

function grant(guest: HostileGuest, reference: number, frame: number, flags: number, to = 0): void {
  const page = Math.floor(reference / 512);
  guest.call('XENMEM_add_to_physmap', {
    domid: SELF,
    space: 1,
    idx: BigInt(page),
    gpfn: BigInt(GRANT_WINDOW / 4096 + page),
  });
  const at = GRANT_WINDOW + reference * 8;
  guest.poke32(at + 4, frame);
  guest.poke32(at, (to << 16) | flags);
}

const RING = PAGES / 4096;

/** A connected block ring whose indices and slots become nonsense. */
const diskRing: Deed = (guest) => {
  const { chance } = guest;
  connectDisk(guest, RING);
  for (let round = 0; round < 1 + chance.below(4); round++) {
    if (chance.once(2)) guest.poke(PAGES, guest.randomBytes(4096));
    const indices = [number32(guest), number32(guest), number32(guest), number32(guest)];
    // Also what is only a little wrong: a few requests ahead, one slot more than there are.
    if (chance.once(2)) indices.splice(0, 3, chance.below(40), chance.below(40), chance.below(3));
    guest.poke32(PAGES, ...indices);
    for (let port = 0; port < 12; port++) guest.call('EVTCHNOP_send', { port });
  }
};

/** Its own code, pages that are not there, of Xen and of the grant table as rings. */
const strangeRings: Deed = (guest) => {
  const frames = [
    ENTRY / 4096,
    0,
    0xffff_ffff,
    GRANT_WINDOW / 4096,
    GUEST_MAGIC.base / 4096 + 1,
    0x9000,
    RING,
    RING + 1,
  ];
  frames.forEach((frame, index) => grant(guest, 8 + index, frame, 1));
  guest.poke(PAGES, guest.randomBytes(8192));
  for (const device of ['51712', '51728']) {
    for (const node of DEVICE_NODES) {
      if (guest.chance.once(3)) continue;
      guest.writeNode(`${HOME}/device/vbd/${device}/${node}`, nodeValue(guest, node));
    }
  }
};

/** Devices that the toolstack made, and the guest filled in. */
const fakeDevices: Deed = (guest) => {
  for (const kind of ['vbd', 'vif', '9pfs', 'console', 'pvcalls', 'vkbd', '__proto__']) {
    for (const id of ['0', '1', '51712', 'constructor']) {
      for (const node of DEVICE_NODES) {
        const isNeeded = NEEDED.includes(node) && !guest.chance.once(8);
        if (!isNeeded && !guest.chance.once(3)) continue;
        const written = nodeValue(guest, node);
        const asText =
          typeof written === 'string' ? written : new TextDecoder().decode(written).slice(0, 600);
        guest.loaded.act({
          kind: 'write-xenstore',
          path: `${HOME}/device/${kind}/${id}/${node}`,
          value: asText,
        });
      }
    }
  }
  for (let frame = 0; frame < 5; frame++) grant(guest, 8 + frame, RING + frame, 1);
  // A 9pfs ring that says its order is huge and its pages anybody's.
  guest.poke32(PAGES, ...Array.from({ length: 64 }, () => number32(guest)));
};

const consoleRing: Deed = (guest) => {
  const page = GUEST_MAGIC.base;
  const output = TEXTS.join('\n').slice(0, 900);
  guest.poke(page + 1024, new TextEncoder().encode(output).subarray(0, 2048));
  guest.poke32(page + 3072, number32(guest), number32(guest), number32(guest), number32(guest));
  for (let port = 0; port < 4; port++) guest.call('EVTCHNOP_send', { port });
  // And a line that is right, so that it is recorded.
  guest.poke32(page + 3080, 0, 700);
  for (let port = 0; port < 4; port++) guest.call('EVTCHNOP_send', { port });
};

// ---------------------------------------------------------------- grants and event channels

const grantGarbage: Deed = (guest) => {
  const { chance } = guest;
  const pages = 1 + chance.below(34);
  for (let page = 0; page < pages; page++) {
    grant(guest, page * 512 + 8, number32(guest), 1);
    guest.poke(GRANT_WINDOW + page * 4096, guest.randomBytes(4096));
  }
  const copies = Array.from({ length: 6 }, () => ({
    host_addr: chance.bits(34),
    flags: number32(guest) & 0x1f,
    ref: number32(guest) & 0xfff,
    dom: chance.below(4),
  }));
  for (const map of copies) guest.call('GNTTABOP_map_grant_ref', map);
};

/** The disk's ring is granted again, to another, to nobody, while the backend has it mapped. */
const grantRevoked: Deed = (guest) => {
  connectDisk(guest, RING + 2);
  const { chance } = guest;
  const flags = [0, 1, 5, 2, 3, 0xffff][chance.below(6)] ?? 0;
  grant(guest, 8, number32(guest), flags, [0, 1, 2, 0x7ff0, 0xffff][chance.below(5)]);
};

/** One page of its own at very many addresses. */
const grantsToItself: Deed = (guest) => {
  for (let index = 0; index < 400; index++) {
    const reference = 32 + (index >> 6);
    grant(guest, reference, RING, 1, DOMAIN);
    guest.call('GNTTABOP_map_grant_ref', {
      host_addr: BigInt(0x9000_0000 + 0x3000 * index),
      flags: 2,
      ref: reference,
      dom: DOMAIN,
    });
  }
};

const eventChannels: Deed = (guest) => {
  const { chance } = guest;
  for (let index = 0; index < 200; index++) {
    const choice = chance.below(6);
    if (choice === 0) guest.call('EVTCHNOP_bind_virq', { virq: chance.below(26), vcpu: chance.below(3) });
    if (choice === 1) guest.call('EVTCHNOP_bind_ipi', { vcpu: chance.below(3) });
    if (choice === 2)
      guest.call('EVTCHNOP_bind_interdomain', { remote_dom: chance.below(4), remote_port: chance.below(20) });
    if (choice === 3) guest.call('EVTCHNOP_send', { port: chance.below(300) });
    if (choice === 4) guest.call('EVTCHNOP_close', { port: 20 + chance.below(300) });
    if (choice === 5)
      guest.call('EVTCHNOP_alloc_unbound', {
        dom: SELF,
        remote_dom: [0, 1, 2, 0x7ff0, 0x7fff][chance.below(5)] ?? 0,
      });
  }
};

const allPorts: Deed = (guest) => {
  for (let index = 0; index < 1100; index++) guest.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
};

const sharedInfo: Deed = (guest) => {
  const { chance } = guest;
  const window = PAGES + 0x10_0000;
  guest.call('XENMEM_add_to_physmap', { domid: SELF, space: 0, idx: 0n, gpfn: BigInt(window / 4096) });
  guest.poke(window, chance.once(3) ? new Uint8Array(4096).fill(0xff) : guest.randomBytes(4096));
  const place = PAGES + 0x11_0000;
  guest.call(
    'VCPUOP_register_vcpu_info',
    { mfn: BigInt(place / 4096), offset: 64 * chance.below(60) },
    { 1: 0n },
  );
  guest.poke(place, chance.once(3) ? new Uint8Array(4096).fill(0xff) : guest.randomBytes(4096));
  for (let port = 0; port < 6; port++) guest.call('EVTCHNOP_send', { port });
};

const fifo: Deed = (guest) => {
  const { chance } = guest;
  const control = PAGES + 0x12_0000;
  guest.call('EVTCHNOP_init_control', { control_gfn: BigInt(control / 4096), offset: 0, vcpu: 0 });
  guest.call('EVTCHNOP_init_control', {
    control_gfn: BigInt(control / 4096 + 1),
    offset: 8 * chance.below(400),
    vcpu: 1,
  });
  guest.call('EVTCHNOP_expand_array', { array_gfn: BigInt(control / 4096 + 2) });
  for (let port = 0; port < 8; port++)
    guest.call('EVTCHNOP_set_priority', { port, priority: chance.below(18) });
  for (let round = 0; round < 3; round++) {
    // Links that lead in circles, or to ports that are not there.
    const words = Uint32Array.from({ length: 1024 }, (_, port) =>
      chance.once(3)
        ? ((chance.below(16) << 28) | port) >>> 0
        : ((chance.below(16) << 28) | chance.below(40)) >>> 0,
    );
    guest.poke(control + 8192, new Uint8Array(words.buffer));
    guest.poke(control, guest.randomBytes(256));
    for (let port = 0; port < 8; port++) guest.call('EVTCHNOP_send', { port });
  }
};

// ---------------------------------------------------------------- processor and memory

const interruptController: Deed = (guest) => {
  const { chance, gicVersion } = guest;
  const setting = { kind: 'domain', version: gicVersion, cpus: 2, vuart: true } as const;
  const at = frames(setting);
  const driver = new Driver(setting);
  const places =
    gicVersion === 3
      ? [at.distributor, at.distributor + 0x6000, at.redistributor, at.redistributor + 0x1_0000]
      : [at.distributor, at.cpu];
  if (chance.once(2)) driver.start();
  const all = chance.once(3);
  for (let index = 0; index < 80; index++) {
    const address = (places[chance.below(places.length)] ?? at.distributor) + 4 * chance.below(0x400);
    driver.write(address, all ? 0xffff_ffff : Number(chance.bits(32)), [1, 2, 4, 4, 4][chance.below(5)] as 4);
  }
  if (gicVersion === 3) {
    const registers = gicSystemRegisters.filter(
      ({ write, group }) => write !== undefined && group !== 'hypervisor',
    );
    for (let index = 0; index < 20; index++) {
      const { name } = registers[chance.below(registers.length)] ?? { name: 'ICC_PMR_EL1' };
      driver.msr(name, all ? 2n ** 64n - 1n : chance.bits(64));
    }
  }
  guest.execute(driver.words);
};

/** Pages of its own taken away, Xen's put in many places, nothing where code and rings stand. */
const physmap: Deed = (guest) => {
  const { chance } = guest;
  for (let index = 0; index < 60; index++) {
    const gpfn = BigInt((RAM + 0x60_0000) / 4096 + chance.below(0x400));
    const choice = chance.below(3);
    if (choice === 0) guest.call('XENMEM_remove_from_physmap', { domid: SELF, gpfn });
    else if (choice === 1) guest.call('XENMEM_add_to_physmap', { domid: SELF, space: 0, idx: 0n, gpfn });
    else guest.call('XENMEM_add_to_physmap', { domid: SELF, space: 1, idx: BigInt(chance.below(40)), gpfn });
  }
  for (const space of [1, 0]) {
    guest.call('XENMEM_add_to_physmap', { domid: SELF, space, idx: 0n, gpfn: chance.bits(36) });
  }
  if (chance.once(3)) guest.call('XENMEM_remove_from_physmap', { domid: SELF, gpfn: BigInt(RING) });
  if (chance.once(6)) {
    guest.call('XENMEM_remove_from_physmap', { domid: SELF, gpfn: BigInt(XENSTORE_PAGE / 4096) });
  }
};

const otherVcpu: Deed = (guest) => {
  // CPU_ON of vCPU 1 at an instruction that branches to itself.
  guest.hypercall(0, []);
  const words = new Driver({ kind: 'domain', version: guest.gicVersion }).psci(
    0xc400_0003,
    1,
    ENTRY + 0x1004,
    0,
  ).words;
  guest.execute(words);
};

const wildHypercalls: Deed = (guest) => {
  const { chance } = guest;
  for (let index = 0; index < 60; index++) {
    // Not what stops the guest: sched_op and its old form.
    const number = [12, 17, 18, 20, 24, 26, 32, 33, 34, 35, 38][chance.below(11)] ?? 17;
    guest.poke(ARGUMENT, guest.randomBytes(256));
    const argument = (): bigint => (chance.once(2) ? BigInt(ARGUMENT) : chance.bits(chance.once(2) ? 5 : 64));
    guest.hypercall(number, [BigInt(chance.below(32)), argument(), argument(), argument(), argument()]);
  }
};

const TABLES = RAM + 0xa0_0000;

/** Translation tables that lead to themselves, to each other and nowhere; last, for no code runs by them. */
export const translation: Deed = (guest) => {
  const { chance } = guest;
  const kind = chance.below(6);
  const entries = new BigUint64Array((16 * 4096) / 8);
  for (let index = 0; index < entries.length; index++) {
    const table = BigInt(TABLES + 4096 * (kind === 0 ? 0 : chance.below(16)));
    if (kind < 2) entries[index] = table | 3n;
    // One entry of each leads on, all others are nothing: much to read, and nothing found.
    else if (kind === 5) entries[index] = index % 512 < 2 ? table | 3n : 0n;
    else if (kind === 2) entries[index] = 2n ** 64n - 1n;
    else if (kind === 3) entries[index] = chance.once(8) ? table | 3n : randomDescriptor(chance);
    // Tables that stand in holes of stage 2.
    else entries[index] = (chance.bits(33) << 12n) | 3n;
  }
  guest.poke(TABLES, new Uint8Array(entries.buffer));
  const base = chance.once(5) ? chance.bits(64) : BigInt(TABLES);
  for (const cpu of [0, 1]) {
    guest.register('TTBR0_EL1', base, cpu);
    guest.register('TTBR1_EL1', base, cpu);
    const size = (): bigint => (chance.once(5) ? chance.bits(6) : BigInt(16 + chance.below(24)));
    const granules = chance.once(3) ? chance.bits(2) << 14n : 0n;
    const upper = chance.once(3) ? chance.bits(2) << 30n : 2n << 30n;
    guest.register(
      'TCR_EL1',
      chance.once(8) ? chance.bits(64) : size() | (size() << 16n) | granules | upper | (5n << 32n),
      cpu,
    );
    guest.register('MAIR_EL1', chance.bits(64), cpu);
    guest.register(
      'SCTLR_EL1',
      chance.once(6) ? chance.bits(64) | 1n : 0x30d0_0801n | (chance.bits(1) << 25n),
      cpu,
    );
    for (const name of [
      'ESR_EL1',
      'FAR_EL1',
      'VBAR_EL1',
      'SPSR_EL1',
      'CONTEXTIDR_EL1',
      'CPACR_EL1',
      'MDSCR_EL1',
    ]) {
      guest.register(name, chance.bits(64), cpu);
    }
    guest.register('pc', chance.bits(64), cpu);
    guest.register('sp', chance.bits(64), cpu);
  }
};

export const DEEDS: Readonly<Record<string, Deed>> = {
  xenstoreTexts,
  xenstoreMany,
  xenstoreDeep,
  xenstoreClients,
  diskRing,
  strangeRings,
  fakeDevices,
  consoleRing,
  grantGarbage,
  grantRevoked,
  grantsToItself,
  eventChannels,
  allPorts,
  sharedInfo,
  fifo,
  interruptController,
  physmap,
  otherVcpu,
  wildHypercalls,
  xenstoreRing,
};

/** Does several deeds in an order that follows from the seed; `moment` comes after each. */
export function misbehave(guest: HostileGuest, count: number, moment: (deed: string) => void): void {
  const names = Object.keys(DEEDS);
  for (let done = 0; done < count; done++) {
    const [name = ''] = names.splice(guest.chance.below(names.length), 1);
    DEEDS[name]?.(guest);
    moment(name);
  }
  translation(guest);
  moment('translation');
}
