// Floating-point kernels against results of QEMU's software floating point (qemu-aarch64 7.2, -cpu max),
// which is not ours. The vector file names the kernel and its arguments for each group of cases:
// "<groups> <cases in a group>", one line per group, then records of 40 bytes {a, b, c, result: u64;
// FPCR >> 16, FPSR before, FPSR after, unused: u16}. `i` stands for the integer operand, kept in place of a.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import asc from 'assemblyscript/asc';
import { beforeAll, expect, test } from 'vitest';
import { FPCR, FPSR } from '../../../../emulator/memory/layout.ts';

type Kernel = (...args: (number | bigint)[]) => number | bigint;

const memory = new WebAssembly.Memory({ initial: 64 });
const state = new DataView(memory.buffer);
let kernels: Record<string, Kernel>;

beforeAll(async () => {
  const { error, stderr, binary } = await compile('emulator/cpu/float/index.as.ts');
  if (error || !binary) throw new Error(stderr);
  const { instance } = await WebAssembly.instantiate(binary as BufferSource, { env: { memory } });
  kernels = instance.exports as typeof kernels;
}, 60_000);

async function compile(entry: string) {
  let binary: Uint8Array | undefined;
  const options = [
    '--runtime',
    'stub',
    '--importMemory',
    '--memoryBase',
    '131072',
    '-O3',
    '--outFile',
    'out.wasm',
  ];
  const { error, stderr } = await asc.main([entry, ...options], {
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== 'string') binary = contents;
    },
  });
  return { error, stderr: stderr.toString(), binary };
}

interface Case {
  readonly kernel: string;
  readonly args: readonly string[];
  readonly operands: readonly bigint[];
  readonly fpcr: number;
  readonly fpsr: number;
  readonly result: bigint;
  readonly fpsrAfter: number;
}

function* vectors(): Generator<Case> {
  const bytes = gunzipSync(readFileSync(new URL('vectors.bin.gz', import.meta.url)));
  let position = 0;
  const line = () => {
    const end = bytes.indexOf('\n', position);
    const text = bytes.toString('latin1', position, end);
    position = end + 1;
    return text;
  };
  const [groups = 0, cases = 0] = line().split(' ').map(Number);
  const names = Array.from({ length: groups }, line);
  for (const name of names) {
    const [kernel = '', ...args] = name.split(' ');
    for (let i = 0; i < cases; i++, position += 40) {
      yield {
        kernel,
        args,
        operands: [0, 8, 16].map((offset) => bytes.readBigUInt64LE(position + offset)),
        result: bytes.readBigUInt64LE(position + 24),
        fpcr: bytes.readUInt16LE(position + 32) * 0x10000,
        fpsr: bytes.readUInt16LE(position + 34),
        fpsrAfter: bytes.readUInt16LE(position + 36),
      };
    }
  }
}

function run(
  name: string,
  args: readonly (string | number)[],
  operands: readonly bigint[],
  fpcr: number,
  fpsr: number,
) {
  const kernel = kernels[name];
  if (!kernel) throw new Error(`there is no kernel ${name}`);
  state.setUint32(FPCR, fpcr, true);
  state.setUint32(FPSR, fpsr, true);
  const wide = /^[fi]64to|^fjcvtzs|^[a-z]+64$/.test(name);
  const values = args.map((arg) => {
    const index = { a: 0, i: 0, b: 1, c: 2 }[arg];
    if (index === undefined) return Number(arg);
    const operand = operands[index] ?? 0n;
    return wide ? operand : Number(operand);
  });
  const result = kernel(...values);
  return {
    result: typeof result === 'bigint' ? BigInt.asUintN(64, result) : BigInt(result >>> 0),
    fpsr: state.getUint32(FPSR, true),
  };
}

test('results and flags are those of a foreign implementation, in every mode of FPCR', () => {
  const mismatches: string[] = [];
  let count = 0;
  for (const { kernel, args, operands, fpcr, fpsr, result, fpsrAfter } of vectors()) {
    const got = run(kernel, args, operands, fpcr, fpsr);
    count++;
    if (got.result === result && got.fpsr === fpsrAfter) continue;
    const hex = (value: bigint | number) => value.toString(16);
    mismatches.push(
      `${kernel} ${args.join(' ')} of ${operands.map(hex).join(', ')}, FPCR ${hex(fpcr)}: ` +
        `${hex(got.result)} FPSR ${hex(got.fpsr)}, should be ${hex(result)} FPSR ${hex(fpsrAfter)}`,
    );
  }
  expect(mismatches.slice(0, 20)).toEqual([]);
  expect(count).toBeGreaterThan(5000);
});

// QEMU before 9.1 set Z here. DDI 0487, FPToFixedJS: a zero whose operand has fraction bits is not exact.
test('FJCVTZS of a denormal that is flushed does not set Z', () => {
  const FZ = 1 << 24;
  expect(run('fjcvtzs', ['a'], [1n], FZ, 0)).toEqual({ result: 0n, fpsr: 0x80 });
  expect(run('fjcvtzs', ['a'], [0n], FZ, 0)).toEqual({ result: 1n << 32n, fpsr: 0 });
});

// QEMU 7.2 sign-extends into the bits above; DDI 0487, FCVTZS (vector, fixed-point): a 16-bit result.
test('a half-precision number becomes a 16-bit integer with nothing above it', () => {
  expect(run('f16toi16', ['a', 0, 3, 0], [0xc000n], 0, 0)).toEqual({ result: 0xfffen, fpsr: 0 });
});
