// The nodes that libxl 4.17 writes for a domain, in its order and with its permissions, as
// `xenstored -T` shows them. Disks and network interfaces add their own.

import { invariant } from '../../base/errors.ts';
import type { XenstoreClient } from './client.ts';

export interface DomainNodes {
  readonly domid: number;
  readonly name: string;
  /** With its hyphens. */
  readonly uuid: string;
  /** KiB. */
  readonly maximumMemory: number;
  readonly targetMemory: number;
  /** For each vCPU whether it is there from the start. */
  readonly vcpusOnline: readonly boolean[];
  readonly store: { readonly port: number; readonly gfn: number };
  /** Seconds since 1970 with two decimals, as xl writes it. */
  readonly startTime: string;
}

export interface ConsoleNodes {
  readonly domid: number;
  readonly port: number;
  readonly gfn: number;
}

/** What stands there before any domain: the control domain itself and the CPU pool. */
export function writeControlDomainNodes(client: XenstoreClient): void {
  put(client, '/local/domain/0/domid', '0');
  put(client, '/local/domain/0/name', 'Domain-0');
  put(client, '/local/pool/0/name', 'Pool-0');
}

export function writeDomainNodes(client: XenstoreClient, nodes: DomainNodes): void {
  const { domid, name, uuid } = nodes;
  const home = `/local/domain/${domid}`;
  const readable = `n0,r${domid}`;
  const owned = `n${domid}`;
  const inTransaction = (body: (transaction: number) => void) => {
    invariant(client.transaction(body) === undefined, 'the toolstack may write the nodes of a domain');
  };

  inTransaction((t) => {
    const make = (path: string, permissions: string) => put(client, path, '', t, permissions);
    make(home, readable);
    make(`/vm/${uuid}`, readable);
    make(`/libxl/${domid}`, 'n0');
    make(`/libxl/${domid}/device`, 'n0');
    put(client, `${home}/vm`, `/vm/${uuid}`, t);
    put(client, `${home}/name`, name, t);
    put(client, `/vm/${uuid}/name`, name, t);
    for (const directory of ['cpu', 'memory', 'device']) make(`${home}/${directory}`, readable);
    make(`${home}/device/suspend/event-channel`, owned);
    make(`${home}/control`, readable);
    for (const node of ['shutdown', 'feature-poweroff', 'feature-reboot', 'feature-suspend', 'sysrq']) {
      make(`${home}/control/${node}`, owned);
    }
    for (const node of ['data', 'drivers', 'feature', 'attr', 'error']) make(`${home}/${node}`, owned);
    put(client, `/vm/${uuid}/uuid`, uuid, t);
    put(client, `${home}/control/platform-feature-multiprocessor-suspend`, '1', t);
    put(client, `${home}/control/platform-feature-xs_reset_watches`, '1', t);
    put(client, `/libxl/${domid}/type`, 'pvh', t);
  });
  put(client, `/libxl/${domid}/dm-version`, 'qemu_xen');
  inTransaction((t) => {
    put(client, `${home}/memory/static-max`, `${nodes.maximumMemory}`, t);
    put(client, `${home}/memory/target`, `${nodes.targetMemory}`, t);
    put(client, `${home}/memory/videoram`, '0', t);
    put(client, `${home}/domid`, `${domid}`, t);
    put(client, `${home}/store/port`, `${nodes.store.port}`, t);
    put(client, `${home}/store/ring-ref`, `${nodes.store.gfn}`, t);
    for (const [vcpu, online] of nodes.vcpusOnline.entries()) {
      put(client, `${home}/cpu/${vcpu}/availability`, online ? 'online' : 'offline', t);
    }
    put(client, `/vm/${uuid}/start_time`, nodes.startTime, t);
  });
}

/** Console 0, whose ring the toolstack made; it has no state machine. After the introduction. */
export function writeConsoleNodes(client: XenstoreClient, { domid, port, gfn }: ConsoleNodes): void {
  const frontend = `/local/domain/${domid}/console`;
  const backend = `/local/domain/0/backend/console/${domid}/0`;
  const record = `/libxl/${domid}/device/console/0`;
  const readable = `n0,r${domid}`;
  const written = client.transaction((t) => {
    put(client, `${record}/frontend`, frontend, t);
    put(client, `${record}/backend`, backend, t);
    put(client, frontend, '', t, readable);
    put(client, `${frontend}/backend`, backend, t);
    put(client, `${frontend}/backend-id`, '0', t, `n${domid},r0`);
    const rows = {
      limit: '1048576',
      type: 'xenconsoled',
      output: 'pty',
      tty: '',
      port: `${port}`,
      'ring-ref': `${gfn}`,
    };
    for (const [node, value] of Object.entries(rows)) put(client, `${frontend}/${node}`, value, t, readable);
    put(client, backend, '', t, readable);
    const state = { 'frontend-id': `${domid}`, online: '1', state: '1', protocol: 'vt100' };
    put(client, `${backend}/frontend`, frontend, t);
    for (const [node, value] of Object.entries(state)) put(client, `${backend}/${node}`, value, t);
    for (const [node, value] of Object.entries(state)) put(client, `${record}/${node}`, value, t);
  });
  invariant(written === undefined, 'the toolstack may write the nodes of a console');
}

/** The domain is gone: what libxl removes. */
export function removeDomainNodes(client: XenstoreClient, domid: number, uuid: string): void {
  for (const path of [
    `/local/domain/0/backend/console/${domid}`,
    `/local/domain/${domid}`,
    `/vm/${uuid}`,
    `/libxl/${domid}`,
  ]) {
    client.remove(path);
  }
}

function put(
  client: XenstoreClient,
  path: string,
  value: string,
  transaction = 0,
  permissions?: string,
): void {
  const failed =
    client.write(path, value, transaction) ??
    (permissions === undefined ? undefined : client.setPermissions(path, permissions, transaction));
  invariant(failed === undefined, `the toolstack may write ${path}`);
}
