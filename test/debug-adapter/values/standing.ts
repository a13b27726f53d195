// A program that stands, without anybody who could run it: memory is what its ELF file has, registers are what
// a test says.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import { FrameInfo } from '../../../emulator/formats/dwarf/frame-info.ts';
import { openProgramInfo } from '../../../emulator/formats/dwarf/program-info.ts';
import { ElfFile, PT_LOAD } from '../../../emulator/formats/elf.ts';
import { SymbolTable } from '../../../emulator/formats/symbols.ts';
import { BARE_DOMAIN } from '../../../emulator/machine/messages.ts';
import type { DomainInfo } from '../../../emulator/machine/messages.ts';
import { dwarfLines } from '../../../debug-adapter/symbols/dwarf-lines.ts';
import { Debuggee } from '../../../debug-adapter/debuggee.ts';
import type { MachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import { LoadMap } from '../../../debug-adapter/symbols/load-map.ts';
import { SourceMap } from '../../../debug-adapter/symbols/source-map.ts';
import { TableSymbols } from '../../../debug-adapter/symbols/table-symbols.ts';
import { Target } from '../../../debug-adapter/symbols/target.ts';
import { Evaluator, parseIn } from '../../../debug-adapter/values/evaluate.ts';
import { formatOf, shaped } from '../../../debug-adapter/values/format-suffix.ts';
import type { Lookup } from '../../../debug-adapter/values/functions.ts';
import { CONSOLE, Presenter } from '../../../debug-adapter/values/present.ts';
import { PreviousValues } from '../../../debug-adapter/values/previous.ts';
import { Scope } from '../../../debug-adapter/values/scope.ts';
import { spell } from '../../../debug-adapter/values/types.ts';
import type { Value } from '../../../debug-adapter/values/value.ts';
import { decompress } from '../../../debug-adapter/node/files.ts';

export interface Standing {
  readonly pc: bigint;
  readonly x?: Readonly<Record<number, bigint>>;
  readonly sp?: bigint;
}

export interface StandingProgram {
  readonly target: Target;
  readonly scope: Scope;
  /** Its text and the type's. */
  print(text: string): Promise<{ readonly value: string; readonly type: string | undefined }>;
  evaluate(text: string): Promise<Value>;
  /** As the console does it. */
  change(text: string): Promise<string>;
  /** The program ran and stands again. */
  nextStop(): void;
  readonly memory: Map<bigint, number>;
  readonly written: { readonly name: string; readonly value: bigint }[];
}

const VCPU = { domain: BARE_DOMAIN, vcpu: 0 };

export const fixture = (file: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, 'fixtures', file)));

export async function standing(
  file: string,
  state: Standing,
  bytes = fixture(file),
): Promise<StandingProgram> {
  const elf = await ElfFile.open(memorySource(bytes, file), decompress);
  const loads = elf.segments.filter(({ type }) => type === PT_LOAD);
  const memory = new Map<bigint, number>();
  for (const { virtualAddress, offset, fileSize, memorySize } of loads) {
    for (let i = 0; i < memorySize; i++) {
      memory.set(virtualAddress + BigInt(i), i < fileSize ? (bytes[offset + i] ?? 0) : 0);
    }
  }
  const info: DomainInfo = { domain: BARE_DOMAIN, name: 'host', vcpus: 1, segments: [], ram: [] };
  const map = new LoadMap(
    loads.map(({ virtualAddress, memorySize }) => ({
      link: virtualAddress,
      ipa: Number(virtualAddress),
      size: memorySize,
    })),
    true,
  );
  const program = openProgramInfo(elf);
  const target = new Target(
    info,
    { name: file, path: file, id: 'host' },
    map,
    new TableSymbols(await SymbolTable.fromElf(elf), file),
    dwarfLines(elf, program),
    new SourceMap({}),
    FrameInfo.open(elf, () => {}),
    program,
  );
  const x = new BigUint64Array(31);
  for (const [n, value] of Object.entries(state.x ?? {})) x[Number(n)] = value;
  const written: { name: string; value: bigint }[] = [];
  const answers: Record<string, (args: never) => unknown> = {
    readMemory: ({ address, length }: { address: bigint; length: number }) => {
      const found: number[] = [];
      for (let i = 0; i < length; i++) {
        const byte = memory.get(address + BigInt(i));
        if (byte === undefined) break;
        found.push(byte);
      }
      return Uint8Array.from(found);
    },
    writeMemory: ({ address, bytes: data }: { address: bigint; bytes: Uint8Array }) => {
      for (const [i, byte] of data.entries()) memory.set(address + BigInt(i), byte);
      return data.length;
    },
    writeRegister: ({ name, value }: { name: string; value: bigint }) => {
      written.push({ name, value });
      if (name.startsWith('x')) x[Number(name.slice(1))] = value;
    },
    readRegisters: () => ({
      general: { x: x.slice(), sp: state.sp ?? 0n, pc: state.pc, pstate: 0x600003c5 },
      fp: { v: Uint8Array.from({ length: 512 }, (_, i) => i & 0xff), fpcr: 0, fpsr: 0 },
      system: [
        { name: 'SCTLR_EL1', value: 1n },
        { name: 'ESR_EL1', value: 0x9600_0045n },
      ],
    }),
  };
  const client = {
    request: async (name: string, args: never) => answers[name]?.(args),
  } as unknown as MachineClient;
  const debuggee = new Debuggee(client, { domains: [info] }, [target]);
  const scopeNow = async (): Promise<Scope> => {
    const [frame] = await debuggee.walk(VCPU, 1);
    if (!frame) throw new Error('no frame');
    return new Scope(debuggee, { vcpu: VCPU, index: 0, frame, inlined: 0 });
  };
  const previous = new PreviousValues();
  const evaluated = async (text: string, effects: boolean) => {
    const scope = await scopeNow();
    const watch = await parseIn(scope, text);
    const lookup: Lookup = {
      disassemble: async () => 'nop',
      previous: (key, now, at) => previous.exchange(key, now, at),
    };
    const evaluator = new Evaluator(scope, { effects, lookup });
    const value = await shaped(evaluator, await evaluator.evaluate(watch.expression), watch);
    const shown = await new Presenter(scope, CONSOLE).text(value, await formatOf(evaluator, watch));
    const type =
      value.kind === 'typed' ? await spell(value.type) : value.kind === 'list' ? value.type : undefined;
    return { found: value, value: shown, type };
  };
  return {
    target,
    scope: await scopeNow(),
    print: (text) => evaluated(text, false),
    evaluate: async (text) => (await evaluated(text, false)).found,
    change: async (text) => (await evaluated(text, true)).value,
    nextStop: () => previous.stopped(),
    memory,
    written,
  };
}
