// What the editor offers and explains. `|` marks the cursor.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseXlDocument } from '../../../emulator/formats/xl-config/syntax.ts';
import { type Completion, completionsAt } from '../../../extension/language-server/completion.ts';
import { hoverAt } from '../../../extension/language-server/hover.ts';
import { placeAt } from '../../../extension/language-server/place.ts';

const split = (marked: string): { text: string; offset: number } => {
  const offset = marked.indexOf('|');
  expect(offset).toBeGreaterThanOrEqual(0);
  return { text: marked.slice(0, offset) + marked.slice(offset + 1), offset };
};

const offered = (marked: string): Completion[] => {
  const { text, offset } = split(marked);
  return completionsAt(text, offset);
};

const labels = (marked: string): string[] => offered(marked).map(({ label }) => label);

/** The text with the placeholders' standard values once a completion is taken. */
function taken(marked: string, label: string): string {
  const { text } = split(marked);
  const item = offered(marked).find((one) => one.label === label);
  if (!item) throw new Error(`no ${label} among ${labels(marked).join(' ')}`);
  const inserted = item.insert
    .replaceAll(/\$\{\d\|([^,|]*)[^|]*\|\}/g, '$1')
    .replaceAll(/\$\{\d:((?:\\.|[^}])*)\}/g, '$1')
    .replaceAll(/\$\{\d\}/g, '')
    .replaceAll(/\\(.)/g, '$1');
  return text.slice(0, item.from) + inserted + text.slice(item.to);
}

test('at the beginning of a line keys are offered, those for Arm guests first', () => {
  const keys = offered('name = "a"\n|\nmemory = 64\n');
  expect(keys.length).toBeGreaterThan(150);
  const sorted = [...keys].sort((a, b) => (a.sortText < b.sortText ? -1 : 1)).map(({ label }) => label);
  expect(sorted.indexOf('kernel')).toBeLessThan(sorted.indexOf('disk'));
  expect(sorted.indexOf('disk')).toBeLessThan(sorted.indexOf('hap'));
  expect(keys.find(({ label }) => label === 'kernel')?.documentation).toContain('arm64 `Image`');
  expect(keys.find(({ label }) => label === 'hap')?.detail).toBe('x86');
  expect(keys.find(({ label }) => label === 'sve')?.detail).toBe('Xen 4.18');
});

test('a key comes with a value of its type', () => {
  expect(taken('ker|', 'kernel')).toBe('kernel = "vmlinuz"');
  expect(taken('|', 'memory')).toBe('memory = ');
  expect(taken('|', 'nomigrate')).toBe('nomigrate = 1');
  expect(taken('|', 'gic_version')).toBe('gic_version = "default"');
  expect(taken('|', 'disk')).toBe('disk = [ "" ]');
  expect(taken('|', 'cpus')).toBe('cpus = "0-3"');
  // Where a value stands already, the key alone.
  expect(taken('mem|ory = 3', 'maxmem')).toBe('maxmem = 3');
  expect(taken('vcpus = 1; |', 'root')).toBe('vcpus = 1; root = "/dev/xvda1"');
});

test('words that a key knows are offered, with quotes where they are missing', () => {
  expect(labels('on_crash = |')).toContain('"preserve"');
  expect(taken('on_crash = |', '"preserve"')).toBe('on_crash = "preserve"');
  expect(taken('on_crash = pr|', '"preserve"')).toBe('on_crash = "preserve"');
  expect(taken('on_crash = "|"', 'preserve')).toBe('on_crash = "preserve"');
  expect(taken('on_crash = "des|troy"', 'restart')).toBe('on_crash = "restart"');
  expect(taken('on_crash = "|\nname = "a"', 'restart')).toBe('on_crash = "restart\nname = "a"');
  expect(labels('acpi = |')).toEqual(['1', '0']);
  expect(labels('name = "|"')).toEqual([]);
  expect(labels('colour = |')).toEqual([]);
});

test('device strings are completed by their options', () => {
  expect(taken('vif = [ "|" ]', 'bridge=')).toBe('vif = [ "bridge=xenbr0" ]');
  expect(taken('vif = [ "bridge=a,|" ]', 'mac=')).toBe('vif = [ "bridge=a,mac=00:16:3e:12:34:56" ]');
  expect(labels('vif = [ "bridge=a,|" ]')).not.toContain('bridge=');
  expect(labels('vif = [ "type=|" ]')).toEqual(['vif', 'ioemu']);
  expect(taken('vif = [ "type=i|,mtu=1500" ]', 'ioemu')).toBe('vif = [ "type=ioemu,mtu=1500" ]');
  expect(labels('vif = [ "", "|" ]')).toContain('rate=');
});

test('in a disk, positions count as well', () => {
  expect(labels('disk = [ "/dev/a,|" ]')).toEqual(expect.arrayContaining(['raw', 'qcow2', 'vdev=']));
  expect(labels('disk = [ "/dev/a,raw,xvda,|" ]')).toEqual(expect.arrayContaining(['rw', 'ro', 'discard']));
  expect(labels('disk = [ "/dev/a,raw,xvda,|" ]')).not.toContain('vdev=');
  expect(labels('disk = [ "/dev/a,raw,xvda,rw,backendtype=|" ]')).toContain('qdisk');
  expect(labels('disk = [\n  "/dev/a,raw,xvda,r|",\n]')).toContain('ro');
});

test('nothing is offered in comments and behind values', () => {
  expect(labels('# on_crash = |')).toEqual([]);
  expect(labels('name = "a" |')).toEqual([]);
  expect(labels('name |')).toEqual([]);
  expect(labels('memory = 64 # |')).toEqual([]);
});

test('a list that is not closed does not swallow what follows', () => {
  expect(placeAt('vif = [ "a",\nname = ""', 'vif = [ "a",\nname = "'.length)).toMatchObject({
    kind: 'string',
    key: 'name',
    depth: 0,
  });
  expect(labels('vif = [ "a"\non_crash = |')).toContain('"destroy"');
});

test('keys, words and options are explained', () => {
  const over = (marked: string) => {
    const { text, offset } = split(marked);
    const hover = hoverAt(parseXlDocument(text), offset);
    return hover && `${text.slice(hover.from, hover.to)}: ${hover.markdown.split('\n')[0]}`;
  };
  expect(over('me|mory = 64')).toBe('memory: **memory** = number from 1 to 1043456 (MiB)');
  expect(over('on_crash = "pre|serve"')).toBe(
    '"preserve": `"preserve"`: The domain stays for inspection until `xl destroy`.',
  );
  expect(over('vif = [ "bridge=a, m|ac=00:16:3e:00:00:01" ]')).toMatch(
    /^mac=00:16:3e:00:00:01: \*\*mac\*\* = text/,
  );
  expect(over('disk = [ "/dev/a,r|aw,xvda" ]')).toMatch(/^raw: \*\*format\*\*/);
  expect(over('colour = |1')).toBeUndefined();
  expect(over('memory = 6|4')).toBeUndefined();
  expect(over('# mem|ory')).toBeUndefined();
});

test('any cursor in any text has completions inside the text', () => {
  const piece = fc.constantFrom(
    'disk',
    'on_crash',
    'cpus',
    'vnuma',
    'constructor',
    ' = ',
    '+=',
    '"',
    "'",
    '[',
    ']',
    ',',
    'a=b',
    'type=',
    '\n',
    ';',
    '#',
    '\\',
    '1',
    'target=',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), fc.nat(), (pieces, at) => {
      const text = pieces.join('');
      const offset = at % (text.length + 1);
      for (const { from, to, insert, label } of completionsAt(text, offset)) {
        expect(from).toBeGreaterThanOrEqual(0);
        expect(from).toBeLessThanOrEqual(offset);
        expect(to).toBeGreaterThanOrEqual(offset);
        expect(to).toBeLessThanOrEqual(text.length);
        expect(`${insert}${label}`).not.toMatch(/undefined|\[object/);
      }
      hoverAt(parseXlDocument(text), offset);
    }),
    { numRuns: 600 },
  );
});
