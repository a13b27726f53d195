// Addresses of Ethernet (six bytes) and of IPv4 (an unsigned number of 32 bits), and how they are written.

/** 48 bits; six bytes would have to be compared one by one. */
export type MacAddress = number;
/** Unsigned. */
export type Ipv4Address = number;

export const BROADCAST_MAC: MacAddress = 0xffff_ffff_ffff;
export const BROADCAST_IPV4: Ipv4Address = 0xffff_ffff;

/** Bit 40: the first bit on the wire is set for groups. IEEE 802.3, 3.2.3. */
export const isGroup = (mac: MacAddress): boolean => Math.floor(mac / 2 ** 40) % 2 === 1;

export const macText = (mac: MacAddress): string =>
  (mac.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');

/** Undefined for what is not six pairs of hexadecimal digits. */
export function parseMac(text: string): MacAddress | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)
    ? Number.parseInt(text.replaceAll(':', ''), 16)
    : undefined;
}

export const ipv4Text = (address: Ipv4Address): string =>
  [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');

/** Undefined for what is not four decimal numbers below 256. */
export function parseIpv4(text: string): Ipv4Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}
