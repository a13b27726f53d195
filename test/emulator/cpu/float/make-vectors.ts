// Makes vectors.bin.gz: operands drawn at random, with a taste for edges, and what QEMU says to them.
// Usage: node test/emulator/cpu/float/make-vectors.ts [cases for each operation] [seed]
// Needs aarch64-linux-gnu-gcc and qemu-aarch64 (Debian: gcc-aarch64-linux-gnu, qemu-user). The
// format of the file is described in float.test.ts.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

interface Operation {
  /** Kernel and arguments, as in the vector file. */
  readonly call: string;
  /** Operands in v0, v1, v2 and x1; result in d3 or x0. */
  readonly assembly: string;
  readonly result: 'd3' | 'x0';
  /** Sizes of the operands a, b, c. */
  readonly sizes: readonly [number, number, number];
}

const LETTERS = { 16: 'h', 32: 's', 64: 'd' } as const;
const ROUNDINGS = [
  ['n', 0],
  ['p', 1],
  ['m', 2],
  ['z', 3],
  ['a', 4],
] as const;

function operations(): Operation[] {
  const rows: Operation[] = [];
  const add = (
    call: string,
    assembly: string,
    size: number,
    result: 'd3' | 'x0' = 'd3',
    addend = size,
  ): void => {
    rows.push({ call, assembly, result, sizes: [size, size, addend] });
  };
  for (const size of [16, 32, 64] as const) {
    const r = LETTERS[size];
    const two = `${r}3, ${r}0, ${r}1`;
    for (const name of ['fadd', 'fsub', 'fmul', 'fmulx', 'fdiv', 'fmax', 'fmin', 'frecps', 'frsqrts']) {
      add(`${name}${size} a b`, `${name} ${two}`, size);
    }
    add(`fmaxnum${size} a b`, `fmaxnm ${two}`, size);
    add(`fminnum${size} a b`, `fminnm ${two}`, size);
    for (const name of ['fsqrt', 'frecpe', 'frsqrte', 'frecpx'])
      add(`${name}${size} a`, `${name} ${r}3, ${r}0`, size);
    for (let i = 0; i < 2; i++) add(`fmuladd${size} c a b`, `fmadd ${two}, ${r}2`, size);
    for (const [suffix, signal] of [
      ['', 0],
      ['e', 1],
    ] as const) {
      add(
        `fcmp${size} a b ${signal}`,
        `fcmp${suffix} ${r}0, ${r}1\nmrs x0, nzcv\nlsr x0, x0, #28`,
        size,
        'x0',
      );
    }
    for (const condition of ['eq', 'ge', 'gt']) {
      add(`fcmp${condition}${size} a b`, `fcm${condition} ${two}\nfmov x0, d3\nand x0, x0, #1`, size, 'x0');
    }
    for (const [letter, mode, exact] of [
      ...ROUNDINGS.map(([l, m]) => [l, m, 0]),
      ['i', -1, 0],
      ['x', -1, 1],
    ]) {
      add(`frint${size} a ${mode} ${exact}`, `frint${letter} ${r}3, ${r}0`, size);
    }
    addIntegers(size, add);
    if (size === 16) continue;
    for (const bits of [32, 64]) {
      add(`frintsize${size} a 3 ${bits}`, `frint${bits}z ${r}3, ${r}0`, size);
      add(`frintsize${size} a -1 ${bits}`, `frint${bits}x ${r}3, ${r}0`, size);
    }
  }
  for (const unsigned of [0, 1]) {
    const sign = unsigned ? 'u' : 's';
    for (const digits of [0, 1, 5, 16]) {
      const fixed = digits ? `, #${digits}` : '';
      // QEMU 7.2 sign-extends the scalar result beyond its 16 bits.
      add(`f16toi16 a ${digits} 3 ${unsigned}`, `fcvtz${sign} h3, h0${fixed}\numov w0, v3.h[0]`, 16, 'x0');
      add(`i16tof16 i ${digits} ${unsigned}`, `fmov h0, w1\n${sign}cvtf h3, h0${fixed}`, 16);
    }
  }
  add('f16tof32 a', 'fcvt s3, h0', 16);
  add('f16tof64 a', 'fcvt d3, h0', 16);
  add('f32tof16 a', 'fcvt h3, s0', 32);
  add('f32tof64 a', 'fcvt d3, s0', 32);
  add('f64tof16 a', 'fcvt h3, d0', 64);
  add('f64tof32 a', 'fcvt s3, d0', 64);
  add('f64tof32odd a', 'fcvtxn s3, d0', 64);
  add('f32tobf16 a', 'bfcvt h3, s0', 32);
  const zFlagToBit32 = 'mrs x1, nzcv\nand x1, x1, #0x40000000\nlsl x1, x1, #2\norr x0, x0, x1';
  add('fjcvtzs a', `fjcvtzs w0, d0\n${zFlagToBit32}`, 64, 'x0');
  add('fmuladd16to32 c a b', 'fmov s3, s2\nfmlal v3.2s, v0.2h, v1.2h\nfmov s3, s3', 16, 'd3', 32);
  add('urecpe a', 'urecpe v3.2s, v0.2s\nfmov s3, s3', 32);
  add('ursqrte a', 'ursqrte v3.2s, v0.2s\nfmov s3, s3', 32);
  return rows;
}

function addIntegers(
  size: 16 | 32 | 64,
  add: (call: string, asm: string, size: number, result?: 'd3' | 'x0') => void,
) {
  const r = LETTERS[size];
  for (const [bits, general] of [
    [32, 'w'],
    [64, 'x'],
  ] as const) {
    for (const unsigned of [0, 1]) {
      const sign = unsigned ? 'u' : 's';
      for (const [letter, mode] of ROUNDINGS) {
        add(
          `f${size}toi${bits} a 0 ${mode} ${unsigned}`,
          `fcvt${letter}${sign} ${general}0, ${r}0`,
          size,
          'x0',
        );
      }
      for (const digits of [1, 7, bits / 2, bits]) {
        add(
          `f${size}toi${bits} a ${digits} 3 ${unsigned}`,
          `fcvtz${sign} ${general}0, ${r}0, #${digits}`,
          size,
          'x0',
        );
      }
      for (const digits of [0, 1, 7, bits / 2, bits]) {
        const fixed = digits ? `, #${digits}` : '';
        add(`i${bits}tof${size} i ${digits} ${unsigned}`, `${sign}cvtf ${r}3, ${general}1${fixed}`, bits);
      }
    }
  }
}

function cProgram(rows: readonly Operation[]): string {
  const functions = rows.map(({ assembly, result }, i) => {
    const move = result === 'd3' ? 'fmov %0, d3' : 'mov %0, x0';
    const load = 'fmov d0, %2\nfmov d1, %3\nfmov d2, %4\nmov x1, %2\nmsr fpsr, %6\nmsr fpcr, %5';
    const lines = `${load}\n${assembly}\n${move}\nmrs %1, fpsr\nmsr fpcr, xzr`.replaceAll('\n', '\\n');
    return `static void f${i}(void) { uint64_t r, s; __asm__ volatile("${lines}" : "=&r"(r), "=&r"(s)
      : "r"(a), "r"(b), "r"(c), "r"(fpcr), "r"(fpsr) : "x0", "x1", "v0", "v1", "v2", "v3", "cc"); result = r; fpsr_after = s; }`;
  });
  const list = (items: readonly string[]): string => items.join(',\n');
  return `
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t a, b, c, fpcr, fpsr, result, fpsr_after;
${functions.join('\n')}
static const struct { void (*run)(void); const char *call; unsigned char size[3]; } rows[] = {
${list(rows.map(({ call, sizes }, i) => `{ f${i}, "${call}", { ${sizes.join(', ')} } }`))} };
${DRAWING}
int main(int argc, char **argv) {
  int count = sizeof rows / sizeof *rows, cases = atoi(argv[1]);
  state = strtoull(argv[2], 0, 0) * 0x9e3779b97f4a7c15ull | 1;
  (void)argc;
  printf("%d %d\\n", count, cases);
  for (int i = 0; i < count; i++) puts(rows[i].call);
  for (int i = 0; i < count; i++)
    for (int k = 0; k < cases; k++) {
      draw(rows[i].call, rows[i].size);
      rows[i].run();
      uint64_t numbers[4] = { a, b, c, result };
      uint16_t words[4] = { fpcr >> 16, fpsr, fpsr_after, 0 };
      fwrite(numbers, 8, 4, stdout);
      fwrite(words, 2, 4, stdout);
    }
}
`;
}

// Unused operands are zero, so that the file compresses.
const DRAWING = `
static uint64_t state;
static uint64_t next(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state * 0x2545f4914f6cdd1dull; }
static uint64_t bits(void) { return (next() >> 20) ^ (next() << 30); }
static uint64_t number(int size) {
  int fraction_bits = size == 64 ? 52 : size == 32 ? 23 : 10, exponent_bits = size - 1 - fraction_bits;
  uint64_t most = (1ull << exponent_bits) - 1, mask = (1ull << fraction_bits) - 1, bias = most >> 1, e, f;
  switch (bits() % 8) {
    case 0: f = 0; break;
    case 1: f = mask; break;
    case 2: f = bits() & mask & (mask << (bits() % fraction_bits)); break;
    case 3: f = 1ull << (bits() % fraction_bits); break;
    case 4: f = mask ^ (1ull << (bits() % fraction_bits)); break;
    default: f = bits() & mask;
  }
  switch (bits() % 12) {
    case 0: e = 0; break;
    case 1: e = most; break;
    case 2: e = 1; break;
    case 3: e = most - 1; break;
    case 4: e = bits(); break;
    case 5: e = bias + bits() % 70; break;
    case 6: e = bias - bits() % 70; break;
    case 7: e = bias + bits() % 5 - 2; break;
    case 8: e = bias + 30 + bits() % 4; break;
    case 9: e = bias + 61 + bits() % 4; break;
    case 10: if (bits() % 3 == 0) { e = 0; f = 0; break; } /* fall through */
    default: e = bias + bits() % (2 * fraction_bits + 6) - fraction_bits - 3;
  }
  return (bits() & 1) << (size - 1) | (e & most) << fraction_bits | f;
}
static uint64_t integer(int size) {
  uint64_t x = bits();
  switch (bits() % 6) {
    case 0: x = (int64_t)x >> (bits() % 64); break;
    case 1: x >>= bits() % 64; break;
    case 2: x = 1ull << (bits() % 64); break;
    case 3: x = (1ull << (bits() % 64)) - bits() % 3; break;
    case 4: x = -(bits() % 300); break;
  }
  return size == 64 ? x : x & ((1ull << size) - 1);
}
static void draw(const char *call, const unsigned char *size) {
  const char *arguments = strchr(call, ' ');
  int neighbours = bits() % 8, cancel = bits() % 4 == 0;
  a = call[0] == 'i' ? integer(size[0]) : call[0] == 'u' ? bits() & 0xffffffff : number(size[0]);
  b = number(size[1]);
  c = number(size[2]);
  if (neighbours < 2) {
    b = (neighbours ? a + bits() % 5 - 2 : a) ^ (bits() & 1) << (size[0] - 1);
    if (size[0] < 64) b &= (1ull << size[0]) - 1;
  }
  if (cancel && size[2] == 64) { double x, y, p; memcpy(&x, &a, 8); memcpy(&y, &b, 8); p = -x * y; memcpy(&c, &p, 8); c += bits() % 3 - 1; }
  if (cancel && size[0] == 32) { float x, y, p; memcpy(&x, &a, 4); memcpy(&y, &b, 4); p = -x * y; memcpy(&c, &p, 4); c &= 0xffffffff; }
  if (!strstr(arguments, " b")) b = 0;
  if (!strstr(arguments, " c")) c = 0;
  fpcr = bits() & 1 ? 0 : (bits() & 3) << 22 | (uint64_t)(bits() % 3 == 0) << 24 | (uint64_t)(bits() % 4 == 0) << 25
    | (uint64_t)(bits() % 3 == 0) << 26 | (uint64_t)(bits() % 3 == 0) << 19;
  /* QEMU 7.2 has the Z flag of FJCVTZS wrong for denormals that are flushed. */
  if (!strncmp(call, "fjcvtzs", 7)) fpcr &= ~(1ull << 24);
  fpsr = bits() & 1 ? 0x10 : 0;
}`;

const [cases = '20', seed = '1'] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'float-vectors-'));
const source = join(directory, 'vectors.c');
const program = join(directory, 'vectors');
writeFileSync(source, cProgram(operations()));
execFileSync('aarch64-linux-gnu-gcc', [
  '-O1',
  '-static',
  '-march=armv8.6-a+fp16+fp16fml+bf16',
  source,
  '-o',
  program,
]);
const vectors = execFileSync('qemu-aarch64', ['-cpu', 'max', program, cases, seed], { maxBuffer: 2 ** 30 });
const target = new URL('vectors.bin.gz', import.meta.url);
writeFileSync(target, gzipSync(vectors, { level: 9 }));
rmSync(directory, { recursive: true });
console.log(`${readFileSync(target).length} bytes in ${target.pathname}`);
