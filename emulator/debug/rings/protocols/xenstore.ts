// The xenstore wire protocol. Xen public header io/xs_wire.h, struct xenstore_domain_interface and
// struct xsd_sockmsg; payloads: docs/misc/xenstore.txt.

import { HVM_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_PFN } from '../../../xen/abi/hvm-params.ts';
import {
  XENSTORE_PAYLOAD_MAX,
  XENSTORE_RING_SIZE,
  XS,
  XS_REQ_CONS_OFFSET,
  XS_REQ_OFFSET,
  XS_REQ_PROD_OFFSET,
  XS_RSP_CONS_OFFSET,
  XS_RSP_OFFSET,
  XS_RSP_PROD_OFFSET,
  xsdSockmsg,
} from '../../../xen/abi/xs-wire.ts';
import type { DecodedMessage, HeaderFraming, PayloadField, RingProtocol } from '../protocol.ts';

const TYPES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(XS).map(([name, type]) => [type, name]),
);
const { offsets } = xsdSockmsg;

const framing: Omit<HeaderFraming, 'payload'> = {
  kind: 'header',
  headerSize: xsdSockmsg.size,
  length: (header) => xsdSockmsg.size + header.getUint32(offsets.len, true),
  longest: xsdSockmsg.size + XENSTORE_PAYLOAD_MAX,
  id: 'req_id',
  isUnsolicited: (header) => header.getUint32(offsets.type, true) === XS.WATCH_EVENT,
  layout: {
    name: 'message',
    fields: [
      { name: 'type', offset: offsets.type, size: 4, words: TYPES },
      { name: 'req_id', offset: offsets.req_id, size: 4, is: 'identifier' },
      { name: 'tx_id', offset: offsets.tx_id, size: 4, is: 'identifier' },
      { name: 'len', offset: offsets.len, size: 4, is: 'bytes' },
    ],
    summary: (message) => message.word('type'),
  },
};

/** Names of the texts of a request, which are separated by zeros. The last is what is left. */
const REQUEST_TEXTS: Readonly<Record<number, readonly string[]>> = {
  [XS.DIRECTORY]: ['path'],
  [XS.READ]: ['path'],
  [XS.GET_PERMS]: ['path'],
  [XS.WATCH]: ['path', 'token'],
  [XS.UNWATCH]: ['path', 'token'],
  [XS.TRANSACTION_END]: ['commit'],
  [XS.INTRODUCE]: ['domid', 'gfn', 'port'],
  [XS.RELEASE]: ['domid'],
  [XS.GET_DOMAIN_PATH]: ['domid'],
  [XS.WRITE]: ['path', 'value'],
  [XS.MKDIR]: ['path'],
  [XS.RM]: ['path'],
  [XS.SET_PERMS]: ['path', 'permissions'],
  [XS.IS_DOMAIN_INTRODUCED]: ['domid'],
  [XS.RESUME]: ['domid'],
  [XS.SET_TARGET]: ['domid', 'target'],
  [XS.DIRECTORY_PART]: ['path', 'offset'],
};
const REPLY_TEXTS: Readonly<Record<number, readonly string[]>> = {
  [XS.WATCH_EVENT]: ['path', 'token'],
  [XS.ERROR]: ['error'],
  [XS.TRANSACTION_START]: ['transaction'],
  [XS.READ]: ['value'],
  [XS.DIRECTORY]: ['children'],
  [XS.GET_PERMS]: ['permissions'],
};

const payload =
  (texts: Readonly<Record<number, readonly string[]>>) =>
  (message: DecodedMessage, bytes: Uint8Array): readonly PayloadField[] => {
    if (bytes.length === 0) return [];
    const names = texts[Number(message.value('type'))] ?? ['payload'];
    const parts = latin1(bytes).replace(/\0$/, '').split('\0');
    return names.flatMap((name, index) => {
      const isLast = index === names.length - 1;
      if (index >= parts.length) return [];
      return [{ name, value: isLast ? parts.slice(index).join(' ') : (parts[index] ?? '') }];
    });
  };

/** Each byte is a character. */
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

export const xenstoreProtocols: readonly RingProtocol[] = [
  {
    name: 'xenstore',
    doc: 'Requests to xenstore and their replies, in struct xenstore_domain_interface of io/xs_wire.h.',
    shape: 'bytes',
    streams: [
      {
        name: 'req',
        from: 'frontend',
        consumer: XS_REQ_CONS_OFFSET,
        producer: XS_REQ_PROD_OFFSET,
        offset: XS_REQ_OFFSET,
        size: XENSTORE_RING_SIZE,
        framing: { ...framing, payload: payload(REQUEST_TEXTS) },
      },
      {
        name: 'rsp',
        from: 'backend',
        consumer: XS_RSP_CONS_OFFSET,
        producer: XS_RSP_PROD_OFFSET,
        offset: XS_RSP_OFFSET,
        size: XENSTORE_RING_SIZE,
        framing: { ...framing, payload: payload(REPLY_TEXTS) },
      },
    ],
    source: {
      kind: 'domain page',
      name: 'xenstore',
      pageParameter: HVM_PARAM_STORE_PFN,
      portParameter: HVM_PARAM_STORE_EVTCHN,
      grantReference: 1,
    },
  },
];
