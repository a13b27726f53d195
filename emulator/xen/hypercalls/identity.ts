// What this Xen says of itself: the version it behaves as, and who built it.

export interface XenIdentity {
  readonly major: number;
  readonly minor: number;
  /** With its dot: `.7`. */
  readonly extra: string;
  readonly compiler: string;
  readonly compiledBy: string;
  readonly compileDomain: string;
  readonly compileDate: string;
  /** With a space after each. libxc picks the guest type by these. */
  readonly capabilities: string;
  readonly changeset: string;
  /** HYPERVISOR_VIRT_START; guests print it and use it for nothing. */
  readonly virtualStart: bigint;
  readonly commandLine: string;
  readonly buildId: Uint8Array;
}

/** Xen 4.17.7 on a core without AArch32 at EL1. */
export const xen417: XenIdentity = {
  major: 4,
  minor: 17,
  extra: '.7',
  compiler: 'TypeScript',
  compiledBy: 'xenscope',
  compileDomain: '',
  compileDate: '',
  capabilities: 'xen-3.0-aarch64 ',
  changeset: '',
  virtualStart: 0x0020_0000n,
  commandLine: '',
  buildId: new Uint8Array(20),
};
