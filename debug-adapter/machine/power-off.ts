// Asks guests to power off, as `xl shutdown` does: by `control/shutdown` in xenstore. A guest that does not watch this
// node will not hear of it, and one that does may take as long as it likes.

import type { MachineClient } from './machine-client.ts';

export class PowerOff {
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Asks those that hear it, and destroys the others. False: nothing was done, since none of them hears it, no time is
   * given, or they have been asked before. `onTimeout` is called when they are not gone after so many milliseconds.
   */
  async ask(
    client: MachineClient,
    domains: readonly number[],
    timeout: number,
    onTimeout: () => void,
  ): Promise<boolean> {
    if (this.timer !== undefined || timeout <= 0) {
      this.end();
      return false;
    }
    // A second request counts from now on.
    this.timer = setTimeout(() => {
      this.timer = undefined;
      onTimeout();
    }, timeout);
    const hearing = new Set<number>();
    for (const domain of domains) if (await hears(client, domain)) hearing.add(domain);
    if (hearing.size === 0) {
      this.end();
      return false;
    }
    for (const domain of domains) {
      const action = hearing.has(domain)
        ? ({ kind: 'shutdown', domain, reason: 'poweroff' } as const)
        : ({ kind: 'destroy', domain } as const);
      // One that is paused cannot hear it after all: that is what the time is for.
      await client.request('act', { action }).catch(() => {});
    }
    return true;
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

async function hears(client: MachineClient, domain: number): Promise<boolean> {
  const path = `/local/domain/${domain}/control/shutdown`;
  const args = { path, depth: 0 };
  try {
    const { view } = await client.request('inspect', { name: 'xenstore', args });
    const { nodes } = view as { nodes: readonly { watches: readonly { domain: number }[] }[] };
    return nodes[0]?.watches.some((watch) => watch.domain === domain) ?? false;
  } catch {
    // Guests may remove their nodes.
    return false;
  }
}
