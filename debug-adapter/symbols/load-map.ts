// Where a program that was linked to certain addresses lies in guest memory, and at which virtual
// addresses it runs: before its MMU is on at its physical place, afterwards at its link address plus a
// slide that is chosen by the guest itself (KASLR).
//
// The slide is learned by looking: a PC that the page tables lead into the loaded image tells it, if the
// start of the image is mapped with the same distance.

import type { Breakpoint } from '../../emulator/machine/messages.ts';

/** A contiguous part of the program. */
export interface LoadedPart {
  readonly link: bigint;
  /** Guest physical address; undefined for what the guest itself has loaded, page by page. */
  readonly ipa: number | undefined;
  readonly size: number;
}

/** Guest physical address of a VA as the guest's tables say now; undefined where nothing is mapped. */
export type TranslateVa = (address: bigint) => Promise<number | undefined>;

/** KASLR of arm64 Linux moves by multiples of this (MIN_KIMG_ALIGN and the offset of the load address). */
const SLIDE_ALIGNMENT = 0x1000n;

/** Bytes from an address to what is looked at around it: farther than an alias reaches. */
const NEIGHBOUR = 0x1_0000n;

export class LoadMap {
  private readonly parts: readonly LoadedPart[];
  /** Undefined until it has been seen. */
  private knownSlide: bigint | undefined;

  /** `fixed`: the program never moves, so its slide is known from the start. */
  constructor(parts: readonly LoadedPart[], fixed: boolean, slide = 0n) {
    this.parts = parts;
    this.knownSlide = fixed ? slide : undefined;
  }

  get slide(): bigint | undefined {
    return this.knownSlide;
  }

  /** Link addresses. */
  get ranges(): readonly { readonly start: bigint; readonly end: bigint }[] {
    return this.parts.map(({ link, size }) => ({ start: link, end: link + BigInt(size) }));
  }

  /** Link address of its first part. */
  get imageBase(): bigint | undefined {
    return this.parts[0]?.link;
  }

  /** Where the first part of the program runs. */
  get start(): bigint | undefined {
    const [first] = this.parts;
    return first && this.toRuntime(first.link);
  }

  /** Whether a link address belongs to the program, as far as it is in memory. */
  holds(link: bigint): boolean {
    return this.partAt(link) !== undefined;
  }

  /** The link address of what runs at this address: by the slide, or at its physical place with the MMU off. */
  toLink(address: bigint): bigint | undefined {
    for (const { link, ipa, size } of this.parts) {
      if (ipa !== undefined && address >= BigInt(ipa) && address < BigInt(ipa + size))
        return link + (address - BigInt(ipa));
    }
    // Until the slide is known, link addresses are the best guess: a kernel without KASLR runs there.
    const link = BigInt.asUintN(64, address - (this.knownSlide ?? 0n));
    return this.partAt(link) ? link : undefined;
  }

  /** Where a link address runs once the MMU is on; the link address itself until the slide is known. */
  toRuntime(link: bigint): bigint {
    return this.partAt(link) ? BigInt.asUintN(64, link + (this.knownSlide ?? 0n)) : link;
  }

  toIpa(link: bigint): number | undefined {
    const part = this.partAt(link);
    return part?.ipa === undefined ? undefined : part.ipa + Number(link - part.link);
  }

  /**
   * The places where the machine must stop for a link address. Until the slide is known that is the guest
   * physical address, which matches every alias; afterwards the two virtual addresses at which the program
   * runs, because the guest may give the memory of its init code to somebody else.
   */
  breakpointsFor(id: number, domain: number, link: bigint): readonly Breakpoint[] {
    const ipa = this.toIpa(link);
    if (ipa === undefined) return [{ id, domain, kind: 'va', address: this.toRuntime(link) }];
    if (this.knownSlide === undefined) return [{ id, domain, kind: 'ipa', address: BigInt(ipa) }];
    const runtime: Breakpoint = { id, domain, kind: 'va', address: this.toRuntime(link) };
    const physical: Breakpoint = { id, domain, kind: 'va', address: BigInt(ipa) };
    return runtime.address === physical.address ? [runtime] : [runtime, physical];
  }

  /** Looks at an address where the program may run. Answers whether the slide became known by it. */
  async learnFrom(address: bigint, translate: TranslateVa): Promise<boolean> {
    if (this.knownSlide !== undefined) return false;
    const ipa = await translate(address);
    const part = this.parts.find(
      (p) => ipa !== undefined && p.ipa !== undefined && ipa >= p.ipa && ipa < p.ipa + p.size,
    );
    if (ipa === undefined || part?.ipa === undefined) return false;
    // In the identity map nothing is decided yet, unless the program is linked to its physical place.
    const link = part.link + BigInt(ipa - part.ipa);
    if (address === BigInt(ipa) && link !== address) return false;
    const slide = BigInt.asUintN(64, address - link);
    if (slide % SLIDE_ALIGNMENT !== 0n) return false;
    if (!(await this.isMapped(slide, link, translate))) return false;
    this.knownSlide = slide;
    return true;
  }

  /**
   * An alias of one page (the trampoline of KPTI) is not the place of the whole image. Its start is not always mapped:
   * arm64 Linux maps its header no more once it has page tables of its own. Then what lies around must be there.
   */
  private async isMapped(slide: bigint, link: bigint, translate: TranslateVa): Promise<boolean> {
    const isThere = async (place: bigint): Promise<boolean> => {
      const ipa = this.toIpa(place);
      return ipa !== undefined && (await translate(BigInt.asUintN(64, place + slide))) === ipa;
    };
    const [start] = this.parts;
    if (start && (await isThere(start.link))) return true;
    return (await isThere(link - NEIGHBOUR)) || isThere(link + NEIGHBOUR);
  }

  private partAt(link: bigint): LoadedPart | undefined {
    return this.parts.find((part) => link >= part.link && link < part.link + BigInt(part.size));
  }
}
