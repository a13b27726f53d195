// Every key that xl 4.17 reads, and what it means here (xl.cfg(5), tools/xl/xl_parse.c). A key
// that a guest or a user would miss if it were dropped is refused by name; a key that only
// concerns hosts we do not have is accepted, and said to be without effect.

export type XlKey =
  /** Read by `readXlConfig`. */
  | { readonly status: 'used'; readonly doc: string }
  /** Accepted, without effect: `why` completes "has no effect: …". */
  | { readonly status: 'no-effect'; readonly why: string }
  /** Refused unless its value is one of `neutral`, which ask for what happens anyway. */
  | { readonly status: 'unsupported'; readonly doc: string; readonly neutral?: readonly string[] };

const used = (doc: string): XlKey => ({ status: 'used', doc });
const noEffect = (why: string): XlKey => ({ status: 'no-effect', why });
const unsupported = (doc: string, ...neutral: string[]): XlKey => ({ status: 'unsupported', doc, neutral });

const keys: Record<string, XlKey> = {
  name: used('Name of the domain'),
  type: used('Kind of guest; pvh on Arm'),
  kernel: used('Kernel file'),
  ramdisk: used('Initramfs file'),
  cmdline: used('Kernel command line; overrides root and extra'),
  root: used('root= of the kernel command line'),
  extra: used('Rest of the kernel command line'),
  memory: used('RAM in MiB'),
  maxmem: used('Largest RAM in MiB'),
  vcpus: used('Number of vCPUs at start'),
  maxvcpus: used('Largest number of vCPUs'),
  gic_version: used('Version of the virtual interrupt controller'),
  uuid: used('UUID of the domain'),
  vuart: used('Emulated PL011 UART'),
  on_poweroff: used('What happens when the guest powers off'),
  on_reboot: used('What happens when the guest reboots'),
  on_crash: used('What happens when the guest crashes'),
  on_watchdog: used('What happens when the watchdog fires'),
  on_soft_reset: used('What happens when the guest resets itself'),

  // Sizes of the hypervisor's tables: what Xen gives without them is what is here.
  max_grant_frames: unsupported('Size of the grant table', '64'),
  max_maptrack_frames: unsupported('Number of grant mappings', '1024'),
  max_grant_version: unsupported('Grant table version', '1'),
  max_event_channels: unsupported('Number of event channels', '1023'),

  disk: unsupported('Block devices', ''),
  vif: unsupported('Network interfaces', ''),
  p9: unsupported('9pfs shares', ''),
  pvcalls: unsupported('PV calls', ''),
  vfb: unsupported('Virtual frame buffers', ''),
  vkb: unsupported('Virtual keyboards', ''),
  vdispl: unsupported('Virtual displays', ''),
  vsnd: unsupported('Virtual sound cards', ''),
  channel: unsupported('Channels', ''),
  vtpm: unsupported('Virtual TPMs', ''),
  usbctrl: unsupported('Virtual USB controllers', ''),
  usbdev: unsupported('USB devices', ''),
  pci: unsupported('PCI devices', ''),
  device_tree: unsupported('Partial device tree'),
  dtdev: unsupported('Host devices', ''),
  iomem: unsupported('Host memory ranges', ''),
  irqs: unsupported('Host interrupts', ''),
  ioports: unsupported('Host I/O ports', ''),
  passthrough: unsupported('IOMMU use', 'default', 'disabled'),
  firmware: unsupported('Guest firmware'),
  firmware_override: unsupported('Guest firmware'),
  bootloader: unsupported('Boot loader run on the host; name kernel and ramdisk instead'),
  bootloader_args: unsupported('Boot loader arguments'),
  tee: unsupported('Trusted execution environment', 'none'),
  vpmu: unsupported('Performance monitors', '0'),
  acpi: unsupported('ACPI tables', '0'),
  vnuma: unsupported('Virtual NUMA', ''),
  seclabel: unsupported('FLASK label'),
  init_seclabel: unsupported('FLASK label'),
  driver_domain: unsupported('Driver domain', '0'),
  xend_suspend_evtchn_compat: unsupported('Old suspend event channel', '0'),

  cpus: noEffect('vCPUs are not pinned to host CPUs'),
  cpus_soft: noEffect('vCPUs are not pinned to host CPUs'),
  pool: noEffect('there is one CPU pool'),
  cpu_weight: noEffect('all vCPUs have the same share'),
  cap: noEffect('vCPUs are not capped'),
  period: noEffect('there is no real-time scheduler'),
  slice: noEffect('there is no real-time scheduler'),
  latency: noEffect('there is no real-time scheduler'),
  budget: noEffect('there is no real-time scheduler'),
  extratime: noEffect('there is no real-time scheduler'),
  nomigrate: noEffect('domains do not migrate'),
  builder: noEffect('it is deprecated; write type = "pvh"'),
  shadow_memory: noEffect('the memory for page tables is not limited'),
};

const group = (why: string, names: string): void => {
  for (const name of names.trim().split(/\s+/)) keys[name] = noEffect(why);
};

group(
  'no device model runs',
  `device_model_version device_model_override device_model_args device_model_args_pv device_model_args_hvm
  device_model_user device_model_stubdomain_override device_model_stubdomain_seclabel dm_restrict
  stubdomain_kernel stubdomain_cmdline stubdomain_ramdisk stubdomain_memory vncviewer`,
);

group(
  'it means nothing to an Arm guest',
  `hap oos nestedhvm altp2m altp2mhvm pae apic nx hpet viridian tsc_mode timer_mode rtc_timeoffset localtime
  vpt_align acpi_s3 acpi_s4 acpi_laptop_slate acpi_firmware cpuid mca_caps msr_relaxed e820_host mmio_hole rdm
  rdm_mem_boundary gfx_passthru boot hdtype bios bios_path_override smbios_firmware ms_vm_genid xen_platform_pci
  vga stdvga videoram vnc vnclisten vncpasswd vncdisplay vncunused keymap sdl opengl nographic spice spicehost
  spiceport spicetls_port spicedisable_ticketing spicepasswd spiceagent_mouse spicevdagent
  spice_clipboard_sharing spiceusbredirection spice_image_compression spice_streaming_video soundhw usb usbdevice
  usbversion serial vendor_device pvshim pvshim_path pvshim_cmdline pvshim_extra pci_permissive
  pci_msitranslate pci_seize pci_power_mgmt vmtrace_buf_kb vif2`,
);

/** By name, in the order in which the manual page treats them. */
export const xlKeys: ReadonlyMap<string, XlKey> = new Map(Object.entries(keys));

/** Keys of later releases: xl 4.17 drops them without a word, we say so. */
export const newerXlKeys: ReadonlySet<string> = new Set([
  'sve',
  'virtio',
  'llc_colors',
  'nr_spis',
  'trap_unmapped_accesses',
  'arm_sci',
  'xenstore_quota',
  'xenstore_feature_mask',
  'hvm_pirq',
  'altp2m_count',
  'bootloader_restrict',
  'bootloader_user',
]);
