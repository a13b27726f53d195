import { expect, test } from 'vitest';
import { complaintOf } from '../../../../emulator/formats/xl-config/check-value.ts';
import { xlRules } from '../../../../emulator/formats/xl-config/findings.ts';
import { xlKeys } from '../../../../emulator/formats/xl-config/keys.ts';
import type { XlAtomType, XlSpecification, XlType } from '../../../../emulator/formats/xl-config/keys/row.ts';
import { partsOf } from '../../../../emulator/formats/xl-config/specification-parts.ts';
import { renderedReference } from '../../../tools/xl-reference.ts';

/** Every name that xl 4.17.7 asks its configuration for (xlu_cfg_get_… and xlu_cfg_replace_… in xl_parse.c). */
const READ_BY_XL_4_17 = `acpi acpi_firmware acpi_laptop_slate acpi_s3 acpi_s4 altp2m altp2mhvm apic bios
  bios_path_override boot bootloader bootloader_args builder cap channel cmdline cpu_weight cpuid cpus cpus_soft
  device_model device_model_args device_model_args_hvm device_model_args_pv device_model_override
  device_model_stubdomain_override device_model_stubdomain_seclabel device_model_user device_model_version
  device_tree disk display dm_restrict driver_domain dtdev e820_host extra extratime firmware firmware_override
  gfx_passthru gic_version hap hdtype hpet init_seclabel iomem ioports irqs kernel keymap latency localtime
  max_event_channels max_grant_frames max_grant_version max_maptrack_frames maxmem maxvcpus mca_caps memory
  mmio_hole ms_vm_genid msr_relaxed name nestedhvm nographic nomigrate nx on_crash on_poweroff on_reboot
  on_soft_reset on_watchdog oos opengl p9 pae passthrough pci pci_msitranslate pci_permissive pci_power_mgmt
  pci_seize period pool pvcalls pvshim pvshim_cmdline pvshim_extra pvshim_path ramdisk rdm rdm_mem_boundary root
  rtc_timeoffset sdl seclabel serial shadow_memory slice smbios_firmware soundhw spice spice_clipboard_sharing
  spice_image_compression spice_streaming_video spiceagent_mouse spicedisable_ticketing spicehost spicepasswd
  spiceport spicetls_port spiceusbredirection spicevdagent stdvga stubdomain_cmdline stubdomain_kernel
  stubdomain_memory stubdomain_ramdisk tee timer_mode tsc_mode type usb usbctrl usbdev usbdevice usbversion uuid
  vcpus vdispl vendor_device vfb vga videoram vif vif2 viridian vkb vkb_device vmtrace_buf_kb vnc vncdisplay
  vnclisten vncpasswd vncunused vncviewer vnuma vpmu vpt_align vsnd vtpm vuart xauthority xen_platform_pci
  xend_suspend_evtchn_compat`.split(/\s+/);

/** Names that xl_parse.c of Xen 4.22 asks for beside those. */
const NEW_UP_TO_4_22 =
  `altp2m_count arm_sci bootloader_restrict bootloader_user hvm_pirq llc_colors nr_spis smbios
  sve trap_unmapped_accesses virtio xen_platform_pci_bar_uc xenstore_feature_mask xenstore_quota`.split(
    /\s+/,
  );

test('the table has the keys of xl, and says which ones are newer', () => {
  const older = [...xlKeys].filter(([, { since }]) => since === undefined).map(([name]) => name);
  const newer = [...xlKeys].filter(([, { since }]) => since !== undefined).map(([name]) => name);
  expect(older.sort()).toEqual([...READ_BY_XL_4_17].sort());
  expect(newer.sort()).toEqual([...NEW_UP_TO_4_22].sort());
});

test('every row and option is documented in a sentence', () => {
  for (const [name, { doc }] of xlKeys) expect(doc, name).toMatch(/^[A-Z`"0-9].*[.)]$/s);
  for (const { options } of specifications()) {
    for (const [name, { doc }] of Object.entries(options)) expect(doc, name).toMatch(/^[A-Z`"0-9].*[.)]$/s);
  }
  for (const [code, { doc }] of Object.entries(xlRules)) expect(doc, code).toMatch(/^(xl|[A-Z]).*\.$/);
});

test('every example is of its own type', () => {
  let examples = 0;
  const check = (type: XlAtomType, name: string): void => {
    if (!('example' in type) || type.example === undefined) return;
    examples++;
    expect(complaintOf(type, type.example), name).toBeUndefined();
  };
  for (const [name, { type }] of xlKeys) for (const atom of atoms(type)) check(atom, name);
  for (const { name, options } of specifications()) {
    for (const [option, { type }] of Object.entries(options)) if (type) check(type, `${name}, ${option}`);
  }
  expect(examples).toBeGreaterThan(40);
});

test('the example of every device string has only options that there are, of their types', () => {
  for (const specification of specifications()) {
    const { name, example, options, unknown, required } = specification;
    if (unknown === 'unchecked') continue;
    const parts = partsOf(example, specification);
    expect(parts.length, name).toBeGreaterThan(0);
    for (const { option = '', value } of parts) {
      expect(Object.keys(options), name).toContain(option);
      const type = options[option]?.type;
      if (type) expect(complaintOf(type, value), name).toBeUndefined();
    }
    for (const option of required) expect(parts.map((part) => part.option)).toContain(option);
  }
});

test('defaults that are written as values are of their own type', () => {
  for (const [name, { type, default: standard }] of xlKeys) {
    const value = /^"(.*)"$/.exec(standard ?? '')?.[1] ?? /^\d+$/.exec(standard ?? '')?.[0];
    if (value === undefined) continue;
    const complaints = atoms(type).map((atom) => complaintOf(atom, value));
    expect(complaints, name).toContain(undefined);
  }
});

test('the reference page is that of the table (node test/tools/xl-reference.ts --write)', () => {
  const { committed, rendered } = renderedReference();
  expect(committed).toBe(rendered);
});

function atoms(type: XlType): XlAtomType[] {
  if (type.kind === 'list') return atoms(type.of);
  return type.kind === 'either' ? type.of.flatMap(atoms) : [type];
}

function specifications(): XlSpecification[] {
  const all = [...xlKeys.values()].flatMap(({ type }) => atoms(type));
  const found = all.flatMap((type) => (type.kind === 'specification' ? [type.specification] : []));
  expect(found.length).toBeGreaterThan(10);
  return found;
}
