// Rings of virtual network interfaces. Xen public header io/netif.h.

/** struct netif_tx_request; responses stand in slots of the same size. */
export const NETIF_TX_SLOT_SIZE = 12;
export const NETIF_TX_GREF_OFFSET = 0;
export const NETIF_TX_OFFSET_OFFSET = 4;
export const NETIF_TX_FLAGS_OFFSET = 6;
export const NETIF_TX_ID_OFFSET = 8;
/** In the first slot of a packet: of the whole packet. */
export const NETIF_TX_SIZE_OFFSET = 10;

/** struct netif_tx_response */
export const NETIF_TX_RESPONSE_SIZE = 4;
export const NETIF_TX_RESPONSE_ID_OFFSET = 0;
export const NETIF_TX_RESPONSE_STATUS_OFFSET = 2;

/** struct netif_rx_request and netif_rx_response */
export const NETIF_RX_SLOT_SIZE = 8;
export const NETIF_RX_ID_OFFSET = 0;
export const NETIF_RX_GREF_OFFSET = 4;
export const NETIF_RX_RESPONSE_FLAGS_OFFSET = 4;
/** Bytes in the buffer, or XEN_NETIF_RSP_* below 0. */
export const NETIF_RX_RESPONSE_STATUS_OFFSET = 6;

export const XEN_NETTXF_csum_blank = 1;
export const XEN_NETTXF_more_data = 4;
export const XEN_NETTXF_extra_info = 8;

export const XEN_NETRXF_data_validated = 1;
export const XEN_NETRXF_csum_blank = 2;
export const XEN_NETRXF_more_data = 4;
export const XEN_NETRXF_extra_info = 8;

/** struct netif_extra_info, in a slot of either ring. */
export const NETIF_EXTRA_SIZE = 8;
export const NETIF_EXTRA_TYPE_OFFSET = 0;
export const NETIF_EXTRA_FLAGS_OFFSET = 1;
export const NETIF_EXTRA_GSO_SIZE_OFFSET = 2;
export const NETIF_EXTRA_GSO_TYPE_OFFSET = 4;
export const NETIF_EXTRA_MCAST_ADDR_OFFSET = 2;

export const XEN_NETIF_EXTRA_TYPE_NONE = 0;
export const XEN_NETIF_EXTRA_TYPE_GSO = 1;
export const XEN_NETIF_EXTRA_TYPE_MCAST_ADD = 2;
export const XEN_NETIF_EXTRA_TYPE_MCAST_DEL = 3;
export const XEN_NETIF_EXTRA_TYPE_MAX = 6;
export const XEN_NETIF_EXTRA_FLAG_MORE = 1;

export const XEN_NETIF_GSO_TYPE_TCPV4 = 1;
export const XEN_NETIF_GSO_TYPE_TCPV6 = 2;

export const XEN_NETIF_RSP_ERROR = -1;
export const XEN_NETIF_RSP_OKAY = 0;
/** What stands where a slot of extra information was. */
export const XEN_NETIF_RSP_NULL = 1;

/** Slots that a backend takes for one packet at least: XEN_NETIF_NR_SLOTS_MIN. */
export const XEN_NETIF_NR_SLOTS_MIN = 18;
