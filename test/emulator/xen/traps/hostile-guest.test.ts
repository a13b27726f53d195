// A guest may do anything: every trap ends as a value, whatever its syndrome and registers say.

import { expect, test } from 'vitest';
import { VBAR_EL1 } from '../../../../emulator/memory/layout.ts';
import { randomBytes } from '../../../../emulator/base/random.ts';
import { FakeMachine } from './fake-platform.ts';

const CLASSES = [0x00, 0x01, 0x07, 0x16, 0x17, 0x18, 0x20, 0x24, 0x3f];

for (const gicVersion of [2, 3] as const) {
  test(`no trap of a hostile guest throws (GICv${gicVersion})`, () => {
    const machine = new FakeMachine({ gicVersion, vcpus: 2, vuart: true });
    machine.cpu.setSysreg(VBAR_EL1, 0xffff_ffff_ffff_f800n);
    const random = words(gicVersion);
    const places = [
      0x0300_1000, 0x0300_1000, 0x0302_0000, 0x0303_0000, 0x2200_0000, 0x4000_0000, 0xffff_f000,
    ];
    for (let round = 0; round < 3000; round++) {
      for (const register of [0, 1, 2, 3, 4, 16]) {
        const wide = (BigInt(random()) << 32n) | BigInt(random());
        machine.cpu.setX(register, random() % 3 === 0 ? wide : BigInt(random() % 48));
      }
      const ec = CLASSES[random() % CLASSES.length]!;
      let iss = random() & 0x1ff_ffff;
      if (ec === 0x16 && random() % 2 === 0) iss = random() % 2 === 0 ? 0xea1 : 0;
      if (ec === 0x24) iss = (iss & ~0x23f) | 0x07;
      const ipa = places[random() % places.length]! + (random() % 0x1000);
      const pc = random() % 4 === 0 ? 0xffff_0000_0000_0000n : 0x4000_0000n + BigInt(random() % 0x1000) * 4n;
      const outcome = machine.trap(ec, iss, { far: BigInt(ipa), ipa, pc });
      expect(['resume', 'wait', 'yield', 'off', 'stop']).toContain(outcome);
      machine.pass(random() % 100_000);
    }
    JSON.stringify(machine.hypervisor.save());
  });
}

function words(seed: number): () => number {
  const view = new DataView(randomBytes(seed, 'hostile guest', 4 << 16).buffer);
  let at = 0;
  return () => {
    at = (at + 4) % view.byteLength;
    return view.getUint32(at, true);
  };
}
