// Floating-point arithmetic of A64, bit for bit, with the flags of FPSR, as kernels.
//
// Names are an operation and a width: fadd16, fadd32, fadd64. Operands and results are raw bits: half and
// single precision in an i32, double precision in an i64; conversions name both ends (f32tof64, f64toi32,
// i64tof32). FPCR is read and FPSR accumulated where memory/layout.ts has them. A rounding argument is 7
// (or -1) for the mode in FPCR, 0 to nearest with ties to even, 1 towards plus infinity, 2 towards minus infinity,
// 3 towards zero, 4 to nearest with ties away from zero.
//
//   fadd fsub fmul fmulx fdiv fmax fmin fmaxnum fminnum frecps frsqrts (a, b)
//   fsqrt frecpe frsqrte frecpx (a)          fmuladd (addend, a, b), also fmuladd16to32
//   fcmp (a, b, signal): NZCV at bits 3..0   fcmpeq fcmpge fcmpgt (a, b): 0 or 1
//   frint (a, rounding, exact)               frintsize32/64 (a, rounding, 32 or 64): FRINT32, FRINT64
//   fNtoiM (a, fractionDigits, rounding, unsigned)   iNtofM (a, fractionDigits, unsigned)
//   f16tof32 f16tof64 f32tof16 f32tof64 f64tof16 f64tof32 f64tof32odd f32tobf16 (a)
//   bfdot (addend, a, b): two pairs of BFloat16
//   fjcvtzs (a): integer in the low half, Z at bit 32     urecpe ursqrte (a)

export * from './arithmetic.as';
export * from './bfloat.as';
export * from './compare.as';
export * from './convert.as';
export * from './estimate.as';
export * from './fused.as';
export * from './integral.as';
