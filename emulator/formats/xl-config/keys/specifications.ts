// Strings with sub-keys: a disk, a network interface, and so on. Options and checks are those of xl 4.17
// (xl-disk-configuration(5), xl-network-configuration(5), libxlu_disk_l.l, xl_parse.c).

import {
  boolean,
  choice,
  exactly,
  formed,
  number,
  specification,
  string,
  text,
  type XlOption,
} from './row.ts';

const backend: XlOption = {
  type: text('0'),
  doc: 'Domain that serves the device, by name or number.',
  default: '0',
};
const trust: Readonly<Record<string, XlOption>> = {
  trusted: { doc: 'The frontend trusts the backend: no bounce buffers.', default: 'trusted' },
  untrusted: { doc: 'The frontend is asked to protect itself against the backend.' },
};

/** The disk's options for COLO, whose meaning is not promised. */
const disksColo = 'Concerns COLO, which replicates x86 guests.';
const colo = (type?: XlOption['type']): XlOption => ({
  ...(type && { type }),
  doc: disksColo,
  arm: 'x86',
});

export const disk = specification(
  'a disk',
  '/dev/vg/volume,raw,xvda,rw',
  {
    target: {
      type: text('/dev/vg/volume'),
      doc: 'Block device or image file on the host. Written with its name it takes the rest of the text, commas included.',
    },
    format: {
      type: exactly({
        raw: 'A block device or a plain image.',
        qcow: 'An image of QEMU, first version.',
        qcow2: 'An image of QEMU.',
        vhd: 'An image of Virtual PC.',
        qed: 'An image of QEMU, enhanced.',
        empty: 'A removable drive without a medium.',
        '': 'As `raw`.',
      }),
      doc: 'Format of the image.',
      default: 'raw',
    },
    vdev: {
      type: formed(
        /^((xvd|sd|hd|vd)[a-z]+\d*|d\d+p\d+|0x[0-9a-f]+|\d+)$/i,
        'a device such as xvda, xvda1, sdb, hda or d0p1',
        'xvda',
      ),
      doc: 'Device as the guest sees it: `xvda`, its partition `xvda1`, `sdb`, `hda`, or `d0p1`. Has to be there.',
    },
    access: {
      type: exactly({
        rw: 'Read and write.',
        w: 'As `rw`.',
        ro: 'Read only.',
        r: 'As `ro`.',
        '': 'As `rw`.',
      }),
      doc: 'What the guest may do.',
      default: 'rw, or ro of a CD-ROM drive',
    },
    devtype: {
      type: exactly({ cdrom: 'A CD-ROM drive, read only.', disk: 'A disk.' }),
      doc: 'Kind of drive.',
      default: 'disk',
    },
    cdrom: { doc: 'As `devtype=cdrom`.' },
    backend,
    backendtype: {
      type: exactly({
        phy: "The kernel's own block backend, for block devices.",
        qdisk: 'QEMU, for image files.',
        standalone: 'A backend that reads xenstore by itself (virtio).',
        tap: 'blktap, no longer there.',
      }),
      doc: 'Kind of backend. Without it xl chooses what fits format and target.',
    },
    script: { type: text('block-iscsi'), doc: 'Script in `/etc/xen/scripts` that makes the target usable.' },
    discard: { doc: 'The backend may offer discard.', default: 'discard' },
    'no-discard': { doc: 'The backend does not offer discard.' },
    'direct-io-safe': { doc: 'QEMU may go around the page cache of the host.' },
    specification: {
      type: exactly({ xen: 'A PV disk (blkfront).', virtio: 'A virtio disk at MMIO, with SPI 33 and up.' }),
      doc: 'Kind of frontend.',
      default: 'xen',
    },
    ...trust,
    grant_usage: {
      type: boolean,
      doc: 'A virtio frontend shares memory by grants.',
      default: '1 unless backend is domain 0',
      since: '4.18',
    },
    colo: colo(),
    'no-colo': colo(),
    'colo-host': colo(string),
    'colo-port': colo(number()),
    'colo-export': colo(string),
    'active-disk': colo(string),
    'hidden-disk': colo(string),
  },
  { positional: ['target', 'format', 'vdev', 'access'], required: ['vdev'] },
);

const BYTES_PER_SECOND = /^\d+[KMG]?[Bb]\/s(@\d+[mu]?s?)?$/;

/** xl-network-configuration(5) does not describe them; xl_parse.c has the names. */
const COLO_OF_VIF = `forwarddev colo_sock_mirror_id colo_sock_mirror_ip colo_sock_mirror_port
  colo_sock_compare_pri_in_id colo_sock_compare_pri_in_ip colo_sock_compare_pri_in_port
  colo_sock_compare_sec_in_id colo_sock_compare_sec_in_ip colo_sock_compare_sec_in_port
  colo_sock_compare_notify_id colo_sock_compare_notify_ip colo_sock_compare_notify_port
  colo_sock_redirector0_id colo_sock_redirector0_ip colo_sock_redirector0_port
  colo_sock_redirector1_id colo_sock_redirector1_ip colo_sock_redirector1_port
  colo_sock_redirector2_id colo_sock_redirector2_ip colo_sock_redirector2_port
  colo_filter_mirror_queue colo_filter_mirror_outdev
  colo_filter_redirector0_queue colo_filter_redirector0_indev colo_filter_redirector0_outdev
  colo_filter_redirector1_queue colo_filter_redirector1_indev colo_filter_redirector1_outdev
  colo_compare_pri_in colo_compare_sec_in colo_compare_out colo_compare_notify_dev
  colo_sock_sec_redirector0_id colo_sock_sec_redirector0_ip colo_sock_sec_redirector0_port
  colo_sock_sec_redirector1_id colo_sock_sec_redirector1_ip colo_sock_sec_redirector1_port
  colo_filter_sec_redirector0_queue colo_filter_sec_redirector0_indev colo_filter_sec_redirector0_outdev
  colo_filter_sec_redirector1_queue colo_filter_sec_redirector1_indev colo_filter_sec_redirector1_outdev
  colo_filter_sec_rewriter0_queue colo_checkpoint_host colo_checkpoint_port`.split(/\s+/);

export const vif = specification(
  'a network interface',
  'bridge=xenbr0',
  {
    mac: {
      type: formed(
        /^([0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}$/i,
        'six bytes such as 00:16:3e:12:34:56',
        '00:16:3e:12:34:56',
      ),
      doc: 'MAC address. 00:16:3e is the prefix that belongs to Xen.',
      default: 'drawn at random with the prefix 00:16:3e',
    },
    bridge: { type: text('xenbr0'), doc: 'Bridge of the host that the interface joins.', default: 'xenbr0' },
    gatewaydev: { type: text('eth0'), doc: 'Interface of the host with the gateway, for `vif-route`.' },
    netdev: { type: text('eth0'), doc: 'As `gatewaydev`.', deprecated: 'gatewaydev' },
    type: {
      type: exactly({ vif: 'A PV interface.', ioemu: 'An emulated one beside it; x86 only.' }),
      doc: 'Kind of interface.',
      default: 'vif',
    },
    model: { type: text('e1000'), doc: 'Emulated network card.', arm: 'x86' },
    vifname: { type: text('vif1.0'), doc: "The interface's name in the backend domain.", default: 'vifN.M' },
    script: { type: text('vif-bridge'), doc: 'Hotplug script in `/etc/xen/scripts`.', default: 'vif-bridge' },
    ip: { type: text('192.168.0.2'), doc: 'IP address, handed to the script.' },
    backend,
    rate: {
      type: formed(BYTES_PER_SECOND, 'a rate such as 10Mb/s or 1MB/s@20ms', '10Mb/s'),
      doc: 'Most that the guest may send: `10Mb/s`, or `1MB/s@20ms` with the interval at which credit is given.',
      default: 'no limit; interval 50ms',
    },
    devid: { type: number(0), doc: 'Number of the device.', default: 'its place in the list' },
    mtu: { type: number(68, 65_535, 'bytes'), doc: 'Largest packet.', default: "the bridge's" },
    ...trust,
    vlan: {
      type: text('10p/20'),
      doc: 'VLANs of the interface: `10p` untagged, `20` tagged.',
      since: '4.19',
    },
    accel: { type: string, doc: 'Is ignored.', deprecated: 'nothing' },
    ...Object.fromEntries(COLO_OF_VIF.map((name) => [name, colo(string)])),
  },
  { unknown: 'ignored' },
);

export const p9 = specification(
  'a 9pfs share',
  'tag=share,security_model=none,path=/srv/share',
  {
    tag: { type: text('share'), doc: 'Name by which the guest mounts it.' },
    security_model: {
      type: exactly({ none: 'Files have the credentials of the backend.' }),
      doc: 'How credentials are kept; `none` is the only one.',
    },
    path: { type: text('/srv/share'), doc: 'Folder on the host.' },
    backend,
    type: {
      type: exactly({ qemu: 'QEMU.', xen_9pfsd: "Xen's own daemon." }),
      doc: 'Kind of backend.',
      since: '4.19',
    },
    'max-space': {
      type: number(0, undefined, 'MiB'),
      doc: 'Most space that the guest may use.',
      since: '4.19',
    },
    'max-files': { type: number(0), doc: 'Most files that the guest may have.', since: '4.19' },
    'max-open-files': { type: number(0), doc: 'Most files that may be open at once.', since: '4.19' },
    'auto-delete': { type: boolean, doc: 'Files are deleted when space runs out.', since: '4.19' },
  },
  { required: ['tag', 'security_model', 'path'] },
);

export const pvcalls = specification('a PV calls device', 'backend=0', { backend });

export const vfb = specification(
  'a frame buffer',
  'vnc=1,vnclisten=127.0.0.1',
  {
    vnc: { type: boolean, doc: 'It is shown by VNC.', default: '1' },
    vnclisten: {
      type: text('127.0.0.1'),
      doc: 'Address that the VNC server listens on.',
      default: '127.0.0.1',
    },
    vncdisplay: { type: number(0), doc: 'Number of the VNC display: port 5900 and up.' },
    vncunused: { type: boolean, doc: 'The first free VNC port is taken.', default: '1' },
    vncpasswd: { type: string, doc: 'Password of the VNC server.' },
    sdl: { type: boolean, doc: 'It is shown in a window of SDL.', default: '0' },
    display: { type: text(':0'), doc: 'X display of the window.' },
    xauthority: { type: text('/root/.Xauthority'), doc: 'X authority file of the window.' },
    opengl: { type: boolean, doc: 'The window uses OpenGL.', default: '0' },
    keymap: { type: text('de'), doc: 'Keyboard layout.', default: 'en-us' },
  },
  { unknown: 'ignored' },
);

export const vkb = specification(
  'a keyboard',
  'backend-type=qemu',
  {
    backend,
    'backend-type': {
      type: choice({ qemu: 'QEMU.', linux: 'A program in the backend domain.' }),
      doc: 'Kind of backend. Has to be there.',
    },
    'unique-id': { type: text('keyboard'), doc: 'Name by which the backend knows it.' },
    'feature-disable-keyboard': { type: boolean, doc: 'No keyboard.' },
    'feature-disable-pointer': { type: boolean, doc: 'No pointer.' },
    'feature-abs-pointer': { type: boolean, doc: 'The pointer reports absolute positions.' },
    'feature-raw-pointer': { type: boolean, doc: 'The pointer reports raw positions.' },
    'feature-multi-touch': { type: boolean, doc: 'There is a touch screen.' },
    'multi-touch-width': { type: number(0), doc: 'Width of the touch screen.' },
    'multi-touch-height': { type: number(0), doc: 'Height of the touch screen.' },
    'multi-touch-num-contacts': { type: number(0), doc: 'Number of fingers.' },
    width: { type: number(0), doc: 'Width of the area of an absolute pointer.' },
    height: { type: number(0), doc: 'Height of the area of an absolute pointer.' },
  },
  { required: ['backend-type'] },
);

export const vdispl = specification(
  'a display',
  'backend=0,connectors=id0:1920x1080',
  {
    backend,
    'be-alloc': { type: boolean, doc: 'The backend allocates the buffers.', default: '0' },
    connectors: {
      type: formed(
        /^[^:;,]+:\d+x\d+(;[^:;,]+:\d+x\d+)*$/,
        'id:WIDTHxHEIGHT, joined by semicolons',
        'id0:1920x1080',
      ),
      doc: 'Screens: `id0:1920x1080;id1:800x600`. Has to be there.',
    },
  },
  { required: ['connectors'] },
);

export const channel = specification(
  'a channel',
  'connection=socket,name=agent,path=/run/agent.sock',
  {
    connection: {
      type: exactly({ pty: 'A pseudoterminal of the host.', socket: 'A Unix socket at `path`.' }),
      doc: 'What it is connected to on the host. Has to be there.',
    },
    name: { type: text('agent'), doc: 'Name by which the guest finds it.' },
    path: { type: text('/run/agent.sock'), doc: 'Path of the socket.' },
    backend,
  },
  { unknown: 'ignored', required: ['connection'] },
);

export const vtpm = specification('a TPM', 'backend=vtpmmgr', {
  backend: { ...backend, doc: 'Domain that serves the TPM. Has to be there.' },
  uuid: { type: string, doc: 'UUID of the TPM.' },
});

export const usbctrl = specification('a USB controller', 'version=2,ports=8', {
  type: {
    type: choice({
      auto: 'What fits.',
      pv: "The kernel's PV backend.",
      qusb: 'The PV backend of QEMU.',
      devicemodel: 'Emulated by QEMU; x86 only.',
    }),
    doc: 'Kind of controller.',
    default: 'auto',
  },
  version: { type: number(1, 3), doc: 'USB version.', default: '2' },
  ports: { type: number(1, 31), doc: 'Number of ports.', default: '8' },
});

export const usbdev = specification('a USB device', 'hostbus=1,hostaddr=3', {
  type: { type: choice({ hostdev: 'A device of the host.' }), doc: 'Kind of device.', default: 'hostdev' },
  hostbus: { type: number(1), doc: 'Bus of the device on the host.' },
  hostaddr: { type: number(1), doc: 'Address of the device on its bus.' },
  controller: { type: number(0), doc: 'Controller of the guest that it is plugged into.' },
  port: { type: number(1), doc: 'Port of that controller.' },
});

export const virtio = specification(
  'a virtio device',
  'backend=0,type=virtio,device,transport=mmio',
  {
    backend,
    type: { type: text('virtio,device'), doc: 'Kind of device: `virtio,device` or `virtio,device22`.' },
    transport: { type: exactly({ mmio: 'Registers in memory.' }), doc: 'Transport; `mmio` is the only one.' },
    grant_usage: {
      type: boolean,
      doc: 'Memory is shared by grants.',
      default: '1 unless backend is domain 0',
    },
  },
  { unknown: 'unchecked' },
);

export const armSci = specification('a system control interface', 'type=scmi_smc', {
  type: { type: choice({ none: 'None.', scmi_smc: 'SCMI by SMC, through Xen.' }), doc: 'Kind of interface.' },
});
