// The PV console: text in both directions. Xen public header io/console.h, struct xencons_interface.

import {
  XENCONS_IN_CONS_OFFSET,
  XENCONS_IN_OFFSET,
  XENCONS_IN_PROD_OFFSET,
  XENCONS_IN_SIZE,
  XENCONS_OUT_CONS_OFFSET,
  XENCONS_OUT_OFFSET,
  XENCONS_OUT_PROD_OFFSET,
  XENCONS_OUT_SIZE,
} from '../../../xen/abi/console-ring.ts';
import { HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN } from '../../../xen/abi/hvm-params.ts';
import type { RingProtocol, StreamProtocol } from '../protocol.ts';

const LINES = { kind: 'lines', longest: 256 } as const;

const streams: StreamProtocol['streams'] = [
  {
    name: 'out',
    from: 'frontend',
    consumer: XENCONS_OUT_CONS_OFFSET,
    producer: XENCONS_OUT_PROD_OFFSET,
    offset: XENCONS_OUT_OFFSET,
    size: XENCONS_OUT_SIZE,
    framing: LINES,
  },
  {
    name: 'in',
    from: 'backend',
    consumer: XENCONS_IN_CONS_OFFSET,
    producer: XENCONS_IN_PROD_OFFSET,
    offset: XENCONS_IN_OFFSET,
    size: XENCONS_IN_SIZE,
    framing: LINES,
  },
];

export const consoleProtocols: readonly RingProtocol[] = [
  {
    name: 'console',
    doc: 'Text of the first console, in struct xencons_interface of io/console.h.',
    shape: 'bytes',
    streams,
    source: {
      kind: 'domain page',
      name: 'console',
      pageParameter: HVM_PARAM_CONSOLE_PFN,
      portParameter: HVM_PARAM_CONSOLE_EVTCHN,
      grantReference: 0,
      directory: 'console',
    },
  },
  {
    name: 'further console',
    doc: 'Text of a console that is a device, in struct xencons_interface of io/console.h.',
    shape: 'bytes',
    streams,
    source: { kind: 'device', type: 'console', reference: 'ring-ref', channels: ['port'] },
  },
];
