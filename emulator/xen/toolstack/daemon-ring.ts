// A ring between a domain and a daemon in domain 0 that the toolstack made, before the guest runs: a granted page of the
// domain, and an event channel.

import { invariant } from '../../base/errors.ts';
import type { Domain } from '../domain.ts';
import type { DaemonRingView } from '../hypervisor/view.ts';
import type { Page } from '../page.ts';

/** A granted page of a domain, and the domain's event channel that goes with it. */
export interface SharedRing {
  readonly grantReference: number;
  /** The guest's port. */
  readonly port: number;
}

export interface DaemonRing {
  readonly page: Page;
  readonly ids: Omit<DaemonRingView, 'waiting'>;
  notify(): void;
  onEvent(handler: () => void): void;
  close(): void;
}

/** Maps the granted page and binds an event channel of domain 0 to the guest's. */
export function connectRing(
  control: Domain,
  domain: Domain,
  { grantReference, port }: SharedRing,
  use: DaemonRingView['use'],
): DaemonRing {
  const grant = domain.grantTable.pin(grantReference, control.id, false, 'map');
  invariant(typeof grant === 'object', 'the toolstack granted the page before');
  const bound = control.eventChannels.bindInterdomain(domain.eventChannels, port, () => undefined);
  invariant(typeof bound !== 'string', 'the toolstack allocated the port before');
  return {
    page: domain.machinePage(grant.mfn),
    ids: {
      domid: domain.id,
      use,
      reference: grantReference,
      mfn: grant.mfn,
      guestPort: port,
      port: bound.port,
    },
    notify: () => void control.eventChannels.send(bound.port),
    onEvent: (handler) => control.eventChannels.serve(bound.port, handler),
    close: () => {
      control.eventChannels.close(bound.port);
      domain.grantTable.unpin(grantReference, false);
    },
  };
}
