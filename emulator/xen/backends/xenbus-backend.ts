// The backend's half of xenbus: follows the frontend's state in xenstore and sets its own, as Linux's
// backends do (drivers/xen/xenbus, drivers/block/xen-blkback/xenbus.c). What a device does when it connects
// is its driver's.

import { type Errno, errnoResult } from '../abi/errno.ts';
import { type XenbusState, xenbusState, xenbusStates } from '../abi/xenbus.ts';
import type { XenstoreClient } from '../xenstore/client.ts';

/** Why a device cannot go on: what its node `error` will say. */
export interface DeviceError {
  readonly errno: Errno;
  readonly message: string;
}

export type Keys = Readonly<Record<string, string>>;

export interface BackendDriver {
  /** Published before InitWait. */
  readonly features: Keys;
  /** The frontend has published what is needed: takes it. An error leaves nothing taken. */
  connect(): DeviceError | undefined;
  /** Published with Connected. */
  readonly properties: Keys;
  /** Whether there is anything to connect to: a drive may be empty. */
  readonly isReady: boolean;
  /** Connected is published: takes what the frontend may have sent before. */
  connected(): void;
  /** Lets go of everything that connect() took; there may be nothing. */
  disconnect(): void;
}

export interface XenbusPaths {
  readonly backend: string;
  readonly frontend: string;
}

export class XenbusBackend {
  readonly paths: XenbusPaths;
  private readonly store: XenstoreClient;
  private readonly driver: BackendDriver;
  private current: XenbusState = 'Initialising';
  /** The toolstack wants the device to go. */
  private isLeaving = false;
  /** It was there and is gone. */
  private removed: (() => void) | undefined;

  constructor(store: XenstoreClient, paths: XenbusPaths, driver: BackendDriver) {
    this.store = store;
    this.paths = paths;
    this.driver = driver;
  }

  get state(): XenbusState {
    return this.current;
  }

  /** The toolstack wrote the device's nodes. `removed` is called when the device has gone. */
  start(removed: () => void): void {
    this.removed = removed;
    this.publish(this.driver.features);
    this.switchTo('InitWait');
    const state = `${this.paths.frontend}/state`;
    this.store.watch(state, this.paths.backend, () =>
      this.frontendChanged(xenbusState(this.store.read(state))),
    );
  }

  /**
   * The toolstack took `online` away and asked for Closing, as libxl does. A frontend that was never there, or that is
   * not waited for, does not keep the device.
   */
  detach(force: boolean): void {
    this.isLeaving = true;
    const frontend = xenbusState(this.store.read(`${this.paths.frontend}/state`));
    const isAbsent = frontend === 'Initialising' || frontend === 'Closed' || frontend === 'Unknown';
    if (!force && !isAbsent) return;
    this.driver.disconnect();
    this.current = 'Closed';
    this.leave();
  }

  /** Changes properties while connected: the frontend reads them again when it sees the state written. */
  announce(keys: Keys): void {
    if (this.current === 'Connected') this.publish({ ...keys, state: String(xenbusStates.Connected) });
  }

  /** The device is gone, and nothing that the frontend writes matters. */
  stop(): void {
    this.removed = undefined;
    this.store.unwatch(`${this.paths.frontend}/state`, this.paths.backend);
  }

  /** A node that the frontend wrote. */
  read(key: string): string | undefined {
    return this.store.read(`${this.paths.frontend}/${key}`);
  }

  /**
   * The device cannot go on: says why where Linux's xenbus_dev_fatal() does, below `error` of domain 0, and
   * closes.
   */
  fail({ errno, message }: DeviceError): void {
    const device = this.paths.backend.slice(CONTROL_HOME.length);
    this.store.write(`${CONTROL_HOME}/error${device}/error`, `${errnoResult(errno)} ${message}`);
    this.driver.disconnect();
    this.switchTo('Closing');
  }

  save(): unknown {
    return { paths: { ...this.paths }, state: this.current, isLeaving: this.isLeaving };
  }

  private frontendChanged(frontend: XenbusState): void {
    switch (frontend) {
      case 'Initialising':
        // A frontend that was closed begins again.
        if (this.current === 'Closed') this.switchTo('InitWait');
        return;
      case 'Initialised':
      case 'Connected':
        if (this.current === 'InitWait' && this.driver.isReady) this.connect();
        return;
      case 'Closing':
        this.driver.disconnect();
        this.switchTo('Closing');
        return;
      case 'Closed':
      case 'Unknown': // Its nodes are gone.
        this.driver.disconnect();
        this.switchTo('Closed');
        if (this.isLeaving) this.leave();
        return;
      case 'InitWait':
      case 'Reconfiguring':
      case 'Reconfigured':
        return;
    }
  }

  private connect(): void {
    const error = this.driver.connect();
    if (error) {
      this.fail(error);
      return;
    }
    // In one transaction, so that who sees Connected sees the rest.
    this.current = 'Connected';
    this.publish({ ...this.driver.properties, state: String(xenbusStates.Connected) });
    this.driver.connected();
  }

  private leave(): void {
    const { removed } = this;
    this.stop();
    removed?.();
  }

  private switchTo(state: XenbusState): void {
    if (this.current === state) return;
    this.current = state;
    this.store.write(`${this.paths.backend}/state`, String(xenbusStates[state]));
  }

  private publish(keys: Keys): void {
    this.store.transaction((transaction) => {
      for (const [key, value] of Object.entries(keys)) {
        this.store.write(`${this.paths.backend}/${key}`, value, transaction);
      }
    });
  }
}

const CONTROL_HOME = '/local/domain/0';
