// Everything that the kernels module exports: what the generated interpreter, translated code and
// TypeScript may call. Compiled by test/tools/build-kernels.ts into build/kernels.wasm.

export {
  alignmentFault,
  clearExclusive,
  loadExclusive,
  loadExclusivePair,
  loadSlow,
  loadSlowUnprivileged,
  loadSlowElements,
  loadSlowV,
  prepareRead,
  prepareWrite,
  requireAligned,
  storeExclusive,
  storeExclusivePair,
  storeSlow,
  storeSlowUnprivileged,
  storeSlowElements,
  storeSlowV,
} from '../cpu/guest-access.as';
export { dataAbort, instructionAbort, pcAlignmentFault } from '../cpu/aborts.as';
export { fetchMiss } from '../cpu/fetch.as';
export {
  brk,
  fpTrap,
  hvc,
  illegalState,
  smc,
  spAlignmentFault,
  svc,
  takeException,
  trapSystemRegister,
  trapSystemRegisterToEl1,
  undefinedInstruction,
} from '../cpu/exceptions.as';
export {
  hasWakeEvent,
  serviceInterrupts,
  sev,
  sevl,
  takePendingInterrupt,
  trapWfx,
  wfe,
  wfi,
  yieldHint,
} from '../cpu/interrupts.as';
export { addressTranslate, peekData, probe, probeExecute, probeStage1, tlbInvalidate } from '../cpu/maintenance.as';
export {
  bankSp,
  currentPc,
  currentWord,
  nzcv,
  pstate,
  setNzcv,
  setPstate,
  stackPointerWritten,
  unbankSp,
  updateRegime,
} from '../cpu/pstate.as';
export {
  branchAddress,
  exceptionReturn,
  msrDaifClr,
  msrDaifSet,
  msrImmediate,
  msrPan,
  msrSpSel,
  msrUao,
} from '../cpu/return.as';
export {
  kernelRead,
  kernelWrite,
  readSystemRegister,
  translationControlChanged,
  writeSystemRegister,
  zeroBlock,
} from '../cpu/system-access.as';
export { copyWatchedNow, dropRecords, invalidateRange, raiseAttention } from '../mmu/access.as';
export { dropTags, forgetAllRecords, forgetRecords, watchedHost } from '../mmu/tlb.as';
export { flushAllEl2, flushEl1, flushVmid, resetTlbs } from '../mmu/tlb-invalidation.as';
export { decodeRecord, decodeWord } from './decode.as';
export { breakpointHit, service } from './service.as';
export { crc32 } from '../cpu/crc.as';
export * from '../cpu/float/index.as';
export { aesInverseSubBytes, aesSubBytes } from '../cpu/crypto/aes.as';
export { multiplyPolynomials } from '../cpu/crypto/polynomial.as';
export { sm4SubBytes } from '../cpu/crypto/sm4.as';
export { setSaturated, shiftLanes } from '../cpu/simd.as';
export { hashMemory, hashTlbs } from './hash.as';
