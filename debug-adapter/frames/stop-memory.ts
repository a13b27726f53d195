// Guest memory of vCPUs as it is at a stop, by pages: a stack is read word by word, and each question to the machine
// crosses the worker's border. Kept until the machine may be another one.

import type { StopInfo, VcpuId } from '../../emulator/machine/messages.ts';
import type { MachineClient } from '../machine/machine-client.ts';

const PAGE = 4096;
const PAGE_MASK = BigInt(PAGE - 1);
/** More than a screen of stacks and variables needs. */
const MAX_PAGES = 1024;

export class StopMemory {
  private readonly machine: MachineClient;
  private readonly pages = new Map<string, Promise<Uint8Array>>();
  private asOf = -1;

  constructor(machine: MachineClient) {
    this.machine = machine;
  }

  /** Up to the first byte that is not there. */
  async read(vcpu: VcpuId, address: bigint, length: number): Promise<Uint8Array> {
    const start = BigInt.asUintN(64, address);
    const offset = Number(start & PAGE_MASK);
    const page = start - BigInt(offset);
    const first = await this.page(vcpu, page);
    // Registers of devices have gaps: what is asked for may be there though the page does not begin with it.
    if (first.length < PAGE && first.length < offset + length) {
      return this.machine.request('readMemory', { space: { kind: 'va', at: vcpu }, address: start, length });
    }
    if (offset + length <= PAGE) return first.subarray(offset, offset + length);
    const head = first.subarray(offset);
    const rest = await this.read(vcpu, page + BigInt(PAGE), length - head.length);
    const all = new Uint8Array(head.length + rest.length);
    all.set(head);
    all.set(rest, head.length);
    return all;
  }

  /** Pages of the machine as it is now. */
  remember(vcpu: VcpuId, pages: NonNullable<StopInfo['state']>['pages']): void {
    this.forgetOld();
    for (const { address, bytes } of pages) this.pages.set(keyOf(vcpu, address), Promise.resolve(bytes));
  }

  private page(vcpu: VcpuId, address: bigint): Promise<Uint8Array> {
    this.forgetOld();
    const key = keyOf(vcpu, address);
    let page = this.pages.get(key);
    if (!page) {
      const space = { kind: 'va', at: vcpu } as const;
      page = this.machine.request('readMemory', { space, address, length: PAGE });
      this.pages.set(key, page);
    }
    return page;
  }

  private forgetOld(): void {
    if (this.asOf !== this.machine.changes || this.pages.size > MAX_PAGES) this.pages.clear();
    this.asOf = this.machine.changes;
  }
}

const keyOf = ({ domain, vcpu }: VcpuId, address: bigint): string => `${domain}/${vcpu}/${address}`;
