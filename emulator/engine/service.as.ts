// What the interpreter's loop does between two instructions when its budget is 0: attention.

import { serviceInterrupts } from "../cpu/interrupts.as";
import { stepEnabled } from "../cpu/software-step.as";
import { raiseAttention } from "../mmu/access.as";
import {
  ATTENTION,
  ATTENTION_EXIT,
  ATTENTION_INTERRUPT,
  ATTENTION_PC,
  ATTENTION_STEP,
  BREAKPOINT_COUNT,
  BREAKPOINT_SKIP,
  BREAKPOINTS,
  BUDGET,
  BUDGET_HELD,
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_FIRMWARE,
  EXIT_REASON,
  EXIT_TRAP,
  EXIT_WATCHPOINT,
  PAGE_RECORDS,
  PAGE_VA,
  PC,
  RAM_BASE,
  RECORD_ORIGINAL,
  RECORD_PAGE_INDEX,
} from "../memory/layout";

/** Whether one of WATCH_HITS stops the machine. PC is exact. */
@external("env", "judgeWatchpoints")
declare function judgeWatchpoints(): i32;

/** Whether the breakpoint with this place in BREAKPOINTS stops before the instruction. PC is exact. */
@external("env", "judgeBreakpoint")
declare function judgeBreakpoint(place: i32): i32;

/** What sits above EL1 serves the exit: 1 when the CPU goes on, as if run() had been left and entered again. */
@external("env", "serveExit")
declare function serveExit(): i32;

/**
 * Handles attention before the instruction of the record `next`. `budget` is one less than what
 * is left. Returns 1 when run() must return; PC, BUDGET and EXIT_REASON are then exact.
 */
export function service(next: i32, budget: i32): i32 {
  store<i32>(BUDGET, budget + 1 + load<i32>(BUDGET_HELD));
  store<i32>(BUDGET_HELD, 0);
  let attention = load<i32>(ATTENTION);
  // Whether a software step is under way is for serviceInterrupts() to see.
  store<i32>(ATTENTION, attention & ATTENTION_STEP);
  if (!(attention & ATTENTION_PC)) {
    store<i64>(PC, load<i64>(PAGE_VA) + (((next - load<i32>(PAGE_RECORDS)) >> 2) as i64));
  }
  while (true) {
    if (attention & (ATTENTION_INTERRUPT | ATTENTION_STEP) && !(attention & ATTENTION_EXIT)) {
      serviceInterrupts();
      attention |= load<i32>(ATTENTION);
      store<i32>(ATTENTION, load<i32>(ATTENTION) & ATTENTION_STEP);
      if (!load<i32>(ATTENTION)) {
        store<i32>(BUDGET, load<i32>(BUDGET) + load<i32>(BUDGET_HELD));
        store<i32>(BUDGET_HELD, 0);
      }
    }
    if (!(attention & ATTENTION_EXIT)) break;
    // Whoever goes on after the exit looks at the interrupts again.
    store<i32>(ATTENTION, attention & (ATTENTION_INTERRUPT | ATTENTION_STEP));
    const reason = load<i32>(EXIT_REASON);
    if (reason == EXIT_WATCHPOINT) {
      if (judgeWatchpoints()) return 1;
    } else {
      if (reason != EXIT_TRAP && reason != EXIT_FIRMWARE) return 1;
      if (!serveExit()) return 1;
    }
    attention = load<i32>(ATTENTION);
    store<i32>(ATTENTION, attention & ATTENTION_STEP);
  }
  if (load<i32>(BUDGET) <= 0) {
    store<i32>(EXIT_REASON, EXIT_BUDGET);
    if (stepEnabled()) store<i32>(ATTENTION, ATTENTION_INTERRUPT);
    return 1;
  }
  return 0;
}

/** A BREAK record is about to be executed: -1 to stop before it, else the handler it replaced. */
export function breakpointHit(record: i32): i32 {
  const records = load<i32>(PAGE_RECORDS);
  const index = (record - records) >> 4;
  const original = load<u16>(records + RECORD_ORIGINAL + index * 2) as i32;
  if (load<i32>(BREAKPOINT_SKIP)) {
    store<i32>(BREAKPOINT_SKIP, 0);
    return original;
  }
  const pc = load<i64>(PAGE_VA) + ((index << 2) as i64);
  const page = load<i32>(records + RECORD_PAGE_INDEX) as i64;
  // Entries of physical addresses have bit 0 set.
  const pa = (load<i64>(RAM_BASE) + (page << 12) + ((index << 2) as i64)) | 1;
  const byVa = placeOf(pc);
  const byPa = placeOf(pa);
  if ((byVa & byPa) == -1) return original;
  store<i64>(PC, pc);
  let stops = 0;
  if (byVa >= 0) stops = judgeBreakpoint(byVa);
  if (byPa >= 0) stops |= judgeBreakpoint(byPa);
  if (!stops) return original;
  store<i32>(EXIT_REASON, EXIT_BREAKPOINT);
  raiseAttention(ATTENTION_EXIT);
  return -1;
}

/** Where the address stands in BREAKPOINTS, or -1. */
function placeOf(address: i64): i32 {
  let first = 0;
  let end = load<i32>(BREAKPOINT_COUNT);
  while (first < end) {
    const middle = (first + end) >>> 1;
    const there = load<u64>(BREAKPOINTS + middle * 8);
    if (there == (address as u64)) return middle;
    if (there < (address as u64)) first = middle + 1;
    else end = middle;
  }
  return -1;
}
