// One interface of xl's `vif` list, as xl-network-configuration(5) has it: `mac=00:16:3e:12:34:56,bridge=xenbr0`. An empty
// text is an interface with all defaults.

export interface VifSpec {
  /** Six bytes as `00:16:3e:12:34:56`; drawn from the seed when absent. */
  readonly mac?: string;
  readonly bridge: string;
  /** For xenstore: the interface's script would use it. */
  readonly ip?: string;
  readonly script: string;
  /** As domain 0 calls the interface; `vifN.M` when absent. */
  readonly name?: string;
  /** So many bytes in so many microseconds. */
  readonly rate?: { readonly bytes: number; readonly microseconds: number };
  /** Place in the list when absent. */
  readonly id?: number;
  readonly mtu: number;
  /** False after `untrusted`: the frontend is asked to protect itself against the backend. */
  readonly trusted: boolean;
}

/** Why a text is no interface that can be had: what is wrong, and what to do. */
export interface VifRefusal {
  readonly message: string;
  readonly hint: string;
  /** Right for xl, and not there yet. */
  readonly notModelled?: true;
}

const ETHERNET_MTU = 1500;
const SCRIPTS = '/etc/xen/scripts';

/** Microseconds by unit; bytes by unit. */
const TIMES: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };
const SIZES: Readonly<Record<string, number>> = {
  GB: 1e9,
  MB: 1e6,
  KB: 1e3,
  B: 1,
  Gb: 1e9 / 8,
  Mb: 1e6 / 8,
  Kb: 1e3 / 8,
  b: 1 / 8,
};

export const isVifRefusal = (result: VifSpec | VifRefusal): result is VifRefusal => 'message' in result;

/** Whether a run takes the interface, or xl itself would not. */
export function isVifModelled(text: string): boolean {
  const vif = parseVifSpec(text);
  return !isVifRefusal(vif) || !vif.notModelled;
}

export function parseVifSpec(text: string): VifSpec | VifRefusal {
  const values = new Map<string, string>();
  let trusted = true;
  for (const part of text.split(',').map((word) => word.trim())) {
    if (part === '') continue;
    const [key = '', ...rest] = part.split('=');
    if (rest.length > 0) values.set(key.trim(), rest.join('=').trim());
    // xl passes over words that it does not know.
    else if (part === 'untrusted') trusted = false;
  }
  const kind = values.get('type') ?? 'vif';
  if (kind !== 'vif') {
    return notModelled(`a network interface of type '${kind}'`, 'On Arm there is type=vif only.');
  }
  const backend = values.get('backend') ?? '0';
  if (backend !== '0' && backend !== 'Domain-0') {
    return notModelled(
      `a network interface served by '${backend}'`,
      'Domain 0 serves interfaces: drop backend.',
    );
  }
  const mac = values.get('mac');
  if (mac !== undefined && !/^([0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}$/i.test(mac)) {
    return refused(`'${mac}' is no MAC address`, 'Write six bytes such as 00:16:3e:12:34:56.');
  }
  const rate = values.has('rate') ? parseRate(values.get('rate') ?? '') : undefined;
  if (rate === 'wrong') {
    return refused(
      `rate '${values.get('rate')}' of a network interface`,
      'Write it as in 10Mb/s or 1MB/s@20ms.',
    );
  }
  const mtu = Number(values.get('mtu') ?? ETHERNET_MTU);
  if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65_535) {
    return refused(`mtu '${values.get('mtu')}' of a network interface`, 'Give 68 to 65535 bytes.');
  }
  const id = values.has('devid') ? Number(values.get('devid')) : undefined;
  if (id !== undefined && (!Number.isInteger(id) || id < 0 || id > 65_535)) {
    return refused(`devid '${values.get('devid')}' of a network interface`, 'Give a number such as 0.');
  }
  const script = values.get('script') ?? 'vif-bridge';
  const [ip, name] = [values.get('ip'), values.get('vifname')];
  return {
    ...(mac !== undefined && { mac: normalMac(mac) }),
    bridge: values.get('bridge') ?? 'xenbr0',
    ...(ip !== undefined && { ip }),
    script: script.startsWith('/') ? script : `${SCRIPTS}/${script}`,
    ...(name !== undefined && { name }),
    ...(rate && { rate }),
    ...(id !== undefined && { id }),
    mtu,
    trusted,
  };
}

/** libxlu's rate: bytes or bits in a second, and the interval in which that share of them is given. */
function parseRate(text: string): { bytes: number; microseconds: number } | 'wrong' {
  const match = /^(\d+)(GB|MB|KB|B|Gb|Mb|Kb|b)\/s(?:@(\d+)(us|ms|s)?)?$/.exec(text);
  if (!match) return 'wrong';
  const [, amount, unit = 'B', time, timeUnit = 'us'] = match;
  const microseconds = time === undefined ? 50_000 : Number(time) * (TIMES[timeUnit] ?? 1);
  const bytes = Math.floor((Number(amount) * (SIZES[unit] ?? 1) * microseconds) / 1e6);
  return bytes > 0 && microseconds > 0 && microseconds < 2 ** 32 ? { bytes, microseconds } : 'wrong';
}

const normalMac = (mac: string): string =>
  mac
    .split(/[:-]/)
    .map((byte) => byte.padStart(2, '0').toLowerCase())
    .join(':');

const refused = (message: string, hint: string): VifRefusal => ({ message, hint });

const notModelled = (message: string, hint: string): VifRefusal => ({ message, hint, notModelled: true });
