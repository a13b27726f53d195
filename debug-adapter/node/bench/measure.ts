// Pairs of measurements: ours and QEMU's in turn, so that both see the same moods of the host.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOMAIN_PREFIX, dom0lessCommand } from './dom0less.ts';
import { measureProcess, measureUntil, ourProgram, type ProcessResult, QEMU } from './processes.ts';
import type { Workload } from './workloads.ts';

/** MiB. */
const GUEST_MEMORY = 64;

/** What is measured: a command for each side. Work of `units` and of `fewer` units; the difference counts. */
export interface Subject {
  readonly name: string;
  readonly group: string;
  readonly does: string;
  readonly units: number;
  /** 0: whole processes are compared, start-up included. */
  readonly fewer: number;
  ours(units: number): readonly string[];
  /** Undefined: there is nothing to compare with. */
  readonly qemu: ((units: number) => readonly string[]) | undefined;
  /** The line of QEMU's output at which its work is done, as `sed -E` matches it. Without it, QEMU ends by itself. */
  readonly qemuEndsAt?: string | undefined;
  /** What the output must say: the same on both sides. Throws when it does not. */
  answer(result: ProcessResult): string;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Measurement {
  readonly name: string;
  readonly group: string;
  readonly units: number;
  readonly answer: string;
  /** Processor seconds. */
  readonly ours: Summary;
  readonly qemu?: Summary;
  /** QEMU's time over ours, pair by pair: more is better. */
  readonly speed?: Summary;
}

/** A guest or a comparison went wrong. */
export class BenchFailure extends Error {}

export interface MeasureOptions {
  readonly pairs: number;
  readonly withQemu: boolean;
}

export function measure(subject: Subject, { pairs, withQemu }: MeasureOptions): Measurement {
  const ours: number[] = [];
  const theirs: number[] = [];
  const qemu = withQemu ? subject.qemu : undefined;
  const answers = new Map<number, string>();
  for (let pair = 0; pair < pairs; pair++) {
    ours.push(difference(subject, (units) => measureProcess(subject.ours(units)), answers));
    if (qemu) theirs.push(difference(subject, (units) => runQemu(subject, qemu(units)), answers));
  }
  const { name, group, units } = subject;
  return {
    name,
    group,
    units,
    answer: answers.get(units) ?? '',
    ours: summary(ours),
    ...(qemu && {
      qemu: summary(theirs),
      speed: summary(theirs.map((time, i) => time / (ours[i] as number))),
    }),
  };
}

function runQemu({ qemuEndsAt }: Subject, command: readonly string[]): ProcessResult {
  if (qemuEndsAt === undefined) return measureProcess(command);
  const result = measureUntil(qemuEndsAt, command);
  return { ...result, output: result.output.replaceAll(DOMAIN_PREFIX, '') };
}

/** The time of the work alone: start-up and translation are in both runs. */
function difference(
  subject: Subject,
  run: (units: number) => ProcessResult,
  answers: Map<number, string>,
): number {
  const time = (units: number): number => {
    const result = run(units);
    const answer = answerOf(subject, result);
    const before = answers.get(units);
    if (before !== undefined && before !== answer) {
      throw new BenchFailure(`${subject.name}: one side answers '${answer}', the other '${before}'`);
    }
    answers.set(units, answer);
    return result.cpuSeconds;
  };
  const whole = time(subject.units);
  return subject.fewer === 0 ? whole : Math.max(whole - time(subject.fewer), 0);
}

function answerOf(subject: Subject, result: ProcessResult): string {
  if (result.status !== 0) {
    const said = (result.errors || result.output).trim().split('\n').at(-1) ?? '';
    throw new BenchFailure(`${subject.name}: status ${result.status}: ${said}`);
  }
  return subject.answer(result);
}

export function summary(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

// ---- what can be measured

export interface GuestFiles {
  /** The measured guest's Image. */
  readonly guest: string;
  /** Where files may be written. */
  readonly scratch: string;
  /** Options of `xenscope run` for our side. */
  readonly runOptions: readonly string[];
  /** Xen's Image for the other side of a domain; without it there is no other side. */
  readonly xen: string | undefined;
}

/** A workload of the measured guest, `scale` times as long as usual. */
export function guestSubject(workload: Workload, scale: number, files: GuestFiles): Subject {
  const { guest, scratch, runOptions, xen } = files;
  const { name, work, setting, cpus = 1 } = workload;
  const units = Math.max(2, Math.round(workload.units * scale));
  const append = (count: number): string => `bench=${work}:${count}`;
  const common = {
    ...workload,
    units,
    fewer: Math.ceil(units / 5),
    answer({ output }: ProcessResult) {
      const [, count, checksum] = new RegExp(`^${work} (\\d+) ([0-9a-f]{16})$`, 'm').exec(output) ?? [];
      if (checksum === undefined) throw new BenchFailure(`${name}: no checksum in '${output.trim()}'`);
      return `${count}:${checksum}`;
    },
  };
  if (setting === 'bare') {
    const machine = `gic=3,memory=${GUEST_MEMORY}M,cpus=${cpus}`;
    return {
      ...common,
      ours: (count) => [
        ...[...ourProgram(), 'run', '--bare', guest, '--machine', machine, '--append', append(count)],
        ...runOptions,
      ],
      qemu: (count) => [...qemuBoard(GUEST_MEMORY, cpus), '-kernel', guest, '-append', append(count)],
    };
  }
  return {
    ...common,
    ours: (count) => [
      ...[...ourProgram(), 'run', domUConfig(scratch, name, guest, append(count))],
      ...runOptions,
    ],
    qemu:
      xen === undefined
        ? undefined
        : (count) =>
            dom0lessCommand(xen, scratch, {
              name,
              kernel: guest,
              append: append(count),
              memory: GUEST_MEMORY,
            }),
    qemuEndsAt: `${work} [0-9]+ [0-9a-f]{16}|trouble:`,
  };
}

export const qemuBoard = (memory: number, cpus = 1): string[] => [
  QEMU,
  ...['-M', 'virt,gic-version=3', '-cpu', 'cortex-a53', '-accel', 'tcg,thread=single'],
  ...['-m', String(memory), '-smp', String(cpus), '-nographic', '-nic', 'none'],
];

function domUConfig(folder: string, name: string, kernel: string, extra: string): string {
  const file = join(folder, `${name}.cfg`);
  writeFileSync(file, configText({ name, kernel, extra, memory: GUEST_MEMORY, vuart: 'sbsa_uart' }));
  return file;
}

export const configText = (keys: Readonly<Record<string, string | number>>): string =>
  Object.entries({ ...keys, vcpus: 1, gic_version: 'v3' })
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
