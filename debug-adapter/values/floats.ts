// Floating point as it lies in memory (IEEE 754: binary16, 32, 64 and 128), and as text.

import { littleEndian, littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';
import * as errors from '../errors.ts';

/** Bits of a fraction of binary128, the long double of AArch64. */
const QUAD_FRACTION = 112n;
/** Of the last bit of its smallest numbers. */
const QUAD_LEAST = -16494n;
/** So many tell every binary128 from its neighbours. */
const QUAD_DIGITS = 36;

/** Bits of a positive number. */
const lengthOf = (value: bigint): bigint => BigInt(value.toString(2).length);

export function floatOfBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return view.getFloat32(0, true);
  if (bytes.length === 8) return view.getFloat64(0, true);
  if (bytes.length === 2) return halfOf(view.getUint16(0, true));
  if (bytes.length !== 16) throw errors.notComputable('A floating-point number of this size is not known');
  return quadOf(view.getBigUint64(8, true), view.getBigUint64(0, true));
}

/** IEEE 754 binary16. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** IEEE 754 binary128, the long double of AArch64, as the nearest double or its neighbour. */
function quadOf(high: bigint, low: bigint): number {
  const sign = high >> 63n ? -1 : 1;
  const exponent = Number((high >> 48n) & 0x7fffn);
  const fraction = ((high & 0xffff_ffff_ffffn) << 64n) | low;
  if (exponent === 0x7fff) return fraction === 0n ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * 0;
  // Two factors: the power alone may be beyond a double where the number is not.
  const mantissa = Number((1n << 112n) | fraction) * 2 ** -112;
  const power = exponent - 16383;
  return sign * mantissa * 2 ** Math.trunc(power / 2) * 2 ** (power - Math.trunc(power / 2));
}

/** A double is exact as a binary128. */
function quadBitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const sign = (bits >> 63n) << 127n;
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  if (exponent === 0x7ffn) return sign | (0x7fffn << QUAD_FRACTION) | (fraction << 60n);
  if (exponent !== 0n) return sign | ((exponent + 15360n) << QUAD_FRACTION) | (fraction << 60n);
  if (fraction === 0n) return sign;
  // What is denormal as a double is none as a binary128.
  const length = lengthOf(fraction);
  const whole = fraction << (QUAD_FRACTION + 1n - length);
  return sign | ((length + 15308n) << QUAD_FRACTION) | BigInt.asUintN(112, whole);
}

export function bytesOfFloat(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 4) view.setFloat32(0, value, true);
  else if (size === 8) view.setFloat64(0, value, true);
  else if (size === 16) return littleEndianBytes(quadBitsOf(value), 16);
  else throw errors.notComputable('A floating-point number of this size cannot be written');
  return bytes;
}

/** The shortest text that reads as the same number in this width. */
export function floatText(value: number, size: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0';
  if (size !== 4) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}

/** Of any width, from its bytes: a binary128 has more digits than a number of JavaScript. */
export function floatBytesText(bytes: Uint8Array): string {
  return bytes.length === 16 ? quadText(littleEndian(bytes)) : floatText(floatOfBytes(bytes), bytes.length);
}

function quadText(bits: bigint): string {
  const exponent = (bits >> QUAD_FRACTION) & 0x7fffn;
  const fraction = BigInt.asUintN(112, bits);
  const sign = bits >> 127n === 0n ? '' : '-';
  if (exponent === 0x7fffn) return fraction === 0n ? `${sign}inf` : 'nan';
  if (exponent === 0n && fraction === 0n) return `${sign}0`;
  const mantissa = exponent === 0n ? fraction : fraction | (1n << QUAD_FRACTION);
  const power = exponent === 0n ? QUAD_LEAST : exponent - 16383n - QUAD_FRACTION;
  const number = ratio(mantissa, 2n, power);
  for (let digits = 1; digits < QUAD_DIGITS; digits++) {
    const decimal = rounded(number, digits);
    const back = nearestQuad(ratio(decimal.digits, 10n, BigInt(decimal.power)));
    if (back.mantissa << (back.power - QUAD_LEAST) === mantissa << (power - QUAD_LEAST))
      return sign + decimalText(decimal);
  }
  return sign + decimalText(rounded(number, QUAD_DIGITS));
}

interface Ratio {
  readonly above: bigint;
  readonly below: bigint;
}

/** `value * base ** power` */
const ratio = (value: bigint, base: bigint, power: bigint): Ratio =>
  power >= 0n ? { above: value * base ** power, below: 1n } : { above: value, below: base ** -power };

function divided({ above, below }: Ratio): bigint {
  const quotient = above / below;
  const twice = 2n * (above % below);
  const isUp = twice > below || (twice === below && (quotient & 1n) === 1n);
  return isUp ? quotient + 1n : quotient;
}

/** To so many digits: `digits * 10 ** power`. */
function rounded({ above, below }: Ratio, count: number): { digits: bigint; power: number } {
  const estimate = Number(lengthOf(above) - lengthOf(below)) * Math.log10(2);
  for (let power = Math.floor(estimate) - count; ; power++) {
    const scale = 10n ** BigInt(Math.abs(power));
    const digits = divided(power >= 0 ? { above, below: below * scale } : { above: above * scale, below });
    if (digits < 10n ** BigInt(count)) return { digits, power };
  }
}

/** Round to nearest, ties to even. */
function nearestQuad({ above, below }: Ratio): { mantissa: bigint; power: bigint } {
  let power = lengthOf(above) - lengthOf(below) - QUAD_FRACTION - 1n;
  for (; ; power++) {
    if (power < QUAD_LEAST) continue;
    const scaled = power >= 0n ? { above, below: below << power } : { above: above << -power, below };
    const mantissa = divided(scaled);
    if (lengthOf(mantissa) <= QUAD_FRACTION + 1n) return { mantissa, power };
  }
}

/** As numbers of JavaScript are written. */
function decimalText({ digits, power }: { readonly digits: bigint; readonly power: number }): string {
  const all = String(digits).replace(/0+$/, '');
  const exponent = String(digits).length - 1 + power;
  if (exponent >= 21 || exponent < -7) {
    const fraction = all.length > 1 ? `.${all.slice(1)}` : '';
    return `${all[0] ?? '0'}${fraction}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${all}`;
  if (all.length <= exponent + 1) return all.padEnd(exponent + 1, '0');
  return `${all.slice(0, exponent + 1)}.${all.slice(exponent + 1)}`;
}
