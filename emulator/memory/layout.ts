// Where everything lies in the one WebAssembly memory of a machine.
//
// Every offset is declared here and nowhere else. The file is written in the common subset of
// TypeScript and AssemblyScript (constants of small integers, no types, no objects), because the
// kernels (`*.as.ts`) are compiled with the same constants.
//
// The block of the CPU that is running stands at the constant address CPU, so that generated
// code addresses registers by constants; the blocks of the other CPUs wait in CPU_BANKS and are
// copied in and out when the run loop turns to another CPU.

// ---------------------------------------------------------------- the running CPU's block

export const CPU = 0x1000;
export const CPU_BLOCK_SIZE = 0x1000;

/** X0..X30, eight bytes each. */
export const X = CPU + 0x000;
/** Register 31 read as ZR: always zero. */
export const X_ZERO = X + 31 * 8;
/** Register 31 written as ZR: a value nobody reads. */
export const X_DISCARD = X + 32 * 8;
/** The stack pointer in use; the banked ones are SP_EL0..SP_EL2 among the system registers. */
export const SP = X + 33 * 8;
/** i64. Exact whenever generated code is not running; see CURRENT_RECORD otherwise. */
export const PC = CPU + 0x110;

// Lazy flags: the last flag-setting operation and its operands (32-bit operands shifted left by
// 32). ADD: flags of a+b. SUB: flags of a-b. LOGIC: flags of the result a, C and V clear; b is 0.
// RAW: a holds NZCV in bits 3..0.
export const FLAGS_OP = CPU + 0x118; // i32
export const FLAGS_A = CPU + 0x120; // i64
export const FLAGS_B = CPU + 0x128; // i64
export const FLAGS_ADD = 0;
export const FLAGS_SUB = 1;
export const FLAGS_LOGIC = 2;
export const FLAGS_RAW = 3;

/** i32, 0..2. */
export const PSTATE_EL = CPU + 0x130;
/** i32, 0 or 1. */
export const PSTATE_SP = CPU + 0x134;
/** i32: D, A, I, F at bits 9..6, as in SPSR_ELx. */
export const PSTATE_DAIF = CPU + 0x138;
/** i32: SS (21), IL (20), PAN (22), UAO (23) as in SPSR_ELx. */
export const PSTATE_OTHER = CPU + 0x13c;
export const PSTATE_PAN_BIT = 0x400000;
export const PSTATE_SS_BIT = 0x200000;
export const PSTATE_IL_BIT = 0x100000;

export const FPCR = CPU + 0x140; // u32
export const FPSR = CPU + 0x144; // u32

/** Exclusive monitor of this CPU. i32, 0 open, 1 exclusive. */
export const EXCLUSIVE_VALID = CPU + 0x148;
/** i32: bytes. */
export const EXCLUSIVE_SIZE = CPU + 0x14c;
/** i64: physical address. */
export const EXCLUSIVE_PA = CPU + 0x150;
/** i64 each: the value that was loaded. */
export const EXCLUSIVE_LOW = CPU + 0x158;
export const EXCLUSIVE_HIGH = CPU + 0x160;

/** i32: instructions that may still be executed in this run() call. Exact whenever generated code calls something. */
export const BUDGET = CPU + 0x168;
/** i32: budget set aside by raiseAttention(), so that BUDGET is 0 and the loop leaves at once. */
export const BUDGET_HELD = CPU + 0x16c;
/** i32: why the loop must leave between two instructions; bits ATTENTION_*. */
export const ATTENTION = CPU + 0x170;
/** PC was written (exception, exception return, branch by a kernel). */
export const ATTENTION_PC = 1;
/** Interrupt lines or masks changed. */
export const ATTENTION_INTERRUPT = 2;
/** Leave run() with EXIT_REASON. */
export const ATTENTION_EXIT = 4;
/** Software step is active: after this one instruction serviceInterrupts() takes the step exception. */
export const ATTENTION_STEP = 8;
/** i32: one of EXIT_*. */
export const EXIT_REASON = CPU + 0x174;
/** i64: VA of the page whose records are executed. */
export const PAGE_VA = CPU + 0x178;
/** i32: address of the first record of that page. */
export const PAGE_RECORDS = CPU + 0x180;
/** i32: address of the record being executed; its PC is PAGE_VA + (CURRENT_RECORD - PAGE_RECORDS) / 4. */
export const CURRENT_RECORD = CPU + 0x184;
/** i32: interrupt lines into this CPU, bits LINE_*. */
export const LINES = CPU + 0x188;
export const LINE_IRQ = 1;
export const LINE_FIQ = 2;
export const LINE_VIRQ = 4;
export const LINE_VFIQ = 8;
/** i32: the data TLB of the current regime, EL and PAN. */
export const TLB_BASE = CPU + 0x18c;
/** i32: the data TLB for unprivileged accesses (LDTR, STTR). */
export const TLB_BASE_UNPRIVILEGED = CPU + 0x190;
/** i32: the instruction TLB of the current regime and EL. */
export const ITLB_BASE = CPU + 0x194;
/** i32: index of this CPU. */
export const CPU_INDEX = CPU + 0x198;
/** i32: one of WAIT_*. */
export const WAITING = CPU + 0x19c;
export const WAIT_NONE = 0;
export const WAIT_WFI = 1;
export const WAIT_WFE = 2;
/** Powered off (PSCI). */
export const WAIT_OFF = 3;
/** i32: the event register (SEV, WFE). */
export const EVENT_REGISTER = CPU + 0x1a0;
/** i32: not 0 while FP and AdvSIMD instructions trap at the current EL. */
export const FP_TRAP = CPU + 0x1a4;
/** i32: where records of breakpoints are passed once after a stop: 1 = ignore the next one. */
export const BREAKPOINT_SKIP = CPU + 0x1a8;
/** i32: bits FEATURE_* the kernels must know. */
export const FEATURES = CPU + 0x1ac;
export const FEATURE_PAN = 1;
export const FEATURE_LSE = 2;
export const FEATURE_FP16 = 4;
/** EL2 is implemented. */
export const FEATURE_EL2 = 8;
/** VMIDs of 16 bits may be selected by VTCR_EL2.VS. */
export const FEATURE_VMID16 = 16;
/** PSTATE.UAO exists. */
export const FEATURE_UAO = 32;
/** i32: 1 = the embedded hypervisor sits at EL2: an exception to EL2 leaves run() with EXIT_TRAP. */
export const EL2_EMBEDDED = CPU + 0x1b0;
/** i32: vector offset (0x000..0x780) of the exception that left with EXIT_TRAP. */
export const TRAP_VECTOR = CPU + 0x1b4;
/** i64: the value read or to be written when a system register is accessed through TypeScript. */
export const SYSREG_VALUE = CPU + 0x1b8;
/** i32: index of the access that faulted inside a group, and other scratch of the slow path. */
export const SCRATCH = CPU + 0x1c0;
export const SCRATCH_SIZE = 0x40;

/** V0..V31, 16 bytes each, lane 0 lowest. */
export const V = CPU + 0x200;

/** Storage of system registers, eight bytes each. Those the kernels know are named below. */
export const SYSREGS = CPU + 0x400;
export const SYSREGS_COUNT = 384;

export const SP_EL0 = SYSREGS + 8 * 0;
export const SP_EL1 = SYSREGS + 8 * 1;
export const SP_EL2 = SYSREGS + 8 * 2;
export const SPSR_EL1 = SYSREGS + 8 * 3;
export const SPSR_EL2 = SYSREGS + 8 * 4;
export const ELR_EL1 = SYSREGS + 8 * 5;
export const ELR_EL2 = SYSREGS + 8 * 6;
export const ESR_EL1 = SYSREGS + 8 * 7;
export const ESR_EL2 = SYSREGS + 8 * 8;
export const FAR_EL1 = SYSREGS + 8 * 9;
export const FAR_EL2 = SYSREGS + 8 * 10;
export const HPFAR_EL2 = SYSREGS + 8 * 11;
export const VBAR_EL1 = SYSREGS + 8 * 12;
export const VBAR_EL2 = SYSREGS + 8 * 13;
export const SCTLR_EL1 = SYSREGS + 8 * 14;
export const SCTLR_EL2 = SYSREGS + 8 * 15;
export const TTBR0_EL1 = SYSREGS + 8 * 16;
export const TTBR1_EL1 = SYSREGS + 8 * 17;
export const TTBR0_EL2 = SYSREGS + 8 * 18;
export const TCR_EL1 = SYSREGS + 8 * 19;
export const TCR_EL2 = SYSREGS + 8 * 20;
export const MAIR_EL1 = SYSREGS + 8 * 21;
export const MAIR_EL2 = SYSREGS + 8 * 22;
export const VTTBR_EL2 = SYSREGS + 8 * 23;
export const VTCR_EL2 = SYSREGS + 8 * 24;
export const HCR_EL2 = SYSREGS + 8 * 25;
export const CPTR_EL2 = SYSREGS + 8 * 26;
export const CPACR_EL1 = SYSREGS + 8 * 27;
export const HSTR_EL2 = SYSREGS + 8 * 28;
export const MDCR_EL2 = SYSREGS + 8 * 29;
export const PAR_EL1 = SYSREGS + 8 * 30;
export const MDSCR_EL1 = SYSREGS + 8 * 31;
export const CONTEXTIDR_EL1 = SYSREGS + 8 * 32;
export const TPIDR_EL0 = SYSREGS + 8 * 33;
export const TPIDRRO_EL0 = SYSREGS + 8 * 34;
export const TPIDR_EL1 = SYSREGS + 8 * 35;
export const TPIDR_EL2 = SYSREGS + 8 * 36;
export const CNTKCTL_EL1 = SYSREGS + 8 * 37;
export const CNTHCTL_EL2 = SYSREGS + 8 * 38;
export const CNTVOFF_EL2 = SYSREGS + 8 * 39;
export const VMPIDR_EL2 = SYSREGS + 8 * 40;
export const VPIDR_EL2 = SYSREGS + 8 * 41;
export const MPIDR_EL1 = SYSREGS + 8 * 42;
export const MIDR_EL1 = SYSREGS + 8 * 43;
export const DCZID_EL0 = SYSREGS + 8 * 44;
/** The first slot that the system register table hands out by itself. */
export const SYSREGS_FREE = 48;

// ---------------------------------------------------------------- shared by all CPUs

export const MACHINE = 0x2000;
/** i64: PA of the first byte of RAM. */
export const RAM_BASE = MACHINE + 0x00;
/** i64: bytes of RAM. RAM is one contiguous range at host address RAM_HOST. */
export const RAM_SIZE = MACHINE + 0x08;
/** i64: PAs have this many bits, as ID_AA64MMFR0_EL1.PARange says. */
export const PA_BITS = MACHINE + 0x10;
/** i32: how many breakpoint addresses are in BREAKPOINTS. */
export const BREAKPOINT_COUNT = MACHINE + 0x18;
/** i32: how many watched ranges are in WATCHPOINTS. */
export const WATCHPOINT_COUNT = MACHINE + 0x1c;
/** i64: instructions executed by all CPUs up to the start of this run() call. */
export const INSTRUCTIONS = MACHINE + 0x20;
/** i32: how many CPUs the machine has. */
export const CPU_COUNT = MACHINE + 0x28;
/** i32: which of HVC (bit 0) and SMC (bit 1) reach the machine's firmware when no exception level takes them. */
export const FIRMWARE_CONDUIT = MACHINE + 0x2c;
export const CONDUIT_HVC = 1;
export const CONDUIT_SMC = 2;
/** i32: instructions that were executed in regions since the start of this run() call. */
export const TRANSLATED = MACHINE + 0x30;
/** i32: whether the region that was left last was left because the budget ended. */
export const REGION_CUT = MACHINE + 0x34;
/** i32: not 0 while every word is decoded by TypeScript, which wants to see them. */
export const DECODE_BY_HOST = MACHINE + 0x38;
/** i32: how many watched ranges the present instruction has touched; see WATCH_HITS. */
export const WATCH_HIT_COUNT = MACHINE + 0x40;
/** i64: classes of exceptions that EngineHost.exceptionTaken() is told of, a bit for each; interrupts are EVENT_*. */
export const EXCEPTION_EVENTS = MACHINE + 0x48;
/** i32: bits of SYSREG_ACCESS that SP_EL0 does not have while its accesses are told of. */
export const SP_EL0_OBSERVED = MACHINE + 0x50;
/** i32: not 0 while somebody is told of stores to predecoded code, and of words that are executed anew. */
export const CODE_WATCHED = MACHINE + 0x54;
/** Bits of classes that no ESR_ELx has: IRQ, FIQ, SError. */
export const EVENT_IRQ = 61;
export const EVENT_FIQ = 62;
export const EVENT_SERROR = 63;

/** i32: how often an access in a region was not in the page that another one was found in. */
export const STRAY_ACCESSES = MACHINE + 0x60;
/** i32: the record of the last of them. */
export const STRAY_RECORD = MACHINE + 0x64;
/**
 * i32 each: around the access that watchedHost() was asked about last, where the part of its page begins in which
 * nothing is watched, and how many bytes it has: at least UNWATCHED_LEAST, or it begins behind the page.
 */
export const UNWATCHED_FROM = MACHINE + 0x68;
export const UNWATCHED_SIZE = MACHINE + 0x6c;
export const UNWATCHED_LEAST = 64;

/** 16 bytes: the state of hashMemory(). */
export const HASH = MACHINE + 0x80;

// What the instruction touched of what is watched, 128 bytes each: {i32 index in WATCHPOINTS, i32 access (1 read,
// 2 write), i64 VA, i64 PA, i32 bytes accessed, i32 bytes of the range that could be read}; what the range held before.
export const WATCH_HITS = 0x4000;
export const WATCH_HIT_SIZE = 128;
export const WATCH_HIT_BEFORE = 64;
/** Of a longer range those from the access on are kept. */
export const WATCH_BYTES_MAX = 64;
export const WATCH_HITS_MAX = 64;

/** What programs (engine/programs) are given, and say beside their result. i32: why the last one failed, PROGRAM_*. */
export const PROGRAM_FAILURE = 0x6000;
export const PROGRAM_FAULT = 1;
export const PROGRAM_DIVISION_BY_ZERO = 2;
export const PROGRAM_NO_FIELD = 3;
export const PROGRAM_NO_REGISTER = 4;
/** i64: the VA that could not be read. */
export const PROGRAM_ADDRESS = 0x6008;
/** i64 each: see Program. */
export const PROGRAM_HITS = 0x6010;
export const PROGRAM_OLD = 0x6018;
export const PROGRAM_NEW = 0x6020;
/** How often a breakpoint was met: {i64 times reached, i64 times that its condition held}. */
export const TALLIES = 0x7000;
export const TALLY_SIZE = 16;
export const TALLIES_MAX = 256;
/**
 * For each EL (stride SYSREG_ACCESS_STRIDE) and system register index one byte: bit 0 may be read, bit 1 may be
 * written directly (at SYSREGS + 8 * index); bit 2 is read, bit 3 is written by the kernels; else TypeScript decides.
 */
export const SYSREG_ACCESS = 0x8000;
export const SYSREG_ACCESS_STRIDE = 0x400;

/** Contexts: each keeps a CPU's registers, or under the embedded hypervisor a vCPU's. */
export const CPU_BANKS = 0x3400000;
export const CPUS_MAX = 32;

/** A page for handing bytes to kernels. */
export const STAGING = 0x1e000;
export const STAGING_SIZE = 0x1000;

/** Static data of the kernels (tables of AES and the like). */
export const KERNEL_DATA = 0x20000;
export const KERNEL_DATA_END = 0x80000;

// ---------------------------------------------------------------- counters of what happened, for --stats

// i64 each, of all CPUs together. No part of a machine's state: nothing that a guest can notice reads them.
export const COUNTERS = 0x80000;
/** Synchronous exceptions, by exception class. */
export const COUNT_EXCEPTIONS = COUNTERS + 8 * 0;
/** Interrupts and SError, by vector offset: 1 IRQ, 2 FIQ, 3 SError. */
export const COUNT_INTERRUPTS = COUNTERS + 8 * 64;
/** Exception returns. */
export const COUNT_RETURNS = COUNTERS + 8 * 68;
/** Data addresses that the kernels translated, because the inline probe of generated code could not. */
export const COUNT_DATA_SLOW = COUNTERS + 8 * 69;
/** Those of them whose page was not resident, by EL. */
export const COUNT_DATA_MISSES = COUNTERS + 8 * 70;
/** Entries into a page of code that the inline probe of the instruction TLB could not serve. */
export const COUNT_FETCH_SLOW = COUNTERS + 8 * 73;
/** Those of them whose page was not resident, by EL. */
export const COUNT_FETCH_MISSES = COUNTERS + 8 * 74;
/** Walks of stage 1 and stage 2 tables. */
export const COUNT_STAGE1_WALKS = COUNTERS + 8 * 77;
export const COUNT_STAGE2_WALKS = COUNTERS + 8 * 78;
/** Address spaces that came without a context, so that the TLBs of another were emptied. */
export const COUNT_CONTEXTS = COUNTERS + 8 * 79;
/** Stores into pages that hold predecoded code, and pages that lost it by that. */
export const COUNT_CODE_STORES = COUNTERS + 8 * 80;
export const COUNT_CODE_RELEASES = COUNTERS + 8 * 81;
/** Accesses that cross a page. */
export const COUNT_CROSSINGS = COUNTERS + 8 * 82;
/** Of translated code; its writer hands them out. */
export const COUNT_REGIONS = COUNTERS + 0x1000;
export const COUNTERS_END = COUNTERS + 0x9000;

// ---------------------------------------------------------------- translation lookaside buffers

// Data TLB entry, 32 bytes. An access of n bytes at va hits when va - tag <= 4096 - n, unsigned,
// with the tag of its kind; its host address is then (i32)va + addend. A tag that may not match
// holds a page of another slot: see `tlb.as.ts`. The rest of the entry belongs to the slow path.
export const TLB_AREA = 0x3420000;
export const TLB_ENTRY_SIZE = 32;
export const TLB_ENTRIES = 1024;
export const TLB_READ_TAG = 0; // i64
export const TLB_WRITE_TAG = 8; // i64
export const TLB_ADDEND = 16; // i32
export const TLB_SIZE = TLB_ENTRIES * TLB_ENTRY_SIZE;
// The slow part of an entry is the architectural TLB: what is resident. The tags are a cache of it.
/** i32: VA bits 47..22 at bits 26..1, VA bit 55 at bit 0; the slot says bits 21..12. */
export const TLB_KEY = 20;
/** i64: PA bits 47..12, flags TLB_FLAG_* in bits 11..0. */
export const TLB_PAGE = 24;
export const TLB_FLAG_VALID = 1;
export const TLB_FLAG_READ = 2;
export const TLB_FLAG_WRITE = 4;
export const TLB_FLAG_DEVICE = 8;
export const TLB_FLAG_RAM = 16;
export const TLB_FLAG_GLOBAL = 32;
/** Bits 10..6: log2 of the size of the stage 1 page or block, less 12. */
export const TLB_FLAG_SIZE_SHIFT = 6;

// Instruction TLB entry, 16 bytes: {i64 VA of the page, i32 address of its records, i32 unused}.
export const ITLB_ENTRY_SIZE = 16;
export const ITLB_ENTRIES = 256;
export const ITLB_TAG = 0;
export const ITLB_RECORDS = 8;
export const ITLB_SIZE = ITLB_ENTRIES * ITLB_ENTRY_SIZE;

/** Distance from an entry to its slow part: {i64 VA of the page, i64 PA and flags as in TLB_PAGE}. */
export const ITLB_SLOW = ITLB_SIZE;
export const ITLB_PAGE = 8;

// Translation regimes and privileges with TLBs of their own.
export const MMU_EL0 = 0;
export const MMU_EL1 = 1;
/** EL1 with PSTATE.PAN set. Fetches are those of MMU_EL1. */
export const MMU_EL1_PAN = 2;
export const MMU_EL2 = 3;
export const MMU_INDEXES = 4;

// Entries are not tagged with ASID and VMID, since the inline probe could not check them. Instead
// each CPU keeps the TLBs of a few (VMID, ASID) pairs, called contexts, and TLB_BASE points into
// the current one. A context: data TLBs of EL0, EL1, EL1 with PAN; instruction TLBs of EL0, EL1.
export const TLB_CONTEXTS = 3;
export const TLB_CONTEXT_ITLB = 3 * TLB_SIZE;
export const TLB_CONTEXT_SIZE = 3 * TLB_SIZE + 4 * ITLB_SIZE;
export const TLB_EL2 = TLB_CONTEXTS * TLB_CONTEXT_SIZE;
export const ITLB_EL2 = TLB_EL2 + TLB_SIZE;
/** Which contexts there are: see `tlb.as.ts`. */
export const TLB_FACTS = ITLB_EL2 + 2 * ITLB_SIZE;
export const TLB_FACTS_SIZE = 0x400;
/**
 * Stage 2 alone, for the tables of stage 1 and for pages after it: 256 entries of 16 bytes,
 * {i64 VMID (63..48), IPA (47..12), 1 when valid; i64 attributes (55..48), PA (47..12), shareability
 * (4..3), permissions (2..0)}.
 */
export const TLB_STAGE2 = TLB_FACTS + TLB_FACTS_SIZE;
export const TLB_STAGE2_ENTRIES = 256;
export const TLB_STAGE2_SIZE = TLB_STAGE2_ENTRIES * 16;
export const TLB_CPU_STRIDE = 0x60000;
/**
 * A data TLB in which nothing hits. It is in use while SP is misaligned and an access through it would fault, so
 * that every access takes the slow path, which looks at the instruction.
 */
export const TLB_EMPTY = 0x3300000;

// ---------------------------------------------------------------- predecoded code

/** For each page of RAM an i32: address of its records, or 0. */
export const PAGE_MAP = 0x400000;

// A page of records: 1024 records of 16 bytes, a sentinel record, then facts about the page.
// A record is {u16 handler, 14 bytes of operands as the handler's shape says}.
export const RECORDS = 0x800000;
export const RECORD_SIZE = 16;
export const RECORD_SENTINEL = 0x4000;
/** i32: index of the RAM page. */
export const RECORD_PAGE_INDEX = 0x4010;
/** i32: stores into this page since it was last entered by a fetch miss. */
export const RECORD_STORES = 0x4014;
/** i32: translated regions of this page. */
export const RECORD_REGIONS = 0x4018;
/** u16 for each record: the handler that a BREAK, ENTER or REACHED record replaced. */
export const RECORD_ORIGINAL = 0x4400;
/** u16 for each record: of ENTER the region's place in the table; of others how often regions went on there. */
export const RECORD_REGION = 0x4c00;
/** Times after which a region is to begin there too. */
export const LEFT_TO_MAX = 30_000;
export const RECORD_PAGE_SIZE = 0x5400;
export const RECORD_PAGES = 2048;

// Handlers that are not instructions.
export const HANDLER_DECODE = 0;
export const HANDLER_NEXT_PAGE = 1;
export const HANDLER_BREAK = 2;
export const HANDLER_UNDEFINED = 3;
/** A translated region begins here. */
export const HANDLER_ENTER = 4;
/** A region is to be made here: the translator wants to be told. */
export const HANDLER_REACHED = 5;
export const HANDLERS_FIRST = 6;

// What a region answers, with BUDGET exact.
/** Go on at CURRENT_RECORD. */
export const REGION_CONTINUE = 0;
/** Go on at PC, on whatever page that is. */
export const REGION_LEFT_PAGE = 1;
/** The instruction at CURRENT_RECORD is not for regions: execute it by its function, then go on. */
export const REGION_INTERPRET = 2;
/** The same, because what is left of the budget does not cover the way to the next place that looks at it. */
export const REGION_BUDGET = 3;

// Tables by which the kernels decode words, generated (engine/interpreter/pattern-tables.ts). Buckets are chosen by
// the highest bits of a word: u32 {index of the first entry, number of entries}. An entry: {u32 mask, u32 value, u16
// handler, u16 index of the first step}. A step: {u8 kind, u8 place in the record, u8 shift, u8 width, i32 value}.
export const DECODE_TABLES = 0x3310000;
export const DECODE_BUCKET_SHIFT = 21;
export const DECODE_BUCKET_COUNT_BITS = 12;
export const DECODE_BUCKETS = DECODE_TABLES;
export const DECODE_ENTRIES = DECODE_TABLES + 0x2000;
export const DECODE_ENTRY_SIZE = 12;
export const DECODE_STEPS = DECODE_TABLES + 0x12000;
export const DECODE_STEP_SIZE = 8;
/** Values of eight bytes that are looked up. */
export const DECODE_VALUES = DECODE_TABLES + 0x18000;
export const DECODE_TABLES_END = DECODE_TABLES + 0x60000;
// Kinds of steps. The number of a register, from the word into the record:
export const STEP_READ = 1;
export const STEP_WRITE = 2;
export const STEP_SP = 3;
export const STEP_VECTOR = 4;
// A value, begun with a constant, summed up from pieces of the word, then stored:
export const STEP_BASE = 5;
export const STEP_BASE_UNSIGNED = 6;
/** By a piece of the word, among the values that begin with this number. */
export const STEP_TABLE = 7;
export const STEP_STORE16 = 8;
export const STEP_STORE32 = 9;
export const STEP_STORE64 = 10;
/** With either or both of the bits behind it; `value` is the distance by which the piece is shifted left. */
export const STEP_PIECE = 16;
export const STEP_PIECE_SIGNED = 1;
export const STEP_PIECE_NEGATIVE = 2;

// ---------------------------------------------------------------- breakpoints and watchpoints

/** Addresses of eight bytes, in ascending order without sign: VAs, and PAs with bit 0 set, that BREAK records ask about. */
export const BREAKPOINTS = 0x3370000;
export const BREAKPOINTS_MAX = 0x10000;
/**
 * 32 bytes each: {i64 first address, i64 last, i32 access bits (1 read, 2 write), i32 WATCH_PA or WATCH_VA, i32 whose
 * accesses count: a bit for each CPU, i32 unused}. VAs are sign-extended from bit 55.
 */
export const WATCHPOINTS = 0x33f0000;
export const WATCHPOINTS_MAX = 2048;
export const WATCHPOINT_SIZE = 32;
export const WATCH_PA = 0;
export const WATCH_VA = 1;

// ---------------------------------------------------------------- RAM of the machine

export const RAM_HOST = 0x4080000;
/** The most RAM a machine can have: of the 4 GiB of a WebAssembly memory less what stands before it. */
export const RAM_MAX = 0xd0000000;

// ---------------------------------------------------------------- why run() returned

export const EXIT_BUDGET = 0;
/** WFI or WFE: nothing to do until an interrupt or event. WAITING says which. */
export const EXIT_WAIT = 1;
/** An exception was taken to EL2 and the embedded hypervisor sits there. */
export const EXIT_TRAP = 2;
export const EXIT_BREAKPOINT = 3;
export const EXIT_WATCHPOINT = 4;
/** A device or system register asked for it (power off, stop request). */
export const EXIT_REQUEST = 5;
/** YIELD: the rest of the slice may go to another CPU. */
export const EXIT_YIELD = 6;
/** HVC or SMC that nobody at a higher EL takes: PSCI of the machine. */
export const EXIT_FIRMWARE = 7;
/** EXIT_TRAP or EXIT_FIRMWARE that EngineHost.serveExit() has served, and the CPU does not go on now. */
export const EXIT_SERVED = 8;
