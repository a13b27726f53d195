// What the view of grants says of states made on purpose.

import { expect, test } from 'vitest';
import { RAM_GFN } from '../../../xen/fake-xen.ts';
import { inspectedXen } from './inspected-xen.ts';

const MILLISECOND = 1_000_000;
const PERMIT = 1;
const READ_ONLY = 4;

type Xen = ReturnType<typeof inspectedXen>;

const grantOf = (xen: Xen, reference: number) =>
  xen.inspect('grants').grants.find((grant) => grant.reference === reference);
const sentences = (xen: Xen): string[] => xen.inspect('grants').findings.map(({ sentence }) => sentence);

test('an entry in words, and who has its page mapped', () => {
  const xen = inspectedXen();
  xen.grant(9, { flags: PERMIT | READ_ONLY });
  xen.map(9, true);
  xen.map(9, true);
  const view = xen.inspect('grants');
  expect(view).toMatchObject({ domain: 1, version: 1, maximumFrames: 64, entries: 512, total: 1 });
  expect(view.frames[0]).toMatchObject({ index: 0, ipa: '0x38000000' });
  const { mfn } = xen.guest.pageAt(RAM_GFN + 3)!;
  expect(view.grants[0]).toMatchObject({
    reference: 9,
    flags: '0x000d',
    words: 'permits access, read-only; marked as being read',
    to: { domain: 0, words: 'd0 (Domain-0)' },
    gfn: '0x40003',
    ipa: '0x40003000',
    pa: `0x${(mfn * 4096).toString(16)}`,
    page: 'RAM',
    mappedBy: [{ domain: 0, words: 'd0, read, 2 times', readers: 2, writers: 0, handles: [] }],
    maps: 2,
    findings: [],
  });
  expect(xen.text('grants')).toContain('permits access, read-only; marked as being read');
});

test('a grant that nobody uses is a finding, with how long it has been there', () => {
  const xen = inspectedXen();
  xen.grant(9);
  expect(xen.inspect('grants').findings).toEqual([
    {
      severity: 'note',
      kind: 'unused',
      reference: 9,
      sentence: 'd1 has granted reference 9 to d0, which never used it.',
    },
  ]);
  // A timer interrupt: the record looks through the table.
  xen.wait(MILLISECOND);
  xen.vgic.injectPrivate(0, 27);
  xen.wait(250 * MILLISECOND);
  expect(xen.inspect('grants').findings).toEqual([
    {
      severity: 'warning',
      kind: 'unused',
      reference: 9,
      sentence: 'd1 has granted reference 9 to d0 for 250 ms, which never used it.',
    },
  ]);
  expect(grantOf(xen, 9)?.since).toMatchObject({ at: '0.001000 s', ago: '250 ms ago' });
  xen.map(9).unmap();
  expect(sentences(xen)).toEqual([]);
  expect(grantOf(xen, 9)).toMatchObject({ maps: 1, mappedBy: [] });
});

test('another page in the same entry is another grant', () => {
  const xen = inspectedXen();
  xen.grant(9);
  xen.vgic.injectPrivate(0, 27);
  xen.wait(50 * MILLISECOND);
  xen.grant(9, { frame: RAM_GFN + 4 });
  expect(grantOf(xen, 9)?.since).toBeUndefined();
});

test('a grant that was taken back while its page is mapped, now and afterwards', () => {
  const xen = inspectedXen();
  xen.grant(9);
  const mapping = xen.map(9);
  xen.grant(9, { flags: 0 });
  expect(sentences(xen)).toEqual([
    'd1 took back grant 9, but d0 still has its page mapped (gfn 0x40003): it can be read and written until d0 unmaps it.',
  ]);
  expect(grantOf(xen, 9)).toMatchObject({
    words: 'not granted',
    mappedBy: [{ words: 'd0, read and write' }],
  });
  mapping.unmap();
  xen.grant(9);
  xen.wait(MILLISECOND);
  expect(sentences(xen)).toEqual(['d1 took back grant 9 while d0 had it mapped, last 1.00 ms ago.']);
});

test('an entry that grants something else while the old page is mapped', () => {
  const xen = inspectedXen();
  xen.grant(9);
  xen.map(9);
  xen.grant(9, { frame: RAM_GFN + 5 });
  expect(sentences(xen)).toEqual([
    'd1 wrote a new grant into entry 9 (gfn 0x40005 to d0) while d0 still has the old page mapped (gfn 0x40003).',
  ]);
  xen.grant(9, { flags: PERMIT | READ_ONLY });
  expect(sentences(xen)).toEqual([
    'd1 made grant 9 read-only, but d0 still has its page mapped for writing.',
  ]);
});

test('grants that cannot be taken up', () => {
  const xen = inspectedXen();
  xen.grant(9, { to: 77 });
  xen.grant(10, { frame: 0x9_9999 });
  xen.grant(11, { flags: 2 });
  xen.grant(12, { flags: 0x8001 });
  expect(sentences(xen).sort()).toEqual([
    'Entry 11 accepts a transfer, which Xen on Arm does not serve.',
    'd1 grants reference 10, gfn 0x99999, where it has no page: mapping it fails.',
    'd1 grants reference 9 to d77, which does not exist.',
    'd1 has granted reference 12 to d0, which never used it.',
  ]);
  expect(grantOf(xen, 12)?.words).toBe('permits access; with bits that mean nothing: 0x8000');
});

test('the rings of the toolstack and of devices are known', () => {
  const xen = inspectedXen();
  const { toolstack, own } = xen;
  toolstack.write('/local/domain/1/device/vbd/51712/backend', '/local/domain/0/backend/vbd/1/51712');
  toolstack.write('/local/domain/1/device/vbd/51712/backend-id', '0');
  toolstack.write('/local/domain/0/backend/vbd/1/51712/dev', 'xvda');
  toolstack.setPermissions('/local/domain/1/device/vbd/51712', 'n1');
  own.write('device/vbd/51712/ring-ref', '9');
  own.write('device/vbd/51712/queue-0/ring-ref', '10');
  own.write('device/vbd/51712/event-channel', 'seven');
  xen.grant(9);
  xen.grant(10);
  expect(xen.inspect('grants').grants.map(({ use }) => use)).toEqual([
    'ring of vbd xvda',
    'ring of vbd xvda queue-0/ring-ref',
  ]);
});

test('a table full of garbage: bounded answers, and nothing changes', () => {
  const xen = inspectedXen();
  for (let frame = 0; frame < 8; frame++) {
    const garbage = new Uint8Array(4096);
    for (let at = 0; at < 4096; at++) garbage[at] = (at * 2654435761) >>> (frame + 3);
    xen.grantFrame(frame).write(0, garbage);
  }
  const before = JSON.stringify(xen.hypervisor.save());
  const view = xen.inspect('grants', { start: 100, count: 50 });
  expect(view.entries).toBe(8 * 512);
  expect(view.total).toBeGreaterThan(1000);
  expect(view.grants).toHaveLength(50);
  expect(view.findings).toHaveLength(100);
  expect(view.moreFindings).toBeGreaterThan(100);
  expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  expect(xen.text('grants count=10').split('\n').length).toBeLessThan(130);
  expect(JSON.stringify(xen.hypervisor.save())).toBe(before);
});

test('all of the frames, and a grant that is mapped as often as Xen allows', () => {
  const xen = inspectedXen();
  xen.domain.grantTable.grow(64);
  xen.grant(9);
  for (let times = 0; times < 128; times++) xen.map(9);
  expect(sentences(xen)).toEqual([
    'Grant 9 is mapped 128 times by d0, which is as often as Xen allows.',
    'The table has all of its 64 frames: it cannot grow.',
  ]);
});
