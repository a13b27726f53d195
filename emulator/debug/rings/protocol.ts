// How a ring protocol is declared: where its rings are found, what stands in their pages, and what a message
// says. Everything about a protocol is one file in protocols/, made of these types; finding, decoding, recording,
// drawing and explaining follow from it.

export type RingProtocol = SlotProtocol | StreamProtocol;

interface AnyProtocol {
  /** `block`, `network tx`. */
  readonly name: string;
  /** One sentence, with the header that defines it. */
  readonly doc: string;
  readonly source: RingSource;
}

/** Requests and responses in the slots of one ring, by Xen's public header io/ring.h. */
export interface SlotProtocol extends AnyProtocol {
  readonly shape: 'slots';
  /** Bytes of the union of request and response. */
  readonly slotSize: number;
  readonly request: SlotMessage;
  readonly response: SlotMessage;
  /** Requests are empty buffers: that they wait is as it should be. */
  readonly offersBuffers?: true;
}

export interface SlotMessage {
  /** The field by which a response names its request. */
  readonly id: string;
  /** `previous` is the message in the slot before, for protocols whose messages take several slots. */
  layoutOf(message: DataView, previous: DataView | undefined): MessageLayout;
}

/** Bytes in both directions, each with a producer and a consumer index in the shared page. */
export interface StreamProtocol extends AnyProtocol {
  readonly shape: 'bytes';
  readonly streams: readonly [StreamLayout, StreamLayout];
  /** The bytes lie in pages of their own, whose grant references stand in the first one. */
  readonly data?: DataPages;
}

export interface StreamLayout {
  /** As the header names it: `in`, `req`. */
  readonly name: string;
  readonly from: Side;
  /** Of the indices in the first page. */
  readonly consumer: number;
  readonly producer: number;
  /** Of the bytes, in the first page or, with `data`, in halves of the data pages. */
  readonly offset: number;
  readonly size: number;
  readonly framing: Framing;
}

/** XEN_FLEX_RING: 2^order pages, one half for each direction. */
export interface DataPages {
  readonly order: number;
  readonly references: number;
  readonly maximumOrder: number;
}

export type Framing = LineFraming | HeaderFraming;

/** No messages, only text: what is shown is lines. */
export interface LineFraming {
  readonly kind: 'lines';
  readonly longest: number;
}

export interface HeaderFraming {
  readonly kind: 'header';
  readonly headerSize: number;
  /** Of the whole message. */
  length(header: DataView): number;
  /** A message that says it is longer is no message. */
  readonly longest: number;
  readonly layout: MessageLayout;
  /** The field by which a response names its request. */
  readonly id: string;
  /** Messages of this stream that answer nothing. */
  isUnsolicited?(header: DataView): boolean;
  /** What stands behind the header. */
  payload?(message: DecodedMessage, bytes: Uint8Array): readonly PayloadField[];
}

export interface PayloadField {
  readonly name: string;
  readonly value: string;
}

export type Side = 'frontend' | 'backend';

// ---------------------------------------------------------------- messages

export interface MessageLayout {
  /** `request`, `indirect request`. */
  readonly name: string;
  readonly fields: readonly FieldLayout[];
  readonly lists?: readonly ListLayout[];
  /** The message in a few words. */
  summary(message: DecodedMessage): string;
}

export interface FieldLayout {
  /** As the public header names it. */
  readonly name: string;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly signed?: true;
  /** A word for each value. */
  readonly words?: Readonly<Record<number, string>>;
  /** A word for each bit, by its number. */
  readonly bits?: Readonly<Record<number, string>>;
  /** What the number is, for links and units. */
  readonly is?: 'grant reference' | 'sector' | 'identifier' | 'bytes';
}

/** Equal parts, as many as a field says. */
export interface ListLayout {
  readonly name: string;
  readonly offset: number;
  readonly stride: number;
  readonly count: string;
  readonly maximum: number;
  readonly fields: readonly FieldLayout[];
}

export interface DecodedMessage {
  /** 0 for a field that is not there. */
  value(name: string): number | bigint;
  /** The value's word, or the number. */
  word(name: string): string;
  list(name: string): readonly DecodedMessage[];
}

// ---------------------------------------------------------------- where rings are

export type RingSource = DomainPageSource | DeviceSource;

/** One ring of every domain, made by the toolstack and told by HVM parameters. */
export interface DomainPageSource {
  readonly kind: 'domain page';
  /** Of the ring. */
  readonly name: string;
  /** HVM parameters: its gfn, and the guest's event channel. */
  readonly pageParameter: number;
  readonly portParameter: number;
  /** The entry of the grant table that the toolstack filled in for the backend. */
  readonly grantReference: number;
  /** Below `/local/domain/N`, when the backend keeps a directory for it. */
  readonly directory?: string;
}

/** Rings that a frontend publishes in its directory `device/<type>/<id>` of xenstore. */
export interface DeviceSource {
  readonly kind: 'device';
  /** `vbd`. */
  readonly type: string;
  /** Which of the device's rings it is: `tx`. */
  readonly part?: string;
  /** Node with the grant reference; with `pageOrder` above 0, or several pages, `<reference>0`, `<reference>1` … */
  readonly reference: string;
  readonly pageOrder?: string;
  /** Nodes with the guest's event channel; the first that is there. */
  readonly channels: readonly string[];
  /** Node with the number of queues, each in a directory `queue-K`. */
  readonly queues?: string;
  /** Node with the number of rings, each with nodes `<reference>K` and `<channel>K`. */
  readonly rings?: string;
}
