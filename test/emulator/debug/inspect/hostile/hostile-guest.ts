// A guest that does its worst to whoever looks at it, on a real machine: what it does follows from a seed. The test
// puts instructions into its memory and lets its vCPU execute them; stores are done for it.

import { scratchSpec } from '../../../xen/backends/block/disks.ts';
import { type Hypercall, structOf } from './hypercall-by-name.ts';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import type { LoadedMachine } from '../../../../../emulator/machine/guest.ts';
import { loadMachine } from '../../../../../emulator/machine/load.ts';
import { writeRegister } from '../../../../../emulator/machine/registers.ts';
import type { MachineInspector } from '../../../../../emulator/machine/server.ts';
import { HVM_PARAM_STORE_EVTCHN } from '../../../../../emulator/xen/abi/hvm-params.ts';
import {
  XENSTORE_RING_SIZE,
  XS,
  XS_REQ_CONS_OFFSET,
  XS_REQ_PROD_OFFSET,
  XS_RSP_CONS_OFFSET,
  XS_RSP_PROD_OFFSET,
} from '../../../../../emulator/xen/abi/xs-wire.ts';
import { GUEST_MAGIC, MAGIC_XENSTORE } from '../../../../../emulator/xen/toolstack/guest-layout.ts';
import { encode } from '../../../../../emulator/xen/xenstore/ring.ts';
import { modules } from '../../../machine/guests.ts';
import { Chance } from '../memory/random-tables.ts';

export const RAM = 0x4000_0000;
const MEMORY = 16 * 1024 * 1024;
export const ENTRY = RAM + 0x8_0000;
/** HVC #0xEA1 and where it returns to. */
const HYPERCALL = ENTRY + 0x1000;
/** Instructions of the moment. */
const PROGRAM = ENTRY + 0x1_0000;
const VECTORS = ENTRY + 0x800;
export const ARGUMENT = RAM + 0x20_0000;
/** Pages that it may spoil. */
export const PAGES = RAM + 0x40_0000;
export const XENSTORE_PAGE = GUEST_MAGIC.base + MAGIC_XENSTORE * 4096;
export const DOMAIN = 1;
export const SELF = 0x7ff0;

const BRANCH_TO_ITSELF = 0x1400_0000;
const HVC = 0xd400_0002 | (0xea1 << 5);
/** MRS X9, ELR_EL1; ADD X9, X9, #4; MSR ELR_EL1, X9; ERET. */
const SKIP = [0xd538_4029, 0x9100_1129, 0xd518_4029, 0xd69f_03e0];
const EL1H_MASKED = 0x3c5;

export class HostileGuest {
  readonly loaded: LoadedMachine;
  readonly inspector: MachineInspector;
  readonly chance: Chance;
  readonly gicVersion: 2 | 3;
  console = '';
  private requestId = 1;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.gicVersion = seed % 2 === 0 ? 3 : 2;
    const data = code();
    const segment = { address: ENTRY, data, memorySize: data.length };
    const kernel = { name: 'hostile', kernel: { kind: 'elf' as const, entry: ENTRY, segments: [segment] } };
    const common = { cmdline: '', memory: MEMORY, gicVersion: this.gicVersion };
    const disks = [scratchSpec('xvda', 64 * 512), scratchSpec('xvdb', 8 * 512, true)];
    this.loaded = loadMachine(
      modules,
      {
        cpu: 'max',
        seed,
        domains: [{ ...common, name: 'hostile', vcpus: 2, kernel, disks, vuart: true }],
      },
      { console: (_domain, byte) => (this.console += String.fromCharCode(byte)), ended: () => {} },
      { log: () => {} },
    );
    this.inspector = createInspector(this.loaded);
    this.register('VBAR_EL1', BigInt(VECTORS));
  }

  // -------------------------------------------------------------- processor

  register(name: string, value: bigint, cpu = 0): void {
    writeRegister(this.loaded.machine, cpu, name, value);
  }

  /** Instructions without branches; those that fault are skipped. */
  execute(words: readonly number[]): void {
    this.poke(PROGRAM, new Uint8Array(Uint32Array.from([...words, BRANCH_TO_ITSELF]).buffer));
    this.run(PROGRAM, PROGRAM + 4 * words.length);
  }

  /** X0 afterwards. */
  hypercall(number: number, args: readonly bigint[]): bigint {
    const state = this.state;
    state.setX(16, BigInt(number));
    args.forEach((value, index) => state.setX(index, value));
    this.run(HYPERCALL, HYPERCALL + 4);
    return this.state.x(0);
  }

  /** By the name of the sub-operation; answers the structure as it is afterwards. */
  call(
    name: string,
    members: Readonly<Record<string, number | bigint>> = {},
    others: Readonly<Record<number, bigint>> = {},
  ): { readonly result: bigint; readonly arg: Readonly<Record<string, number | bigint>> } {
    const { number, subOperation, pointer, type, count }: Hypercall = structOf(name);
    const args = [BigInt(subOperation), 0n, 0n, 0n, 0n];
    if (count) args[2] = 1n;
    for (const [index, value] of Object.entries(others)) args[Number(index)] = value;
    if (type) {
      const bytes = new Uint8Array(type.size);
      type.update(bytes, { ...(type.read(bytes) as object), ...members });
      this.poke(ARGUMENT, bytes);
      args[pointer] = BigInt(ARGUMENT);
    }
    const result = this.hypercall(number, args);
    const arg = type ? (type.read(this.peek(ARGUMENT, type.size)) as Record<string, number | bigint>) : {};
    return { result, arg };
  }

  private get state() {
    const [state] = this.loaded.machine.cpus;
    if (!state) throw new Error('the machine has a CPU');
    return state;
  }

  private run(from: number, to: number): void {
    const { machine } = this.loaded;
    const { state } = this;
    state.pstate = EL1H_MASKED;
    state.pc = BigInt(from);
    for (let turns = 0; state.pc !== BigInt(to); turns++) {
      if (turns > 2000)
        throw new Error(`the guest does not come to ${to.toString(16)}: ${state.pc.toString(16)}`);
      const end = machine.runSlice(2000);
      if (end.kind === 'idle') machine.skipTo(Math.min(end.deadline, machine.clock.nanoseconds() + 1e6));
    }
  }

  // -------------------------------------------------------------- memory

  /** Stores; where nothing is mapped they are lost. */
  poke(ipa: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = ipa + done;
      const length = Math.min(bytes.length - done, 4096 - (at % 4096));
      const pa = this.loaded.paOfIpa(DOMAIN, at);
      const { memory } = this.loaded.machine;
      if (pa !== undefined && memory.contains(pa, length))
        memory.write(pa, bytes.subarray(done, done + length));
      done += length;
    }
  }

  poke32(ipa: number, ...values: readonly number[]): void {
    this.poke(ipa, new Uint8Array(Uint32Array.from(values).buffer));
  }

  peek(ipa: number, length: number): Uint8Array {
    const pa = this.loaded.paOfIpa(DOMAIN, ipa);
    return pa === undefined ? new Uint8Array(length) : this.loaded.machine.memory.bytes(pa, length).slice();
  }

  peek32 = (ipa: number): number => new DataView(this.peek(ipa, 4).buffer).getUint32(0, true);

  randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.chance.below(256));
  }

  // -------------------------------------------------------------- xenstore

  /** Sends a request and drops what is answered, as far as the ring still works. */
  xenstore(type: keyof typeof XS, payload: string | Uint8Array, transactionId = 0): void {
    const body = typeof payload === 'string' ? latin1(payload) : payload;
    this.sendBytes(encode({ type: XS[type], requestId: this.requestId++, transactionId, payload: body }));
  }

  writeNode(path: string, value: string | Uint8Array): void {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    this.xenstore('WRITE', Uint8Array.from([...latin1(`${path}\0`), ...bytes]));
  }

  sendBytes(bytes: Uint8Array): void {
    for (let sent = 0; sent < bytes.length; ) {
      const producer = this.peek32(XENSTORE_PAGE + XS_REQ_PROD_OFFSET);
      const room = XENSTORE_RING_SIZE - ((producer - this.peek32(XENSTORE_PAGE + XS_REQ_CONS_OFFSET)) >>> 0);
      const count = Math.min(room, bytes.length - sent);
      if (count <= 0) return;
      for (let i = 0; i < count; i++) {
        this.poke(
          XENSTORE_PAGE + ((producer + i) % XENSTORE_RING_SIZE),
          bytes.subarray(sent + i, sent + i + 1),
        );
      }
      this.poke32(XENSTORE_PAGE + XS_REQ_PROD_OFFSET, producer + count);
      sent += count;
      this.notifyXenstore();
      this.dropAnswers();
    }
  }

  private dropAnswers(): void {
    for (let rounds = 0; rounds < 8; rounds++) {
      const produced = this.peek32(XENSTORE_PAGE + XS_RSP_PROD_OFFSET);
      if (produced === this.peek32(XENSTORE_PAGE + XS_RSP_CONS_OFFSET)) return;
      this.poke32(XENSTORE_PAGE + XS_RSP_CONS_OFFSET, produced);
      this.notifyXenstore();
    }
  }

  notifyXenstore(): void {
    this.call('EVTCHNOP_send', { port: Number(this.loaded.view?.parameter(DOMAIN, HVM_PARAM_STORE_EVTCHN)) });
  }
}

export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0) & 0xff);

function code(): Uint8Array {
  const words = new Uint32Array(0x2_0000 / 4).fill(BRANCH_TO_ITSELF);
  words[(HYPERCALL - ENTRY) / 4] = HVC;
  words.set(SKIP, (VECTORS + 0x200 - ENTRY) / 4);
  return new Uint8Array(words.buffer);
}
