// What a backend in domain 0 does to the domain of its frontend: it maps granted pages and binds event
// channels, with domain 0's rights and no others.

import type { Errno } from '../abi/errno.ts';
import type { GrantStatus } from '../abi/grant-table.ts';
import type { Domain } from '../domain.ts';
import type { Page } from '../page.ts';

export interface GrantMapping {
  readonly reference: number;
  readonly page: Page;
  unmap(): void;
}

export interface BoundChannel {
  /** Domain 0's port. */
  readonly port: number;
  readonly remotePort: number;
  notify(): void;
  close(): void;
}

export class FrontendDomain {
  readonly domid: number;
  private readonly backend: Domain;
  private readonly frontend: Domain;

  constructor(backend: Domain, frontend: Domain) {
    this.domid = frontend.id;
    this.backend = backend;
    this.frontend = frontend;
  }

  map(reference: number, readonly: boolean): GrantMapping | GrantStatus {
    const { grantTable } = this.frontend;
    const grant = grantTable.pin(reference, this.backend.id, readonly, 'map');
    if (typeof grant === 'string') return grant;
    const page = this.frontend.machinePage(grant.mfn);
    return { reference, page, unmap: () => grantTable.unpin(reference, readonly) };
  }

  /** `onEvent` is called whenever the frontend rings. */
  bind(remotePort: number, onEvent: () => void): BoundChannel | Errno {
    const { eventChannels } = this.backend;
    const bound = eventChannels.bindInterdomain(this.frontend.eventChannels, remotePort, () => undefined);
    if (typeof bound === 'string') return bound;
    const { port } = bound;
    eventChannels.serve(port, onEvent);
    return {
      port,
      remotePort,
      notify: () => void eventChannels.send(port),
      close: () => void eventChannels.close(port),
    };
  }
}
