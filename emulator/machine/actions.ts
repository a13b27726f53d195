// What a debugger changes through the hypervisor: it acts as the toolstack in domain 0 would, as the sender of an event, or
// as the guest that masks its ports. Everything is checked before anything changes.

import { UserError } from '../base/errors.ts';
import { isDiskRefusal, parseDiskSpec, virtualDeviceNumber } from '../formats/disk-spec.ts';
import { XENSTORE_PAYLOAD_MAX } from '../xen/abi/xs-wire.ts';
import type { HostedDomain } from '../xen/hypervisor/hosted-domain.ts';
import type { Hypervisor } from '../xen/hypervisor.ts';
import type { ControlDomain } from '../xen/toolstack/control-domain.ts';
import { isValidPath } from '../xen/xenstore/paths.ts';
import type { DomainLifeCycle } from './domain-life-cycle.ts';
import type { Action } from './messages.ts';

/** Throws a UserError, before anything has changed, for an action that cannot be. */
export function act(
  hypervisor: Hypervisor,
  control: ControlDomain,
  lifeCycle: DomainLifeCycle,
  action: Action,
): void {
  checkShape(action);
  switch (action.kind) {
    case 'pause':
      return pause(hypervisor, action.domain);
    case 'unpause':
      return unpause(hypervisor, action.domain);
    case 'destroy':
      return destroy(hypervisor, control, lifeCycle, action.domain);
    case 'create':
      return lifeCycle.create(action.name);
    case 'vcpu-off':
      return turnOff(hypervisor, action.domain, action.vcpu);
    case 'shutdown':
      return shutdown(hypervisor, control, action.domain, action.reason);
    case 'send-event':
      return sendEvent(hypervisor, action.domain, action.port);
    case 'mask-event':
      return maskEvent(hypervisor, action.domain, action.port, action.masked);
    case 'write-xenstore':
      return writeXenstore(control, action.path, action.value);
    case 'remove-xenstore':
      return removeXenstore(control, action.path);
    case 'block-attach':
      return attachDisk(hypervisor, control, action.domain, action.disk);
    case 'block-detach':
      living(hypervisor, action.domain);
      return control.detach(action.domain, 'vbd', deviceOf(action.device), action.force);
    case 'block-resize':
      return resizeDisk(hypervisor, control, action);
  }
}

/** What each action carries beside its kind. A client of the adapter may send anything. */
const MEMBERS: Readonly<Record<Action['kind'], Readonly<Record<string, 'number' | 'string' | 'boolean'>>>> = {
  pause: { domain: 'number' },
  unpause: { domain: 'number' },
  destroy: { domain: 'number' },
  create: { name: 'string' },
  'vcpu-off': { domain: 'number', vcpu: 'number' },
  shutdown: { domain: 'number', reason: 'string' },
  'send-event': { domain: 'number', port: 'number' },
  'mask-event': { domain: 'number', port: 'number', masked: 'boolean' },
  'write-xenstore': { path: 'string', value: 'string' },
  'remove-xenstore': { path: 'string' },
  'block-attach': { domain: 'number', disk: 'string' },
  'block-detach': { domain: 'number', device: 'string', force: 'boolean' },
  'block-resize': { domain: 'number', device: 'string', size: 'number' },
};

function checkShape(action: Action): void {
  const kind = (action as { kind?: unknown } | null | undefined)?.kind;
  const members = typeof kind === 'string' && Object.hasOwn(MEMBERS, kind) ? MEMBERS[action.kind] : undefined;
  if (!members) {
    throw new UserError(`'${String(kind)}' is no action`, `There is: ${Object.keys(MEMBERS).join(', ')}.`);
  }
  for (const [name, type] of Object.entries(members)) {
    const value = (action as unknown as Record<string, unknown>)[name];
    if (typeof value === type) continue;
    throw new UserError(`'${name}' of the action '${action.kind}' is not a ${type}`, 'Give one.');
  }
}

// ---------------------------------------------------------------- domains

function pause(hypervisor: Hypervisor, domid: number): void {
  const domain = living(hypervisor, domid);
  if (isPaused(domain)) {
    throw new UserError(`domain ${domid} is paused already`, 'Unpause it to let it go on.');
  }
  hypervisor.scheduler.pauseDomain(domain);
}

function unpause(hypervisor: Hypervisor, domid: number): void {
  const domain = living(hypervisor, domid);
  if (!isPaused(domain)) throw new UserError(`domain ${domid} is not paused`, 'There is nothing to do.');
  hypervisor.scheduler.unpauseDomain(domain);
}

function destroy(
  hypervisor: Hypervisor,
  control: ControlDomain,
  lifeCycle: DomainLifeCycle,
  domid: number,
): void {
  destroyDomain(hypervisor, control, hosted(hypervisor, domid));
  lifeCycle.destroyed(domid);
}

/** As xl destroy. */
export function destroyDomain(hypervisor: Hypervisor, control: ControlDomain, domain: HostedDomain): void {
  hypervisor.scheduler.pauseDomain(domain);
  control.domainDestroyed(domain.id, uuidOf(domain));
  hypervisor.destroyDomain(domain.id);
}

function turnOff(hypervisor: Hypervisor, domid: number, number: number): void {
  const domain = living(hypervisor, domid);
  const vcpu = domain.vcpus[number];
  if (!vcpu) throw new UserError(`domain ${domid} has no vCPU ${number}`, 'Ask for the list of vCPUs.');
  if (vcpu.down) throw new UserError(`vCPU ${number} of domain ${domid} is off`, 'There is nothing to do.');
  hypervisor.scheduler.goDown(domain, vcpu);
}

/** As `xl shutdown`: the guest is asked to, and does it when it likes. */
function shutdown(hypervisor: Hypervisor, control: ControlDomain, domid: number, reason: string): void {
  const domain = living(hypervisor, domid);
  if (isPaused(domain)) {
    throw new UserError(`domain ${domid} is paused and cannot hear of it`, 'Unpause it first.');
  }
  if (!REASONS.includes(reason)) {
    throw new UserError(`'${reason}' is no way to shut down`, `There is: ${REASONS.join(', ')}.`);
  }
  must(control.client.write(`/local/domain/${domid}/control/shutdown`, reason), 'control/shutdown');
}

const REASONS: readonly string[] = ['poweroff', 'reboot', 'halt'];

/** With guest code; domain 0 has none here. */
function hosted(hypervisor: Hypervisor, domid: number): HostedDomain {
  const domain = hypervisor.domain(domid);
  if (domain && hypervisor.domains.find(domid)) return domain;
  throw new UserError(
    domid === 0 ? 'domain 0 is the embedded toolstack, and not a guest' : `there is no domain ${domid}`,
    'Name a domain with a guest in it.',
  );
}

/** One that was not shut down. */
function living(hypervisor: Hypervisor, domid: number): HostedDomain {
  const domain = hosted(hypervisor, domid);
  if (!domain.domain.shutDown) return domain;
  throw new UserError(`domain ${domid} was shut down`, 'It can be looked at, or destroyed.');
}

const isPaused = ({ vcpus }: HostedDomain): boolean => vcpus.every(({ paused }) => paused);

function uuidOf({ domain }: HostedDomain): string {
  const digits = [...domain.handle].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [0, 8, 12, 16, 20].map((at, index, all) => digits.slice(at, all[index + 1])).join('-');
}

// ---------------------------------------------------------------- event channels

function sendEvent(hypervisor: Hypervisor, domid: number, port: number): void {
  const domain = hypervisor.domains.find(domid);
  if (!domain) throw new UserError(`there is no domain ${domid}`, 'Name a domain that is there.');
  if (domain.eventChannels.raiseAsPeer(port)) return;
  throw new UserError(
    `nobody can send an event to port ${port} of domain ${domid}`,
    'Choose a port that is bound: to another domain, to a VIRQ, or for IPIs.',
  );
}

function maskEvent(hypervisor: Hypervisor, domid: number, port: number, masked: boolean): void {
  const { domain } = hosted(hypervisor, domid);
  const { eventChannels } = domain;
  const found = eventChannels.list().find((one) => one.port === port);
  if (!found || found.xenAttached) {
    throw new UserError(
      `port ${port} of domain ${domid} cannot be masked`,
      "Choose a port that is in use and the guest's own.",
    );
  }
  if (masked) {
    if (eventChannels.mask(port)) return;
    throw new UserError(
      `port ${port} of domain ${domid} has no event word yet`,
      'Wait until the guest has set up its event channels.',
    );
  }
  eventChannels.unmask(port);
}

// ---------------------------------------------------------------- disks

function attachDisk(hypervisor: Hypervisor, control: ControlDomain, domid: number, text: string): void {
  const { domain } = living(hypervisor, domid);
  const disk = parseDiskSpec(text);
  if (isDiskRefusal(disk)) throw new UserError(disk.message, disk.hint);
  if (control.device(domid, 'vbd', deviceOf(disk.vdev))) {
    throw new UserError(`domain ${domid} has a disk '${disk.vdev}'`, 'Give the new one another vdev.');
  }
  control.attach(domain, 'vbd', { disk });
}

function resizeDisk(
  hypervisor: Hypervisor,
  control: ControlDomain,
  { domain, device, size }: Extract<Action, { kind: 'block-resize' }>,
): void {
  living(hypervisor, domain);
  const disk = control.device(domain, 'vbd', deviceOf(device));
  if (!disk?.resize) throw new UserError(`domain ${domain} has no disk '${device}'`, 'Name one that it has.');
  if (!Number.isSafeInteger(size) || size <= 0 || size % 4096 !== 0) {
    throw new UserError(`${size} bytes are no size of a disk`, 'Give a multiple of 4096.');
  }
  disk.resize(size);
}

function deviceOf(vdev: string): number {
  const device = virtualDeviceNumber(vdev);
  if (device !== undefined) return device;
  throw new UserError(`'${vdev.slice(0, 60)}' is not a virtual disk`, 'Name it as xvda, xvdb, xvda1.');
}

// ---------------------------------------------------------------- xenstore

function writeXenstore(control: ControlDomain, path: string, value: string): void {
  checkPath(path);
  const length = path.length + 1 + new TextEncoder().encode(value).length;
  if (length > XENSTORE_PAYLOAD_MAX) {
    throw new UserError(
      `path and value are ${length} bytes long`,
      `xenstore takes ${XENSTORE_PAYLOAD_MAX} bytes in one request.`,
    );
  }
  must(control.client.write(path, value), path);
}

function removeXenstore(control: ControlDomain, path: string): void {
  checkPath(path);
  if (path === '/') throw new UserError('the root of xenstore cannot be removed', 'Name a node below it.');
  if (!control.xenstore.store.read(path)) {
    throw new UserError(`there is no node '${path}' in xenstore`, 'Name a node that is there.');
  }
  must(control.client.remove(path), path);
}

function checkPath(path: string): void {
  if (isValidPath(path)) return;
  throw new UserError(
    `'${path.slice(0, 200)}' is not a path of xenstore`,
    'A path begins with /, and has letters, digits, and - / _ @ in it.',
  );
}

/** xenstore refuses as a whole: nothing has changed then. */
function must(error: string | undefined, path: string): void {
  if (error !== undefined)
    throw new UserError(`xenstore refused '${path}': ${error}`, 'Nothing was changed.');
}
