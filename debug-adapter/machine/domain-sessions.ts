// Who must be there before a machine begins: sessions that still configure, and those that the launcher's client was
// asked to start for domains of their own. A client may refuse, or agree and do nothing.

import { nameOfDomain } from '../memory-reference.ts';
import type { XenSession } from '../session.ts';

interface Events {
  /** Nobody comes to show this domain. */
  refused(domain: number): Promise<void>;
  /** There is nobody left to wait for. */
  ready(): void;
}

export class DomainSessions {
  private readonly events: Events;
  /** Milliseconds that a client has to start a session. */
  private readonly patience: number;
  private readonly configuring = new Set<XenSession>();
  /** Domains whose session is yet to come. */
  private readonly expected = new Map<number, ReturnType<typeof setTimeout> | undefined>();
  /** Domains that a session of their own shows, or will. */
  private readonly apart = new Set<number>();

  constructor(patience: number, events: Events) {
    this.patience = patience;
    this.events = events;
  }

  /** A session that configures is waited for. */
  wait(session: XenSession): void {
    this.configuring.add(session);
  }

  /** The domain is to have a session of its own. */
  expect(domain: number): void {
    this.apart.add(domain);
    this.expected.set(domain, undefined);
  }

  isApart(domain: number): boolean {
    return this.apart.has(domain);
  }

  /** Asks the client of the launcher for those that are expected. */
  ask(launcher: XenSession, machine: string, domains: readonly { domain: number; name: string }[]): void {
    for (const { domain, name } of domains) {
      if (!this.expected.has(domain)) continue;
      const configuration = {
        type: 'xen',
        name: `${nameOfDomain(domain)} ${name}`,
        __machine: machine,
        domain,
      };
      const refused = (): void => {
        if (!this.expected.has(domain)) return;
        this.forget(domain);
        this.apart.delete(domain);
        this.events.refused(domain).then(
          () => this.check(),
          (error: unknown) => launcher.host.log('error', String(error)),
        );
      };
      this.expected.set(domain, setTimeout(refused, this.patience));
      const args = { request: 'attach', configuration, outputPresentation: 'mergeWithParent' };
      launcher.ask('startDebugging', args).then(
        ({ success }) => (success ? undefined : refused()),
        (error: unknown) => launcher.host.log('error', String(error)),
      );
    }
  }

  /** The session of a domain is there, in time or not. */
  arrived(domain: number): void {
    this.apart.add(domain);
    this.forget(domain);
  }

  /** A session has configured, or is gone. */
  done(session: XenSession): void {
    this.configuring.delete(session);
    this.check();
  }

  /** The machine is gone. */
  end(): void {
    for (const domain of [...this.expected.keys()]) this.forget(domain);
    this.configuring.clear();
  }

  private check(): void {
    if (this.configuring.size === 0 && this.expected.size === 0) this.events.ready();
  }

  private forget(domain: number): void {
    clearTimeout(this.expected.get(domain));
    this.expected.delete(domain);
  }
}
