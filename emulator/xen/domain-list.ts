// The domains of a machine, by domid.

import { invariant } from '../base/errors.ts';
import { DOMID_FIRST_RESERVED } from './abi/domid.ts';
import { Domain, type DomainConfig } from './domain.ts';
import type { DomainMemory, XenSockets } from './sockets.ts';

export class DomainList {
  private readonly domains = new Map<number, Domain>();
  private readonly sockets: XenSockets;

  constructor(sockets: XenSockets) {
    this.sockets = sockets;
  }

  create(config: DomainConfig, memory: DomainMemory): Domain {
    invariant(config.id >= 0 && config.id < DOMID_FIRST_RESERVED, 'a domid is below the reserved ones');
    invariant(!this.domains.has(config.id), `domain ${config.id} does not exist yet`);
    const domain = new Domain(config, memory, this.sockets, (domid) => this.find(domid));
    this.domains.set(config.id, domain);
    return domain;
  }

  find(domid: number): Domain | undefined {
    return this.domains.get(domid);
  }

  /** The domain ends, and its number names nobody any more. */
  destroy(domid: number): void {
    this.domains.get(domid)?.destroy((other) => this.find(other));
    this.domains.delete(domid);
  }

  /** By domid. */
  all(): Domain[] {
    return [...this.domains.values()].sort((a, b) => a.id - b.id);
  }

  save(): unknown {
    return this.all().map((domain) => domain.save());
  }
}
