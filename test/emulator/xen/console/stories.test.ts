import { expect, test } from 'vitest';
import { PrintBuffer } from '../../../../emulator/xen/console/print-buffer.ts';
import { PvConsole } from '../../../../emulator/xen/console/pv-console.ts';
import { bootXen, serveChannel } from '../fake-xen.ts';

const IN_CONS = 3072;
const IN_PROD = 3076;
const OUT_CONS = 3080;
const OUT_PROD = 3084;

test('what the guest writes comes out when it rings, across the end of the ring', () => {
  const { page, port, output, domU } = consoleOf();
  page.write32(OUT_CONS, 2040);
  page.write32(OUT_PROD, 2040);
  for (const [index, byte] of [...'Hello, world'].entries()) {
    page.write8(1024 + ((2040 + index) % 2048), byte.charCodeAt(0));
  }
  page.write32(OUT_PROD, 2052);
  domU.call('EVTCHNOP_send', { port });
  expect(output()).toBe('Hello, world');
  expect(page.read32(OUT_CONS)).toBe(2052);
  expect(domU.domain.eventChannels.isPending(port)).toBe(true);
});

test('what is typed waits in the ring, and outside of it when the ring is full', () => {
  const { console, page, port, domU } = consoleOf();
  console.receive(new TextEncoder().encode('x'.repeat(1500)));
  expect(page.read32(IN_PROD)).toBe(1024);
  expect(domU.domain.eventChannels.isPending(port)).toBe(true);
  page.write32(IN_CONS, 1024);
  domU.call('EVTCHNOP_send', { port });
  expect(page.read32(IN_PROD)).toBe(1500);
  expect(console.save()).toMatchObject({ waiting: [] });
});

test('indices that make no sense are looked away from', () => {
  const { console, page, port, output, domU } = consoleOf();
  page.write32(OUT_PROD, 5000);
  page.write32(IN_CONS, 77);
  domU.call('EVTCHNOP_send', { port });
  console.receive(Uint8Array.of(65));
  expect(output()).toBe('');
  expect(page.read32(OUT_CONS)).toBe(0);
  expect(page.read32(IN_PROD)).toBe(0);
});

test("lines for Xen's console are put out when they end, or grow too long", () => {
  const buffer = new PrintBuffer();
  const write = (text: string) => buffer.write(new TextEncoder().encode(text));
  expect(write('one\ntwo\nthr')).toEqual(['one', 'two']);
  expect(write('ee\n')).toEqual(['three']);
  expect(write('a'.repeat(300))).toEqual(['a'.repeat(254)]);
  expect(write('\n')).toEqual(['a'.repeat(46)]);
});

function consoleOf() {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  const written: number[] = [];
  const port = Number(domU.call('EVTCHNOP_alloc_unbound', { dom: 0x7ff0, remote_dom: 0 }).arg['port']);
  const channel = serveChannel(xen, domU, port, () => console.onEvent());
  const page = domU.page(5);
  const console = new PvConsole(page, channel.notify, { write: (bytes) => written.push(...bytes) });
  return { console, page, port, domU, output: () => String.fromCharCode(...written) };
}
