// What guests print, as text, for clients that show it and for those that have terminals of their own.

import { HYPERVISOR_CONSOLE } from '../emulator/machine/messages.ts';
import { PlainOutput } from './plain-output.ts';
import type { XenSession } from './session.ts';

/** Of one console: what is left of a character, or of a control sequence, that came in pieces. */
interface Console {
  readonly decoder: TextDecoder;
  readonly plain: PlainOutput;
}

export class GuestOutput {
  private readonly session: XenSession;
  private readonly consoles = new Map<number, Console>();

  constructor(session: XenSession) {
    this.session = session;
  }

  write(domain: number, bytes: Uint8Array): void {
    const { session } = this;
    const { decoder, plain } = this.consoleOf(domain);
    const text = decoder.decode(bytes, { stream: true });
    if (text === '') return;
    const isXen = domain === HYPERVISOR_CONSOLE;
    const info = session.launched?.debuggee.info.domains.find((candidate) => candidate.domain === domain);
    const name = isXen ? 'Xen' : (info?.name ?? '');
    // Our extension shows a terminal instead.
    if (session.client.clientID !== 'vscode') {
      const output = session.client.supportsANSIStyling ? text : plain.write(text);
      if (output !== '') session.tell('output', { category: isXen ? 'console' : 'stdout', output });
    }
    session.tellXen('xen/consoleData', { domain, name, text });
  }

  private consoleOf(domain: number): Console {
    const known = this.consoles.get(domain);
    if (known) return known;
    const console = { decoder: new TextDecoder(), plain: new PlainOutput() };
    this.consoles.set(domain, console);
    return console;
  }
}
