// Asks guests to power off, as `xl shutdown` does: by `control/shutdown` in xenstore. A guest that does not watch this
// node will not hear of it, and one that does may take as long as it likes.

import type { MachineClient } from './machine-client.ts';

export class PowerOff {
  private timer: ReturnType<typeof setTimeout> | undefined;

  get isUnderWay(): boolean {
    return this.timer !== undefined;
  }

  /**
   * Asks those that hear it, and destroys the others. False: none of them hears it, and nothing was done.
   * `onTimeout` is called when they are not gone after so many milliseconds.
   */
  async ask(
    client: MachineClient,
    domains: readonly number[],
    timeout: number,
    onTimeout: () => void,
  ): Promise<boolean> {
    this.end();
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
      await client.request('act', {
        action: hearing.has(domain)
          ? { kind: 'shutdown', domain, reason: 'poweroff' }
          : { kind: 'destroy', domain },
      });
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
