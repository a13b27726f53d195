// What is wrong with an xl.cfg file, as xl 4.17 on Arm and a run here would find: one list of findings for
// the editor and for `xenscope check`. Pure: what a host knows (which files there are, how large the machine
// is) is handed in.

import { checkValue } from './check-value.ts';
import type { XlContext, XlEffective, XlEffectiveSettings } from './context.ts';
import { checkTogether } from './check-together.ts';
import type { XlFinding } from './findings.ts';
import { xlKeys } from './keys.ts';
import type { XlKey } from './keys/row.ts';
import { replacement, Report, WHOLE_FILE } from './report.ts';
import { suggestion } from './suggest.ts';
import type { XlAtom, XlDocument, XlRange, XlSetting, XlValue } from './syntax.ts';
import { isTaken } from './xl-config.ts';

export function diagnose(document: XlDocument, context: XlContext = {}): XlFinding[] {
  const report = new Report(document);
  for (const { message, hint, fix, ...range } of document.problems) {
    report.add('syntax', range, message, hint, { fixes: fix === undefined ? [] : [fix] });
  }
  const settings = effectiveSettings(document, report);
  for (const setting of settings.values()) checkKey(report, setting);
  checkTogether(report, settings, context);
  checkMissing(report, settings);
  return report.sorted();
}

/** Paths of files that the configuration names, as they are written. */
export function pathsNamed({ settings }: XlDocument): string[] {
  const paths = settings.flatMap(({ key, value }) =>
    FILES.has(key) && value.kind === 'atom' && value.text !== '' ? [value.text] : [],
  );
  return [...new Set(paths)];
}

/** Keys whose files are read where the configuration is used here. */
export const FILES: ReadonlySet<string> = new Set(['kernel', 'ramdisk', 'device_tree']);

// ---------------------------------------------------------------- settings

/** A later setting replaces an earlier one; += joins strings and lists. */
function effectiveSettings({ settings }: XlDocument, report: Report): XlEffectiveSettings {
  const effective = new Map<string, XlEffective>();
  for (const setting of settings) {
    const { key, value, keyRange, append } = setting;
    const text = value.kind === 'atom' ? value.text : undefined;
    const earlier = effective.get(key);
    if (earlier === undefined || !append) {
      if (earlier !== undefined) duplicate(report, setting, earlier);
      effective.set(key, { key, value, keyRange, text, settings: [setting] });
    } else if (earlier.value.kind !== value.kind) {
      report.add(
        'wrong-type',
        value,
        `'${key} +=' joins a list and a single value`,
        'Write both as lists, or both as text.',
        { related: [{ message: 'the value that it is added to', range: earlier.value }] },
      );
    } else {
      effective.set(key, {
        key,
        value: joined(earlier.value, value),
        keyRange,
        text: text === undefined ? undefined : `${earlier.text ?? ''}${text}`,
        settings: [...earlier.settings, setting],
      });
    }
  }
  return effective;
}

function joined(first: XlValue, second: XlValue): XlValue {
  if (first.kind === 'list' && second.kind === 'list') {
    return { ...second, items: [...first.items, ...second.items] };
  }
  return second;
}

function duplicate(report: Report, { key, keyRange }: XlSetting, earlier: XlEffective): void {
  const [first] = earlier.settings;
  report.add(
    'duplicate',
    keyRange,
    `'${key}' is set again, and its earlier value is dropped`,
    'Keep one of them, or add to it with +=.',
    {
      fixes: [report.removal(first, `Remove the earlier ${key}`)],
      related: [{ message: 'the value that is dropped', range: first }],
    },
  );
}

// ---------------------------------------------------------------- one key

function checkKey(report: Report, effective: XlEffective): void {
  const { key, keyRange, value } = effective;
  const row = xlKeys.get(key);
  if (row === undefined) {
    // What the parser stumbled over is told already.
    const stumbled = report.document.problems.some(({ from }) => from === keyRange.from);
    if (!stumbled) unknownKey(report, effective);
    return;
  }
  const last = effective.settings.at(-1) ?? effective.settings[0];
  if (row.since !== undefined) {
    report.add(
      'newer-xen',
      keyRange,
      `'${key}' came with Xen ${row.since}, and the xl of Xen 4.17 drops it`,
      'Remove it where Xen 4.17 is used.',
      { fixes: [report.removal(last)], unnecessary: true },
    );
  } else if (row.deprecated !== undefined) {
    report.add('deprecated', keyRange, `'${key}' is deprecated`, `Write ${row.deprecated} instead.`, {
      fixes: [report.removal(last)],
    });
  } else if (row.arm === 'x86') {
    report.add(
      'x86-only',
      keyRange,
      `'${key}' is for x86 guests and means nothing to an Arm guest`,
      'Remove it.',
      {
        fixes: [report.removal(last)],
        unnecessary: true,
      },
    );
  }
  if (row.deprecated === undefined) checkValueOf(report, effective, row);
  checkRun(report, key, keyRange, value, row, last);
}

/** A value that was joined is checked as a whole, and its last part shown. */
function checkValueOf(report: Report, { key, value, text, settings }: XlEffective, row: XlKey): void {
  // Its kinds have sentences of their own.
  if (key === 'type') return;
  const whole: XlValue =
    value.kind === 'atom' && settings.length > 1 ? ({ ...value, text: text ?? '' } satisfies XlAtom) : value;
  checkValue(report, key, row.type, whole);
}

function unknownKey(report: Report, { key, keyRange, settings }: XlEffective): void {
  const known = [...xlKeys].filter(([, row]) => row.arm !== 'x86').map(([name]) => name);
  const like = suggestion(key, known) ?? suggestion(key, xlKeys.keys());
  report.add(
    'unknown-key',
    keyRange,
    `'${key}' is not a key of xl.cfg, and xl drops it`,
    like === undefined ? 'Remove it, or turn it into a comment.' : `Did you mean '${like}'?`,
    {
      fixes: [
        ...(like === undefined ? [] : [replacement(keyRange, like)]),
        report.removal(settings.at(-1) ?? settings[0]),
      ],
      unnecessary: like === undefined,
    },
  );
}

/** What a run of ours makes of it. */
function checkRun(
  report: Report,
  key: string,
  range: XlRange,
  value: XlValue,
  row: XlKey,
  setting: XlSetting,
): void {
  const { run } = row;
  const fixes = [report.removal(setting)];
  if (run.status === 'unsupported' && !isTaken(value, run)) {
    const neutral = run.neutral.filter((text) => text !== '');
    report.add(
      'not-modelled',
      range,
      `Xenscope does not model '${key}' yet (${run.what.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())}): it refuses to run this configuration`,
      run.except !== undefined
        ? `Nothing is wrong for Xen. ${run.except.hint}`
        : neutral.length > 0
          ? `Nothing is wrong for Xen. To run it here, remove the line or set it to ${neutral.join(' or ')}.`
          : 'Nothing is wrong for Xen. To run it here, remove the line.',
      { fixes },
    );
  }
  if (
    run.status === 'no-effect' &&
    row.arm !== 'x86' &&
    row.since === undefined &&
    row.deprecated === undefined
  ) {
    report.add(
      'without-effect',
      range,
      `'${key}' has no effect in Xenscope: ${run.why}`,
      'Nothing is wrong for Xen.',
    );
  }
}

// ---------------------------------------------------------------- what is not there

/** Any of these says what boots; what a value means to Arm is told elsewhere. */
const BOOTS = ['kernel', 'bootloader', 'firmware'];

function checkMissing(report: Report, settings: XlEffectiveSettings): void {
  const insertion = (text: string) => ({
    title: `Add ${text}`,
    edits: [{ from: 0, to: 0, text: `${text}\n` }],
  });
  // A key that stands in a broken line is not missing.
  const written = (key: string): boolean =>
    settings.has(key) ||
    (report.document.problems.length > 0 && new RegExp(`^[ \\t]*${key}\\b`, 'm').test(report.document.text));
  if (!written('name')) {
    report.add('missing-name', WHOLE_FILE, "'name' is missing", 'Add a line such as name = "guest".', {
      fixes: [insertion('name = "guest"')],
    });
  }
  const isHvm = settings.get('type')?.text?.startsWith('h') ?? settings.get('builder')?.text === 'hvm';
  if (!isHvm && !BOOTS.some(written)) {
    report.add(
      'missing-kernel',
      WHOLE_FILE,
      "'kernel' is missing",
      'Add a line such as kernel = "vmlinuz".',
      {
        fixes: [insertion('kernel = "vmlinuz"')],
      },
    );
  }
  if (!written('memory') && !written('maxmem') && !isHvm) {
    report.add(
      'default-memory',
      WHOLE_FILE,
      "'memory' is missing: the domain gets 32 MiB, too little for a Linux kernel",
      'Add a line such as memory = 256.',
      { fixes: [insertion('memory = 256')] },
    );
  }
}
