// Keys for x86 guests. xl reads or skips them on Arm without a word; they do nothing there.

import {
  boolean,
  choice,
  either,
  exactly,
  list,
  number,
  string,
  text,
  unsupported,
  x86,
  type XlKeys,
} from './row.ts';

const strings = either(list(string), string);

export const x86Keys: XlKeys = {
  ...x86({
    // ---- processor and memory
    hap: { type: boolean, doc: 'Second-stage translation by hardware. On Arm it is always on.' },
    oos: { type: boolean, doc: 'Shadow pages out of sync.' },
    nestedhvm: { type: boolean, doc: 'Hypervisors inside the guest.' },
    altp2m: {
      type: either(
        choice({
          disabled: 'None.',
          mixed: 'Guest and monitor may use it.',
          external: 'A monitor outside may use it.',
          limited: 'The guest may use it in part.',
        }),
        number(0, 3),
      ),
      doc: 'Alternative second-stage tables.',
    },
    altp2mhvm: { type: boolean, doc: 'Alternative second-stage tables.', deprecated: 'altp2m' },
    pae: { type: boolean, doc: 'Physical address extension.' },
    apic: { type: boolean, doc: 'Local APIC.' },
    nx: { type: boolean, doc: 'No-execute bit.' },
    hpet: { type: boolean, doc: 'HPET timer.' },
    cpuid: { type: either(string, list(string)), doc: 'CPUID leaves: `"host,tm=0"` or a list.' },
    mca_caps: { type: list(exactly({ lmce: 'Local machine checks.' })), doc: 'Machine check capabilities.' },
    msr_relaxed: { type: boolean, doc: 'Unknown MSRs read as zero.' },
    vmtrace_buf_kb: { type: number(0, undefined, 'KiB'), doc: 'Buffer for Intel Processor Trace.' },
    mmio_hole: { type: number(0, undefined, 'MiB'), doc: 'Hole below 4 GiB.' },
    e820_host: { type: boolean, doc: "The guest sees the host's memory map." },
    viridian: { type: either(list(string), boolean), doc: 'Interfaces of Hyper-V.' },

    // ---- time
    tsc_mode: {
      type: either(
        choice({
          default: 'Native where that is safe.',
          always_emulate: 'Emulated.',
          native: 'Native.',
          native_paravirt: 'Native, and the guest corrects it.',
        }),
        number(0, 3),
      ),
      doc: 'Time stamp counter.',
    },
    timer_mode: {
      type: either(
        choice({
          delay_for_missed_ticks: "The guest's time waits for it.",
          no_delay_for_missed_ticks: 'Missed ticks come at once.',
          no_missed_ticks_pending: 'Missed ticks are lost.',
          one_missed_tick_pending: 'Missed ticks become one.',
        }),
        number(0, 3),
      ),
      doc: 'What happens to timer ticks that the guest missed.',
    },
    rtc_timeoffset: { type: number(), doc: 'Offset of the real time clock, in seconds.' },
    localtime: { type: boolean, doc: 'The real time clock shows local time.' },
    vpt_align: { type: boolean, doc: 'Timers are aligned to each other.' },

    // ---- firmware
    boot: { type: text('cdn'), doc: 'Order of boot devices.' },
    bios: {
      type: choice({ rombios: 'ROMBIOS.', seabios: 'SeaBIOS.', ovmf: 'OVMF.' }),
      doc: 'Firmware of an HVM guest.',
    },
    bios_path_override: { type: string, doc: 'Path of that firmware.' },
    acpi_s3: { type: boolean, doc: 'Suspend to RAM.' },
    acpi_s4: { type: boolean, doc: 'Suspend to disk.' },
    acpi_laptop_slate: { type: boolean, doc: 'Switch between laptop and slate.' },
    acpi_firmware: { type: string, doc: 'File with more ACPI tables.' },
    smbios_firmware: { type: string, doc: 'File with SMBIOS structures.' },
    ms_vm_genid: {
      type: exactly({ generate: 'Drawn at random.', none: 'None.' }),
      doc: 'Generation identifier of Microsoft.',
    },
    pvshim: { type: boolean, doc: 'A PV guest runs inside a PVH container.' },
    pvshim_path: { type: string, doc: 'Xen for that container.' },
    pvshim_cmdline: { type: string, doc: 'Its command line.' },
    pvshim_extra: { type: string, doc: 'What is added to its command line.' },

    // ---- devices
    rdm: { type: text('strategy=host,policy=relaxed'), doc: 'Reserved memory of passed-through devices.' },
    rdm_mem_boundary: { type: number(0, undefined, 'MiB'), doc: 'Border for reserved memory.' },
    gfx_passthru: {
      type: either(boolean, exactly({ default: 'Any card.', igd: "Intel's integrated graphics." })),
      doc: 'A graphics card is passed through as the primary one.',
    },
    pci_permissive: { type: boolean, doc: "The guest may write all of a PCI device's configuration space." },
    pci_msitranslate: { type: boolean, doc: 'MSIs become INTx.' },
    pci_seize: { type: boolean, doc: 'PCI devices are taken from their drivers.' },
    pci_power_mgmt: { type: boolean, doc: 'The guest manages power of PCI devices.' },
    hdtype: { type: choice({ ide: 'IDE.', ahci: 'AHCI.' }), doc: 'Emulated disk controller.' },
    xen_platform_pci: { type: boolean, doc: 'Platform device for PV drivers.' },
    vendor_device: {
      type: choice({ none: 'None.', xenserver: "XenServer's." }),
      doc: 'Device for drivers of a vendor.',
    },
    vga: {
      type: exactly({ stdvga: 'Standard VGA.', cirrus: 'Cirrus.', qxl: 'QXL.', none: 'None.' }),
      doc: 'Emulated graphics card.',
    },
    stdvga: { type: boolean, doc: 'Standard VGA.', deprecated: 'vga = "stdvga"' },
    videoram: { type: number(0, undefined, 'MiB'), doc: 'Memory of the emulated graphics card.' },
    vnc: { type: boolean, doc: 'The emulated screen is shown by VNC.' },
    vnclisten: { type: string, doc: 'Address of the VNC server.' },
    vncdisplay: { type: number(0), doc: 'Number of the VNC display.' },
    vncunused: { type: boolean, doc: 'The first free VNC port is taken.' },
    vncpasswd: { type: string, doc: 'Password of the VNC server.' },
    vncviewer: { type: boolean, doc: 'Is ignored by xl.', deprecated: 'xl create -V' },
    keymap: { type: text('de'), doc: 'Keyboard layout.' },
    sdl: { type: boolean, doc: 'The emulated screen is shown in a window of SDL.' },
    display: { type: text(':0'), doc: 'X display of that window.' },
    xauthority: { type: string, doc: 'X authority file of that window.' },
    opengl: { type: boolean, doc: 'The window uses OpenGL.' },
    nographic: { type: boolean, doc: 'No graphics.' },
    spice: { type: boolean, doc: 'The emulated screen is shown by SPICE.' },
    spicehost: { type: string, doc: 'Address of the SPICE server.' },
    spiceport: { type: number(0, 65_535), doc: 'Its port.' },
    spicetls_port: { type: number(0, 65_535), doc: 'Its port for TLS.' },
    spicedisable_ticketing: { type: boolean, doc: 'Clients need no password.' },
    spicepasswd: { type: string, doc: 'Password of the SPICE server.' },
    spiceagent_mouse: { type: boolean, doc: 'The agent moves the mouse.' },
    spicevdagent: { type: boolean, doc: 'There is an agent in the guest.' },
    spice_clipboard_sharing: { type: boolean, doc: 'The clipboard is shared.' },
    spiceusbredirection: { type: number(0, 4), doc: 'Number of USB devices of the client.' },
    spice_image_compression: { type: string, doc: 'Compression of images.' },
    spice_streaming_video: { type: string, doc: 'Video is streamed.' },
    soundhw: { type: text('ac97'), doc: 'Emulated sound card.' },
    serial: { type: strings, doc: 'Emulated serial ports.' },
    vkb_device: { type: boolean, doc: 'PV keyboard of an HVM guest.' },
    usb: { type: boolean, doc: 'Emulated USB.' },
    usbversion: { type: number(1, 3), doc: 'Version of the emulated USB controller.' },
    usbdevice: { type: strings, doc: 'Emulated USB devices.' },
  }),
  ioports: {
    type: list(text('2f8-2ff')),
    arm: 'x86',
    doc: 'I/O ports of the host: `"2f8-2ff"`, hexadecimal.',
    run: unsupported('Host I/O ports', ''),
  },
  firmware: {
    type: text('ovmf'),
    arm: 'x86',
    doc: 'Firmware instead of a kernel.',
    run: unsupported('Guest firmware'),
  },
  firmware_override: {
    type: string,
    arm: 'x86',
    doc: 'Path of the HVM loader.',
    run: unsupported('Guest firmware'),
  },
};
