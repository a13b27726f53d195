// Where an address is, and under which others it is known: VA to IPA to PA, a PA back to the IPAs of every domain
// and to the VAs of the vCPU's tables.

import { hex } from '../../../base/address.ts';
import { plainText } from '../../plain-text.ts';
import { DOMAIN, inspection, type Subject, VCPU } from '../inspection.ts';
import { textTable } from '../text-table.ts';
import { deviceName } from './devices.ts';
import { ipaBitsOf, MEMORY_KINDS, type MemoryKind, rangesOf } from './memory-map.ts';
import { type Owner, Owners } from './owners.ts';
import { type Geometry, stage1Geometry, stage1Off, stage2Enabled, walksDisabled } from './regime.ts';
import { type MappedRange, rangeAt } from './scan.ts';
import { ipaReference, nameOf, paReference, scanStage2, type Space, spaceOf, vaReference } from './space.ts';
import { scanStage1 } from './stage1-map.ts';
import { addressOfInput, translate, walkStage2 } from './translate.ts';

export interface SearchHit {
  /** How the number was read. */
  readonly space: 'va' | 'ipa' | 'pa';
  readonly domain: number;
  readonly address: string;
  readonly reference: string;
  /** One sentence. */
  readonly words: string;
  /** The range of the map it falls into. */
  readonly range?: {
    readonly from: string;
    readonly size: string;
    readonly name: string;
    readonly kind?: MemoryKind;
  };
  readonly aliases: readonly Alias[];
}

/** Another address of the same byte. */
export interface Alias {
  readonly space: 'va' | 'ipa' | 'pa';
  readonly domain: number;
  readonly address: string;
  readonly reference: string;
  readonly words: string;
}

export interface SearchView {
  readonly text: string;
  /** What the text was not. */
  readonly problem?: string;
  readonly hits: readonly SearchHit[];
  readonly truncated?: string;
}

const ALIASES_MAX = 64;
const PAGE = 4096;

export const searchInspection = inspection('search', {
  doc: 'where an address is: its ranges, and all VAs, IPAs and PAs of the same byte',
  arguments: {
    domain: DOMAIN,
    vcpu: VCPU,
    text: { kind: 'text', doc: 'a number, or a reference such as d1/ipa:0x40000000' },
  },
  inspect(subject, args): SearchView {
    const text = (args.text ?? '').trim();
    const wanted = parsed(text);
    if (!wanted) {
      return {
        text: text.slice(0, 100),
        problem: `'${plainText(text.slice(0, 100))}' is no address.`,
        hits: [],
      };
    }
    const space = spaceOf(subject, wanted.domain ?? args.domain, args.vcpu);
    const finder = new Finder(subject, space);
    const spaces = wanted.space ? [wanted.space] : (['va', 'ipa', 'pa'] as const);
    const hits = spaces.flatMap((kind) => finder.find(kind, wanted.address, wanted.space !== undefined));
    return {
      text,
      hits,
      ...(finder.truncated && { truncated: `Only the first ${ALIASES_MAX} other addresses are shown.` }),
      ...(hits.length === 0 && { problem: 'Nothing is mapped there in any space.' }),
    };
  },
  text: (view) =>
    view.problem !== undefined
      ? `${view.problem}\n`
      : view.hits
          .map(
            ({ words, aliases }) =>
              `${words}\n${
                aliases.length > 0
                  ? textTable(
                      ['the same as', ''],
                      aliases.map((alias) => [alias.reference, alias.words]),
                    )
                  : ''
              }`,
          )
          .join(''),
});

const REFERENCE =
  /^(?:(?:(d\d{1,5}|host)\/)?(va|ipa|pa)(?:@[a-z0-9.]*)?:)?(0x[0-9a-f]{1,16}|\d{1,19}|[0-9a-f]{8,16})$/i;

interface Wanted {
  readonly space?: 'va' | 'ipa' | 'pa';
  readonly domain?: number;
  readonly address: bigint;
}

/** A number; long ones in hexadecimal may lack the 0x, as kernels print them. */
function parsed(text: string): Wanted | undefined {
  const match = REFERENCE.exec(text.replaceAll('_', ''));
  if (!match) return undefined;
  const [, domain, kind, number = ''] = match;
  const isHex = /^0x/i.test(number) || /[a-f]/i.test(number) || number.length === 16;
  const address = BigInt(isHex ? `0x${number.replace(/^0x/i, '')}` : number);
  if (address >= 1n << 64n) return undefined;
  return {
    address,
    ...(kind !== undefined && { space: kind.toLowerCase() as 'va' | 'ipa' | 'pa' }),
    ...(domain !== undefined && domain.toLowerCase() !== 'host' && { domain: Number(domain.slice(1)) }),
  };
}

class Finder {
  truncated = false;
  private readonly stage1 = new Map<string, readonly MappedRange[]>();
  private readonly subject: Subject;
  private readonly space: Space;

  constructor(subject: Subject, space: Space) {
    this.subject = subject;
    this.space = space;
  }

  /** `asked`: the user named the space, so that an address where nothing is counts too. */
  find(kind: 'va' | 'ipa' | 'pa', address: bigint, asked: boolean): SearchHit[] {
    if (kind === 'va') return this.va(address, asked);
    if (address >= 1n << 52n) return [];
    return kind === 'ipa' ? this.ipa(Number(address), asked) : this.pa(Number(address), asked);
  }

  private va(va: bigint, asked: boolean): SearchHit[] {
    const { space } = this;
    const { registers, memory, domain } = space;
    const off = stage1Off(registers, 1);
    if (off !== undefined && !asked) return [];
    const { ipa, pa, fault, stage1 } = translate(registers, memory, { va, el: 1, access: 'read' });
    if (ipa === undefined && !asked) return [];
    const aliases: Alias[] = [];
    if (ipa !== undefined && stage2Enabled(registers))
      aliases.push(this.ipaAlias(domain.domain, Number(ipa)));
    if (pa !== undefined) aliases.push(...this.paAlias(Number(pa)), ...this.ipasOf(Number(pa), Number(ipa)));
    if (ipa !== undefined) aliases.push(...this.vasOf(Number(ipa), va));
    const shift = stage1?.leaf?.shift;
    const from = shift === undefined ? undefined : (va >> BigInt(shift)) << BigInt(shift);
    return [
      {
        space: 'va',
        domain: domain.domain,
        address: hex(va),
        reference: vaReference(space, va),
        words: fault
          ? `VA ${hex(va)}: ${fault.why}`
          : `VA ${hex(va)} of ${nameOf(domain.domain)} is IPA ${hex(ipa ?? 0n)}, PA ${hex(pa ?? 0n)}.`,
        ...(from !== undefined &&
          shift !== undefined && {
            range: { from: hex(from), size: hex(2 ** shift), name: 'page or block of stage 1' },
          }),
        aliases: this.bounded(aliases),
      },
    ];
  }

  private ipa(ipa: number, asked: boolean): SearchHit[] {
    const { space } = this;
    const { registers, memory, domain } = space;
    const limit = 2 ** ipaBitsOf(space);
    if (ipa >= limit || (!stage2Enabled(registers) && !asked)) return [];
    const window = { from: 0, to: limit };
    const range = rangeAt(rangesOf(space, scanStage2(space, window), window), ipa);
    if (!range || (range.kind === 'hole' && !asked)) return [];
    const pa = stage2Enabled(registers)
      ? walkStage2(registers, memory, BigInt(ipa), 'read', false).output
      : BigInt(ipa);
    const aliases = [
      ...(pa === undefined ? [] : [...this.paAlias(Number(pa)), ...this.ipasOf(Number(pa), ipa)]),
      ...this.vasOf(ipa, undefined),
    ];
    return [
      {
        space: 'ipa',
        domain: domain.domain,
        address: hex(ipa),
        reference: ipaReference(domain.domain, ipa),
        words: `IPA ${hex(ipa)} of ${nameOf(domain.domain)}: ${range.name === 'nothing' ? MEMORY_KINDS.hole : range.name}${pa === undefined ? '' : `, PA ${hex(pa)}`}.`,
        range: { from: hex(range.from), size: hex(range.size), name: range.name, kind: range.kind },
        aliases: this.bounded(aliases),
      },
    ];
  }

  private pa(pa: number, asked: boolean): SearchHit[] {
    const { machine, view } = this.space.loaded;
    const device = machine.devices.bus.deviceAt(pa);
    if (!machine.memory.contains(pa) && !device && !asked) return [];
    const run = rangeAt(new Owners(view?.memory).runs, pa);
    const what = device ? deviceName(device.name) : this.ramWords(pa, run?.owner);
    const aliases = this.ipasOf(pa, undefined);
    const own = aliases.filter(({ domain }) => domain === this.space.domain.domain);
    const vas = own.slice(0, ALIASES_MAX).flatMap(({ address }) => this.vasOf(Number(address), undefined));
    const flat = stage2Enabled(this.space.registers) ? [] : this.vasOf(pa, undefined);
    return [
      {
        space: 'pa',
        domain: this.space.domain.domain,
        address: hex(pa),
        reference: paReference(pa),
        words: `PA ${hex(pa)}: ${what}.`,
        ...(run && { range: { from: hex(run.from), size: hex(run.size), name: what } }),
        aliases: this.bounded([...aliases, ...vas, ...flat]),
      },
    ];
  }

  private ramWords(pa: number, owner: Owner | undefined): string {
    const { machine, view } = this.space.loaded;
    if (!machine.memory.contains(pa)) return 'nothing answers there';
    if (owner === undefined) return 'RAM of the machine';
    if (typeof owner === 'number') return `RAM of ${nameOf(owner)}`;
    if (owner === 'free') return 'free RAM';
    const known = view?.memory.xenPages().find((page) => pa >= page.pa && pa < page.pa + PAGE);
    return known ? `a page of Xen, ${known.use} of ${nameOf(known.domain)}` : 'a page of Xen';
  }

  /** Every IPA of every domain that stage 2 leads to a PA. */
  private ipasOf(pa: number, except: number | undefined): Alias[] {
    const { loaded } = this.subject;
    if (!loaded.view && !stage2Enabled(this.space.registers)) return [];
    return loaded.info.domains.flatMap(({ domain }) => {
      const ranges = scanStage2(spaceOf(this.subject, domain, 0))?.ranges ?? [];
      return ranges
        .filter((range) => pa >= range.output && pa < range.output + range.size)
        .map((range) => range.from + (pa - range.output))
        .filter((ipa) => domain !== this.space.domain.domain || ipa !== except)
        .map((ipa) => this.ipaAlias(domain, ipa));
    });
  }

  /** Every VA of the vCPU's own tables that leads to an IPA. */
  private vasOf(ipa: number, except: bigint | undefined): Alias[] {
    const { space } = this;
    if (stage1Off(space.registers, 1) !== undefined) return [];
    return [false, true].flatMap((upper) => {
      if (walksDisabled(space.registers, upper)) return [];
      const geometry = stage1Geometry(space.registers, upper);
      return this.stage1Ranges(geometry)
        .filter((range) => ipa >= range.output && ipa < range.output + range.size)
        .map((range) => addressOfInput(BigInt(range.from + (ipa - range.output)), geometry))
        .filter((va) => va !== except)
        .map(
          (va): Alias => ({
            space: 'va',
            domain: space.domain.domain,
            address: hex(va),
            reference: vaReference(space, va),
            words: `VA of vCPU ${space.vcpu}, by ${geometry.register}`,
          }),
        );
    });
  }

  /** The tables are read once, however many addresses are looked for in them. */
  private stage1Ranges(geometry: Geometry): readonly MappedRange[] {
    const known = this.stage1.get(geometry.register);
    if (known) return known;
    const { ranges } = scanStage1(this.space, geometry);
    this.stage1.set(geometry.register, ranges);
    return ranges;
  }

  private ipaAlias(domain: number, ipa: number): Alias {
    return {
      space: 'ipa',
      domain,
      address: hex(ipa),
      reference: ipaReference(domain, ipa),
      words: `IPA of ${nameOf(domain)}`,
    };
  }

  private paAlias(pa: number): Alias[] {
    return [
      {
        space: 'pa',
        domain: this.space.domain.domain,
        address: hex(pa),
        reference: paReference(pa),
        words: 'PA',
      },
    ];
  }

  private bounded(aliases: readonly Alias[]): readonly Alias[] {
    if (aliases.length > ALIASES_MAX) this.truncated = true;
    return aliases.slice(0, ALIASES_MAX);
  }
}
