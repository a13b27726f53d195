// The xenstore nodes of a domain as xl 4.17 leaves them after `xl create` (libxl_create.c,
// libxl_dom.c, libxl_console.c; compared with a listing of the real one).

export interface XenstoreNode {
  readonly path: string;
  readonly value: string;
  /** As SET_PERMS takes them: owner and default first. */
  readonly permissions: readonly string[];
}

export interface DomainNodesOptions {
  readonly domid: number;
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  /** KiB. */
  readonly memory: number;
  readonly maximumMemory: number;
  /** Seconds since 1970, as libxl prints them. */
  readonly startTime: string;
  readonly store: { readonly port: number; readonly gfn: number };
  readonly console: { readonly port: number; readonly gfn: number };
}

/** Nodes of the control domain and of the machine, before any domain is built. */
export function hostNodes(): XenstoreNode[] {
  const nodes = ['/tool', '/tool/xenstored', '/local', '/local/domain'].map((path) => ({ path, value: '' }));
  return [
    ...nodes,
    { path: '/local/domain/0', value: '' },
    { path: '/local/domain/0/domid', value: '0' },
    { path: '/local/domain/0/name', value: 'Domain-0' },
    { path: '/local/pool', value: '' },
    { path: '/local/pool/0', value: '' },
    { path: '/local/pool/0/name', value: 'Pool-0' },
    { path: '/vm', value: '' },
    { path: '/libxl', value: '' },
  ].map((node) => ({ ...node, permissions: ['n0'] }));
}

export function domainNodes(options: DomainNodesOptions): XenstoreNode[] {
  const { domid, name, uuid, vcpus, memory, maximumMemory, startTime, store } = options;
  const home = `/local/domain/${domid}`;
  const vm = `/vm/${uuid}`;
  /** The toolstack's, readable by the guest. */
  const readable = [`n0`, `r${domid}`];
  /** The guest's own. */
  const own = [`n${domid}`];
  /** The guest's own, readable by the backend. */
  const frontend = [`n${domid}`, 'r0'];
  const toolstack = ['n0'];

  const nodes: XenstoreNode[] = [];
  const add = (permissions: readonly string[], path: string, value = '') => nodes.push({ path, value, permissions });

  add(readable, home);
  add(readable, `${home}/vm`, vm);
  add(readable, `${home}/name`, name);
  add(readable, `${home}/cpu`);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    add(readable, `${home}/cpu/${vcpu}`);
    add(readable, `${home}/cpu/${vcpu}/availability`, 'online');
  }
  add(readable, `${home}/memory`);
  add(readable, `${home}/memory/static-max`, `${maximumMemory}`);
  add(readable, `${home}/memory/target`, `${memory}`);
  add(readable, `${home}/memory/videoram`, '0');
  add(readable, `${home}/device`);
  add(readable, `${home}/device/suspend`);
  add(own, `${home}/device/suspend/event-channel`);
  add(readable, `${home}/control`);
  for (const node of ['shutdown', 'feature-poweroff', 'feature-reboot', 'feature-suspend', 'sysrq']) {
    add(own, `${home}/control/${node}`);
  }
  add(readable, `${home}/control/platform-feature-multiprocessor-suspend`, '1');
  add(readable, `${home}/control/platform-feature-xs_reset_watches`, '1');
  for (const node of ['data', 'drivers', 'feature', 'attr', 'error']) add(own, `${home}/${node}`);
  add(readable, `${home}/domid`, `${domid}`);
  add(readable, `${home}/store`);
  add(readable, `${home}/store/port`, `${store.port}`);
  add(readable, `${home}/store/ring-ref`, `${store.gfn}`);

  add(readable, vm);
  add(readable, `${vm}/name`, name);
  add(readable, `${vm}/uuid`, uuid);
  add(readable, `${vm}/start_time`, startTime);

  const backend = `/local/domain/0/backend/console/${domid}/0`;
  add(readable, `${home}/console`);
  add(readable, `${home}/console/backend`, backend);
  add(frontend, `${home}/console/backend-id`, '0');
  add(readable, `${home}/console/limit`, '1048576');
  add(readable, `${home}/console/type`, 'xenconsoled');
  add(readable, `${home}/console/output`, 'pty');
  add(readable, `${home}/console/tty`, '');
  add(readable, `${home}/console/port`, `${options.console.port}`);
  add(readable, `${home}/console/ring-ref`, `${options.console.gfn}`);

  const device = { frontend: `${home}/console`, 'frontend-id': `${domid}`, online: '1', state: '1', protocol: 'vt100' };
  add(toolstack, '/local/domain/0/backend');
  add(toolstack, '/local/domain/0/backend/console');
  add(toolstack, `/local/domain/0/backend/console/${domid}`);
  add(readable, backend);
  for (const [key, value] of Object.entries(device)) add(readable, `${backend}/${key}`, value);

  const libxl = `/libxl/${domid}`;
  for (const path of [libxl, `${libxl}/device`, `${libxl}/device/console`, `${libxl}/device/console/0`]) {
    add(toolstack, path);
  }
  add(toolstack, `${libxl}/device/console/0/frontend`, device.frontend);
  add(toolstack, `${libxl}/device/console/0/backend`, backend);
  for (const [key, value] of Object.entries(device)) {
    if (key !== 'frontend') add(toolstack, `${libxl}/device/console/0/${key}`, value);
  }
  add(toolstack, `${libxl}/type`, 'pvh');
  add(toolstack, `${libxl}/dm-version`, 'qemu_xen');
  return nodes;
}
