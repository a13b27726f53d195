// The registers that stand once for each interrupt. They have the same offsets in the distributor
// of a GICv2, in that of a GICv3, and (first word only) in the SGI frame of a redistributor.

import type { RegisterRow } from '../register-block.ts';
import { SGI_COUNT, type Distributor } from './distributor.ts';
import { type InterruptBank, PRIORITY_MASK } from './interrupt-bank.ts';

const SGI_BITS = 0xffff;

/** A frame of registers as one CPU sees it. */
export interface InterruptView {
  readonly distributor: Distributor;
  /** Whose private interrupts the first word shows; -1: nobody's, the word reads as zero. */
  readonly cpu: number;
}

/** The rows for INTIDs 0 to 32 * words - 1, in a frame that begins at `base` of the window. */
export function interruptRegisters<View extends InterruptView>(
  base: number,
  words: number,
): Record<string, RegisterRow<View>> {
  const interrupts = words * 32;
  return {
    IGROUPR: bitmap(base + 0x080, words, 'Interrupt group', {
      read: (bank, word) => bank.group[word]!,
      write: (bank, word, value) => {
        bank.group[word] = value;
      },
    }),
    ISENABLER: bitmap(base + 0x100, words, 'Interrupt set-enable', {
      read: (bank, word) => bank.enabled[word]!,
      write: (bank, word, value) => {
        bank.enabled[word]! |= value;
      },
    }),
    ICENABLER: bitmap(base + 0x180, words, 'Interrupt clear-enable', {
      read: (bank, word) => bank.enabled[word]!,
      write: (bank, word, value, fixedSgis) => {
        bank.enabled[word]! &= ~value | fixedSgis;
      },
    }),
    ISPENDR: bitmap(base + 0x200, words, 'Interrupt set-pending', {
      read: (bank, word) => bank.pending(word),
      write: (bank, word, value, fixedSgis) => {
        bank.latched[word]! |= value & ~fixedSgis;
      },
    }),
    ICPENDR: bitmap(base + 0x280, words, 'Interrupt clear-pending', {
      read: (bank, word) => bank.pending(word),
      write: (bank, word, value, fixedSgis) => {
        bank.latched[word]! &= ~value | fixedSgis;
      },
    }),
    ISACTIVER: bitmap(base + 0x300, words, 'Interrupt set-active', {
      read: (bank, word) => bank.active[word]!,
      write: (bank, word, value) => {
        bank.active[word]! |= value;
      },
    }),
    ICACTIVER: bitmap(base + 0x380, words, 'Interrupt clear-active', {
      read: (bank, word) => bank.active[word]!,
      write: (bank, word, value) => {
        bank.active[word]! &= ~value;
      },
    }),
    IPRIORITYR: {
      offset: base + 0x400,
      width: 4,
      accessWidths: [1, 2, 4],
      count: interrupts,
      bitsPerElement: 8,
      doc: 'Interrupt priority',
      read: (view, intid) => bankAt(view, intid >>> 5)?.priority[localIndex(intid)] ?? 0,
      write: (view, value, intid) => {
        const bank = bankAt(view, intid >>> 5);
        if (bank === undefined) return;
        bank.priority[localIndex(intid)] = value & PRIORITY_MASK;
        view.distributor.changed(view.cpu, intid);
      },
    },
    ICFGR: {
      offset: base + 0xc00,
      width: 4,
      count: interrupts,
      bitsPerElement: 2,
      doc: 'Interrupt configuration: 2 is edge-triggered, 0 level-sensitive',
      read: (view, intid) => {
        const bank = bankAt(view, intid >>> 5);
        if (bank === undefined) return 0;
        const index = localIndex(intid);
        return ((bank.edge[index >>> 5]! >>> (index & 31)) & 1) << 1;
      },
      write: (view, value, intid) => {
        const bank = bankAt(view, intid >>> 5);
        if (bank === undefined || intid < SGI_COUNT) return;
        const index = localIndex(intid);
        const bit = 1 << (index & 31);
        if ((value & 2) !== 0) bank.edge[index >>> 5]! |= bit;
        else bank.edge[index >>> 5]! &= ~bit;
        view.distributor.changed(view.cpu, intid);
      },
    },
  };
}

interface BitmapAccess {
  read(bank: InterruptBank, word: number): number;
  /** `fixedSgis` has the bits of SGIs that this register cannot change. */
  write(bank: InterruptBank, word: number, value: number, fixedSgis: number): void;
}

/** One bit for each interrupt, 32 in a register. The bits are handled a word at a time. */
function bitmap<View extends InterruptView>(
  offset: number,
  words: number,
  doc: string,
  access: BitmapAccess,
): RegisterRow<View> {
  return {
    offset,
    width: 4,
    count: words,
    doc,
    read: (view, word) => {
      const bank = bankAt(view, word);
      return bank === undefined ? 0 : access.read(bank, word === 0 ? 0 : word - 1);
    },
    write: (view, value, word) => {
      const bank = bankAt(view, word);
      if (bank === undefined) return;
      const fixedSgis = word === 0 && view.distributor.bankedSgis ? SGI_BITS : 0;
      access.write(bank, word === 0 ? 0 : word - 1, value, fixedSgis);
      view.distributor.changed(view.cpu, word << 5);
    },
  };
}

function bankAt(view: InterruptView, word: number): InterruptBank | undefined {
  return view.distributor.bankOf(view.cpu, word << 5);
}

/** Where an INTID stands in its bank. */
function localIndex(intid: number): number {
  return intid < 32 ? intid : intid - 32;
}
