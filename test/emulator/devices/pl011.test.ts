import { expect, test } from 'vitest';
import { Pl011 } from '../../../emulator/devices/pl011.ts';
import { mmioDevice } from '../../../emulator/devices/register-block.ts';
import { frame, Probe } from './harness.ts';

const [DR, FR, LCRH, CR, IFLS, IMSC, RIS, MIS, ICR] = [0, 0x18, 0x2c, 0x30, 0x34, 0x38, 0x3c, 0x40, 0x44];
const [RXFE, RXFF, TXFE] = [0x10, 0x40, 0x80];
const [RX, TX, RT] = [0x10, 0x20, 0x40];

function uart() {
  const irq = new Probe();
  const sent: number[] = [];
  const device = new Pl011(irq, { write: (byte) => sent.push(byte) });
  return {
    irq,
    device,
    registers: frame(mmioDevice(Pl011.registers, device)),
    text: () => String.fromCharCode(...sent),
  };
}

test('an early console writes without setting anything up', () => {
  const { registers, text } = uart();
  for (const letter of 'boot') registers.write(DR, letter.charCodeAt(0), 1);
  expect(text()).toBe('boot');
  expect(registers.read(FR) & (TXFE | RXFE)).toBe(TXFE | RXFE);
});

test('Linux finds a PL011 of revision 1 by its identification registers', () => {
  const { registers } = uart();
  const word = (offset: number) =>
    [3, 2, 1, 0].reduce((id, i) => (id << 8) | registers.read(offset + 4 * i), 0) >>> 0;
  expect(word(0xfe0)).toBe(0x0014_1011);
  expect(word(0xff0)).toBe(0xb105_f00d);
});

test('the transmit interrupt follows every byte and is cleared by ICR', () => {
  const { registers, irq } = uart();
  registers.write(IMSC, TX);
  expect(irq.high).toBe(false);
  registers.write(DR, 0x41);
  expect(irq.high).toBe(true);
  expect(registers.read(MIS)).toBe(TX);
  registers.write(ICR, TX);
  expect(irq.high).toBe(false);
  expect(registers.read(RIS)).toBe(0);
});

test('a typed byte raises the receive timeout with FIFOs, and reading it lowers the line', () => {
  const { registers, device, irq } = uart();
  registers.write(LCRH, 0x70);
  registers.write(CR, 0x301);
  registers.write(IMSC, RX | RT);
  device.receive(0x6c);
  expect(irq.high).toBe(true);
  expect(registers.read(MIS)).toBe(RT);
  expect(registers.peek(DR)).toBe(0x6c);
  expect(registers.read(DR)).toBe(0x6c);
  expect(irq.high).toBe(false);
  expect(registers.read(FR) & RXFE).toBe(RXFE);
});

test('the receive interrupt comes at the level of UARTIFLS', () => {
  const { registers, device } = uart();
  registers.write(LCRH, 0x10);
  registers.write(IFLS, 2 << 3);
  for (let i = 0; i < 7; i++) device.receive(i);
  expect(registers.read(RIS) & RX).toBe(0);
  device.receive(7);
  expect(registers.read(RIS) & RX).toBe(RX);
  registers.read(DR);
  expect(registers.read(RIS) & RX).toBe(0);
});

test('without FIFOs one byte is full', () => {
  const { registers, device } = uart();
  device.receive(1);
  expect(registers.read(FR) & (RXFF | RXFE)).toBe(RXFF);
  expect(registers.read(RIS) & RX).toBe(RX);
});

test('bytes typed faster than the guest reads wait, and none is lost', () => {
  const { registers, device, irq } = uart();
  registers.write(LCRH, 0x10);
  registers.write(IMSC, RX | RT);
  const typed = Array.from({ length: 40 }, (_, i) => i);
  for (const byte of typed) device.receive(byte);
  expect(registers.read(FR) & RXFF).toBe(RXFF);
  const got: number[] = [];
  while (irq.high) got.push(registers.read(DR));
  expect(got).toEqual(typed);
});

test('loopback returns what is sent and keeps it from the wire', () => {
  const { registers, text } = uart();
  registers.write(CR, 0x381);
  registers.write(DR, 0x55);
  expect(registers.read(DR)).toBe(0x55);
  expect(text()).toBe('');
});

test('a restored UART has the same registers, bytes and line', () => {
  const { registers, device } = uart();
  registers.write(LCRH, 0x70);
  registers.write(IMSC, RT);
  registers.write(0x24, 13);
  device.receive(0x61);
  const other = uart();
  other.device.restore(JSON.parse(JSON.stringify(device.save())));
  expect(other.device.save()).toEqual(device.save());
  expect(other.irq.high).toBe(true);
  expect(other.registers.read(DR)).toBe(0x61);
});
