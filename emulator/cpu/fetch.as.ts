// Entering a page of code: translation for execution, and the records decoded from that page.

import {
  COUNT_FETCH_SLOW,
  ITLB_BASE,
  ITLB_PAGE,
  ITLB_RECORDS,
  ITLB_SLOW,
  ITLB_TAG,
  PAGE_MAP,
  PSTATE_EL,
  RAM_BASE,
  RECORD_STORES,
  TLB_FLAG_RAM,
} from '../memory/layout';
import { count } from '../memory/count.as';
import { FAULT_EXTERNAL, clearFault, stage1Fault } from '../mmu/fault.as';
import { dropWriteTags, instructionEntry } from '../mmu/tlb.as';
import { instructionAbort, pcAlignmentFault } from './aborts.as';

/** The engine finds room for the records of a page of RAM, all HANDLER_DECODE, and links them in PAGE_MAP. */
@external('env', 'allocateRecords')
declare function allocateRecords(ramPage: i32): i32;

const PAGE_MASK: i64 = 0xffff_ffff_f000;

/** Address of the records of the page that pc is in, or 0 when an exception was taken instead. */
export function fetchMiss(pc: i64): i32 {
  if ((pc & 3) != 0) {
    pcAlignmentFault(pc);
    return 0;
  }
  count(COUNT_FETCH_SLOW);
  clearFault();
  const entry = instructionEntry(<usize>load<i32>(ITLB_BASE), pc, load<i32>(PSTATE_EL));
  if (entry == 0) {
    instructionAbort(pc);
    return 0;
  }
  const page = load<i64>(entry + ITLB_SLOW + ITLB_PAGE);
  if ((page & TLB_FLAG_RAM) == 0) {
    // Nothing outside RAM can be executed: the bus refuses the fetch.
    stage1Fault(FAULT_EXTERNAL, pc, 0);
    instructionAbort(pc);
    return 0;
  }
  const ramPage = <i32>(((page & PAGE_MASK) - load<i64>(RAM_BASE)) >>> 12);
  let records = load<i32>(<usize>PAGE_MAP + (<usize>ramPage << 2));
  if (records == 0) {
    records = allocateRecords(ramPage);
    store<i32>(<usize>PAGE_MAP + (<usize>ramPage << 2), records);
    dropWriteTags(page & PAGE_MASK);
  }
  store<i32>(<usize>records + RECORD_STORES, 0);
  store<i32>(entry + ITLB_RECORDS, records);
  store<i64>(entry + ITLB_TAG, pc & ~0xfff);
  return records;
}
