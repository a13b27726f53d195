// Writes what goes over the bridges of a machine into a file that Wireshark reads.

import { closeSync, openSync, writeSync } from 'node:fs';
import { PcapngWriter } from '../../emulator/formats/pcapng.ts';
import type { LoadedMachine } from '../../emulator/index.ts';

/** Gathered before they are written. */
const BUFFERED = 1 << 16;

/** From now on, until what it returns is called. `startTime`: seconds since 1970 at moment 0. Throws what opening does. */
export function captureTo(file: string, loaded: LoadedMachine, startTime: number): () => void {
  const descriptor = openSync(file, 'w');
  const writer = new PcapngWriter();
  const interfaces = new Map<string, number>();
  let waiting: Uint8Array[] = [];
  let bytesWaiting = 0;
  const flush = (): void => {
    for (const block of waiting) writeSync(descriptor, block);
    waiting = [];
    bytesWaiting = 0;
  };
  const write = (block: Uint8Array): void => {
    waiting.push(block);
    bytesWaiting += block.length;
    if (bytesWaiting >= BUFFERED) flush();
  };
  const interfaceOf = (name: string): number => {
    const known = interfaces.get(name);
    if (known !== undefined) return known;
    const { index, block } = writer.addInterface(name);
    write(block);
    interfaces.set(name, index);
    return index;
  };

  write(writer.section('Xenscope'));
  const stop = loaded.observe?.({
    packetSent: (bridge, port, bytes, isPartial) => {
      const time =
        BigInt(startTime) * 1_000_000_000n + BigInt(Math.round(loaded.machine.clock.nanoseconds()));
      const comment = isPartial ? { comment: 'the checksum is left to the receiver' } : {};
      write(writer.packet({ interface: interfaceOf(`${bridge}/${port}`), time, bytes, ...comment }));
    },
  });
  return () => {
    stop?.();
    flush();
    closeSync(descriptor);
  };
}
