import { expect, test } from 'vitest';
import { LoadMap } from '../../../debug-adapter/symbols/load-map.ts';
import type { TranslateVa } from '../../../debug-adapter/symbols/load-map.ts';

const LINK = 0xffff_8000_0800_0000n;
const IPA = 0x4020_0000;
const SIZE = 0x200_0000;
const map = (fixed = false): LoadMap => new LoadMap([{ link: LINK, ipa: IPA, size: SIZE }], fixed);

/** Page tables that map the image at link address + slide, and everything physical to itself. */
const tables =
  (slide: bigint): TranslateVa =>
  async (address) => {
    const offset = address - LINK - slide;
    if (offset >= 0n && offset < BigInt(SIZE)) return IPA + Number(offset);
    return address < 1n << 40n ? Number(address) : undefined;
  };

test('before the slide is known a breakpoint is a guest physical address', () => {
  expect(map().breakpointsFor(7, 1, LINK + 0x1000n)).toEqual([
    { id: 7, domain: 1, kind: 'ipa', address: BigInt(IPA + 0x1000) },
  ]);
});

test('the slide is learned from a PC in the moved image, and breakpoints follow', async () => {
  const moved = map();
  const slide = 0x2f_1234_0000n;
  expect(await moved.learnFrom(LINK + slide + 0x1234n, tables(slide))).toBe(true);
  expect(moved.slide).toBe(slide);
  expect(moved.toLink(LINK + slide + 0x1234n)).toBe(LINK + 0x1234n);
  expect(moved.toRuntime(LINK + 0x1234n)).toBe(LINK + slide + 0x1234n);
  expect(moved.breakpointsFor(7, 1, LINK + 0x1000n).map(({ kind, address }) => [kind, address])).toEqual([
    ['va', LINK + slide + 0x1000n],
    ['va', BigInt(IPA + 0x1000)],
  ]);
});

test('code that runs at its physical address has its names, and teaches nothing', async () => {
  const early = map();
  expect(early.toLink(BigInt(IPA + 0x40))).toBe(LINK + 0x40n);
  expect(await early.learnFrom(BigInt(IPA + 0x40), tables(0n))).toBe(false);
  expect(early.slide).toBeUndefined();
});

test('an alias of a single page is not the slide', async () => {
  const trampoline = 0xffff_fdff_fe00_0000n;
  const translate: TranslateVa = async (address) =>
    address >> 12n === trampoline >> 12n ? IPA + 0x5000 : undefined;
  const kernel = map();
  expect(await kernel.learnFrom(trampoline + 0x800n, translate)).toBe(false);
  expect(kernel.slide).toBeUndefined();
});

test('a program that never moves has no slide from the start', () => {
  expect(
    map(true)
      .breakpointsFor(1, 1, LINK)
      .map(({ kind }) => kind),
  ).toEqual(['va', 'va']);
});

test('an address outside the image is taken as it is', () => {
  expect(map().breakpointsFor(1, 1, 0x400000n)).toEqual([
    { id: 1, domain: 1, kind: 'va', address: 0x400000n },
  ]);
  expect(map().toLink(0x400000n)).toBeUndefined();
});

test('what the guest has loaded itself lies where it says, and nowhere in physical memory', () => {
  const module = new LoadMap([{ link: LINK, ipa: undefined, size: 0x1000 }], true);
  expect(module.toLink(LINK + 8n)).toBe(LINK + 8n);
  expect(module.toLink(LINK + 0x1000n)).toBeUndefined();
  expect(module.holds(LINK + 0xfffn)).toBe(true);
  expect(module.toIpa(LINK)).toBeUndefined();
  expect(module.breakpointsFor(7, 1, LINK + 8n)).toEqual([
    { id: 7, domain: 1, kind: 'va', address: LINK + 8n },
  ]);

  const program = new LoadMap([{ link: 0x740n, ipa: undefined, size: 0x100 }], true, 0xaaaa_0000n);
  expect(program.toLink(0xaaaa_0744n)).toBe(0x744n);
  expect(program.toRuntime(0x744n)).toBe(0xaaaa_0744n);
  expect(program.breakpointsFor(7, 1, 0x744n)).toEqual([
    { id: 7, domain: 1, kind: 'va', address: 0xaaaa_0744n },
  ]);
});
