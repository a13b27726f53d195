// Numbers of the WebAssembly binary format (WebAssembly Core Specification, "Binary Format").
// Only what the generators use. Float arithmetic is absent on purpose: its NaN results are not
// determined, so exact floating point lives in the kernels.

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

export const VALUE_TYPE_CODE: Record<ValueType, number> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Operations that exist for i32 and i64 alike: [code for i32, code for i64]. */
export const INTEGER_BINARY = {
  add: [0x6a, 0x7c],
  sub: [0x6b, 0x7d],
  mul: [0x6c, 0x7e],
  divS: [0x6d, 0x7f],
  divU: [0x6e, 0x80],
  remS: [0x6f, 0x81],
  remU: [0x70, 0x82],
  and: [0x71, 0x83],
  or: [0x72, 0x84],
  xor: [0x73, 0x85],
  shl: [0x74, 0x86],
  shrS: [0x75, 0x87],
  shrU: [0x76, 0x88],
  rotl: [0x77, 0x89],
  rotr: [0x78, 0x8a],
} as const satisfies Record<string, readonly [number, number]>;

/** Comparisons: operands of one type, result i32. */
export const INTEGER_COMPARE = {
  eq: [0x46, 0x51],
  ne: [0x47, 0x52],
  ltS: [0x48, 0x53],
  ltU: [0x49, 0x54],
  gtS: [0x4a, 0x55],
  gtU: [0x4b, 0x56],
  leS: [0x4c, 0x57],
  leU: [0x4d, 0x58],
  geS: [0x4e, 0x59],
  geU: [0x4f, 0x5a],
} as const satisfies Record<string, readonly [number, number]>;

export const INTEGER_UNARY = {
  clz: [0x67, 0x79],
  ctz: [0x68, 0x7a],
  popcnt: [0x69, 0x7b],
} as const satisfies Record<string, readonly [number, number]>;

export type IntegerBinary = keyof typeof INTEGER_BINARY;
export type IntegerCompare = keyof typeof INTEGER_COMPARE;
export type IntegerUnary = keyof typeof INTEGER_UNARY;

interface SimdSignature {
  readonly code: number;
  readonly params: readonly ValueType[];
  readonly result: ValueType;
  /** One lane index follows the opcode. */
  readonly lane?: true;
}

const simdTable: Record<string, SimdSignature> = {};

function declare(
  params: readonly ValueType[],
  result: ValueType,
  names: Record<string, number>,
  lane?: true,
): void {
  for (const [name, code] of Object.entries(names)) {
    simdTable[name] = lane ? { code, params, result, lane } : { code, params, result };
  }
}

const V2: readonly ValueType[] = ['v128', 'v128'];
const V1: readonly ValueType[] = ['v128'];

const splats = { 'i8x16.splat': 15, 'i16x8.splat': 16, 'i32x4.splat': 17 } as const;
const extracts = {
  'i8x16.extract_lane_s': 21,
  'i8x16.extract_lane_u': 22,
  'i16x8.extract_lane_s': 24,
  'i16x8.extract_lane_u': 25,
  'i32x4.extract_lane': 27,
} as const;
const replaces = { 'i8x16.replace_lane': 23, 'i16x8.replace_lane': 26, 'i32x4.replace_lane': 28 } as const;
const binaries = {
  'i8x16.swizzle': 14,
  'i8x16.eq': 35,
  'i8x16.ne': 36,
  'i8x16.lt_s': 37,
  'i8x16.lt_u': 38,
  'i8x16.gt_s': 39,
  'i8x16.gt_u': 40,
  'i8x16.le_s': 41,
  'i8x16.le_u': 42,
  'i8x16.ge_s': 43,
  'i8x16.ge_u': 44,
  'i16x8.eq': 45,
  'i16x8.ne': 46,
  'i16x8.lt_s': 47,
  'i16x8.lt_u': 48,
  'i16x8.gt_s': 49,
  'i16x8.gt_u': 50,
  'i16x8.le_s': 51,
  'i16x8.le_u': 52,
  'i16x8.ge_s': 53,
  'i16x8.ge_u': 54,
  'i32x4.eq': 55,
  'i32x4.ne': 56,
  'i32x4.lt_s': 57,
  'i32x4.lt_u': 58,
  'i32x4.gt_s': 59,
  'i32x4.gt_u': 60,
  'i32x4.le_s': 61,
  'i32x4.le_u': 62,
  'i32x4.ge_s': 63,
  'i32x4.ge_u': 64,
  'v128.and': 78,
  'v128.andnot': 79,
  'v128.or': 80,
  'v128.xor': 81,
  'i8x16.narrow_i16x8_s': 101,
  'i8x16.narrow_i16x8_u': 102,
  'i8x16.add': 110,
  'i8x16.add_sat_s': 111,
  'i8x16.add_sat_u': 112,
  'i8x16.sub': 113,
  'i8x16.sub_sat_s': 114,
  'i8x16.sub_sat_u': 115,
  'i8x16.min_s': 118,
  'i8x16.min_u': 119,
  'i8x16.max_s': 120,
  'i8x16.max_u': 121,
  'i8x16.avgr_u': 123,
  'i16x8.q15mulr_sat_s': 130,
  'i16x8.narrow_i32x4_s': 133,
  'i16x8.narrow_i32x4_u': 134,
  'i16x8.add': 142,
  'i16x8.add_sat_s': 143,
  'i16x8.add_sat_u': 144,
  'i16x8.sub': 145,
  'i16x8.sub_sat_s': 146,
  'i16x8.sub_sat_u': 147,
  'i16x8.mul': 149,
  'i16x8.min_s': 150,
  'i16x8.min_u': 151,
  'i16x8.max_s': 152,
  'i16x8.max_u': 153,
  'i16x8.avgr_u': 155,
  'i16x8.extmul_low_i8x16_s': 156,
  'i16x8.extmul_high_i8x16_s': 157,
  'i16x8.extmul_low_i8x16_u': 158,
  'i16x8.extmul_high_i8x16_u': 159,
  'i32x4.add': 174,
  'i32x4.sub': 177,
  'i32x4.mul': 181,
  'i32x4.min_s': 182,
  'i32x4.min_u': 183,
  'i32x4.max_s': 184,
  'i32x4.max_u': 185,
  'i32x4.dot_i16x8_s': 186,
  'i32x4.extmul_low_i16x8_s': 188,
  'i32x4.extmul_high_i16x8_s': 189,
  'i32x4.extmul_low_i16x8_u': 190,
  'i32x4.extmul_high_i16x8_u': 191,
  'i64x2.add': 206,
  'i64x2.sub': 209,
  'i64x2.mul': 213,
  'i64x2.eq': 214,
  'i64x2.ne': 215,
  'i64x2.lt_s': 216,
  'i64x2.gt_s': 217,
  'i64x2.le_s': 218,
  'i64x2.ge_s': 219,
  'i64x2.extmul_low_i32x4_s': 220,
  'i64x2.extmul_high_i32x4_s': 221,
  'i64x2.extmul_low_i32x4_u': 222,
  'i64x2.extmul_high_i32x4_u': 223,
} as const;
const unaries = {
  'v128.not': 77,
  'i8x16.abs': 96,
  'i8x16.neg': 97,
  'i8x16.popcnt': 98,
  'i16x8.extadd_pairwise_i8x16_s': 124,
  'i16x8.extadd_pairwise_i8x16_u': 125,
  'i32x4.extadd_pairwise_i16x8_s': 126,
  'i32x4.extadd_pairwise_i16x8_u': 127,
  'i16x8.abs': 128,
  'i16x8.neg': 129,
  'i16x8.extend_low_i8x16_s': 135,
  'i16x8.extend_high_i8x16_s': 136,
  'i16x8.extend_low_i8x16_u': 137,
  'i16x8.extend_high_i8x16_u': 138,
  'i32x4.abs': 160,
  'i32x4.neg': 161,
  'i32x4.extend_low_i16x8_s': 167,
  'i32x4.extend_high_i16x8_s': 168,
  'i32x4.extend_low_i16x8_u': 169,
  'i32x4.extend_high_i16x8_u': 170,
  'i64x2.abs': 192,
  'i64x2.neg': 193,
  'i64x2.extend_low_i32x4_s': 199,
  'i64x2.extend_high_i32x4_s': 200,
  'i64x2.extend_low_i32x4_u': 201,
  'i64x2.extend_high_i32x4_u': 202,
} as const;
const shifts = {
  'i8x16.shl': 107,
  'i8x16.shr_s': 108,
  'i8x16.shr_u': 109,
  'i16x8.shl': 139,
  'i16x8.shr_s': 140,
  'i16x8.shr_u': 141,
  'i32x4.shl': 171,
  'i32x4.shr_s': 172,
  'i32x4.shr_u': 173,
  'i64x2.shl': 203,
  'i64x2.shr_s': 204,
  'i64x2.shr_u': 205,
} as const;
const tests = {
  'v128.any_true': 83,
  'i8x16.all_true': 99,
  'i8x16.bitmask': 100,
  'i16x8.all_true': 131,
  'i16x8.bitmask': 132,
  'i32x4.all_true': 163,
  'i32x4.bitmask': 164,
  'i64x2.all_true': 195,
  'i64x2.bitmask': 196,
} as const;
const wideSplat = { 'i64x2.splat': 18 } as const;
const wideExtract = { 'i64x2.extract_lane': 29 } as const;
const wideReplace = { 'i64x2.replace_lane': 30 } as const;
const select = { 'v128.bitselect': 82 } as const;

declare(['i32'], 'v128', splats);
declare(['i64'], 'v128', wideSplat);
declare(V1, 'i32', extracts, true);
declare(V1, 'i64', wideExtract, true);
declare(['v128', 'i32'], 'v128', replaces, true);
declare(['v128', 'i64'], 'v128', wideReplace, true);
declare(V2, 'v128', binaries);
declare(V1, 'v128', unaries);
declare(['v128', 'i32'], 'v128', shifts);
declare(V1, 'i32', tests);
declare(['v128', 'v128', 'v128'], 'v128', select);

export type SimdBinary = keyof typeof binaries;
export type SimdUnary = keyof typeof unaries;
export type SimdShift = keyof typeof shifts;
export type SimdTest = keyof typeof tests;
export type SimdOperation =
  | SimdBinary
  | SimdUnary
  | SimdShift
  | SimdTest
  | keyof typeof splats
  | keyof typeof extracts
  | keyof typeof replaces
  | keyof typeof wideSplat
  | keyof typeof wideExtract
  | keyof typeof wideReplace
  | keyof typeof select;

/** Vector operations by their name in the specification. */
export const SIMD: Readonly<Record<SimdOperation, SimdSignature>> = simdTable as Record<
  SimdOperation,
  SimdSignature
>;
