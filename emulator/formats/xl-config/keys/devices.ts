// Keys of devices: PV devices that a backend serves, devices of the host that are passed through, and the
// device model, which on Arm only serves PV backends.

import { isDiskModelled } from '../../disk-spec.ts';
import { isVifModelled } from '../../vif-spec.ts';
import {
  boolean,
  choice,
  exactly,
  formed,
  list,
  noEffect,
  number,
  path,
  string,
  text,
  unsupported,
  type XlKeys,
} from './row.ts';
import {
  channel,
  disk,
  p9,
  pvcalls,
  usbctrl,
  usbdev,
  vdispl,
  vfb,
  vif,
  vkb,
  vtpm,
} from './specifications.ts';

const model = noEffect('no device model runs');
const BDF = /^(name=.*|(bdf=)?([0-9a-f]{1,4}:)?[0-9a-f]{1,2}:[0-9a-f]{1,2}\.([0-7*]).*)$/i;

export const deviceKeys: XlKeys = {
  disk: {
    type: list(disk),
    arm: 'meaningful',
    doc: 'Block devices, each `"TARGET,FORMAT,VDEV,ACCESS"`, see xl-disk-configuration(5). Xenscope serves raw and qcow2 files, and two kinds that xl does not know: `"scratch:4M,raw,xvda,w"` is zeros at first, and what is written to `"overlay:disk.img,raw,xvda,w"` stays in memory.',
    run: {
      status: 'unsupported',
      what: 'Block devices of this kind',
      neutral: [''],
      except: {
        takes: isDiskModelled,
        hint: 'Domain 0 serves raw and qcow2 files, and scratch disks such as "scratch:4M,raw,xvda,w".',
      },
    },
  },
  vif: {
    type: list(vif),
    arm: 'meaningful',
    doc: 'Network interfaces, each `"bridge=xenbr0,mac=…"`, see xl-network-configuration(5). An empty string is an interface with all defaults. A bridge leads to the other domains on it and to a network with DHCP, names and a gateway; nothing of the host is reached.',
    run: {
      status: 'unsupported',
      what: 'Network interfaces of this kind',
      neutral: [''],
      except: { takes: isVifModelled, hint: 'Domain 0 serves PV interfaces.' },
    },
  },
  p9: {
    type: list(p9),
    arm: 'meaningful',
    doc: 'Folders of the host, shared by 9pfs.',
    run: unsupported('9pfs shares', ''),
  },
  pvcalls: {
    type: list(pvcalls),
    arm: 'meaningful',
    doc: 'Sockets of the guest that the backend serves (PV calls).',
    run: unsupported('PV calls', ''),
  },
  vfb: {
    type: list(vfb),
    arm: 'meaningful',
    doc: 'PV frame buffers.',
    run: unsupported('Virtual frame buffers', ''),
  },
  vkb: {
    type: list(vkb),
    arm: 'meaningful',
    doc: 'PV keyboards, pointers and touch screens.',
    run: unsupported('Virtual keyboards', ''),
  },
  vdispl: {
    type: list(vdispl),
    arm: 'meaningful',
    doc: 'PV displays.',
    run: unsupported('Virtual displays', ''),
  },
  vsnd: {
    type: list(list(text('card, backend=0'))),
    arm: 'meaningful',
    doc: 'PV sound cards, each a list of `"CARD, …"`, `"PCM, …"` and `"STREAM, …"`.',
    run: unsupported('Virtual sound cards', ''),
  },
  channel: {
    type: list(channel),
    arm: 'meaningful',
    doc: 'Channels: PV consoles beside the first, connected to a pseudoterminal or a socket of the host.',
    run: unsupported('Channels', ''),
  },
  vtpm: { type: list(vtpm), arm: 'parsed', doc: 'PV TPMs.', run: unsupported('Virtual TPMs', '') },
  usbctrl: {
    type: list(usbctrl),
    arm: 'parsed',
    doc: 'USB controllers.',
    run: unsupported('Virtual USB controllers', ''),
  },
  usbdev: {
    type: list(usbdev),
    arm: 'parsed',
    doc: 'USB devices of the host.',
    run: unsupported('USB devices', ''),
  },
  vif2: {
    type: list(string),
    arm: 'parsed',
    doc: 'Network interfaces of the second kind, which xl never had.',
    deprecated: 'vif',
    run: noEffect('it means nothing to an Arm guest'),
  },

  // ---- devices of the host
  dtdev: {
    type: list(formed(/^\//, 'an absolute path in the device tree of the host', '/soc/ethernet@fe300000')),
    arm: 'meaningful',
    doc: 'Devices of the host, by path in its device tree, that are put behind the IOMMU for this domain.',
    run: unsupported('Host devices', ''),
  },
  iomem: {
    type: list(
      formed(
        /^(0x)?[0-9a-f]+,(0x)?[0-9a-f]+(@(0x)?[0-9a-f]+)?$/i,
        'START,COUNT or START,COUNT@GFN, pages in hexadecimal',
        'fe300,1@22000',
      ),
    ),
    arm: 'meaningful',
    doc: 'Pages of the host that the guest may use as they are: `"START,COUNT"` or `"START,COUNT@GFN"`, hexadecimal page numbers.',
    run: unsupported('Host memory ranges', ''),
  },
  irqs: {
    type: list(number(0, 1019)),
    arm: 'meaningful',
    doc: 'Interrupts of the host that the guest gets, as INTID: the number of an SPI in a device tree plus 32.',
    run: unsupported('Host interrupts', ''),
  },
  passthrough: {
    type: choice({
      default: 'Enabled when devices are passed through, and disabled otherwise.',
      disabled: 'No devices can be passed through.',
      enabled: 'On Arm as `share_pt`.',
      share_pt: "The IOMMU uses the domain's stage-2 tables.",
      sync_pt: 'The IOMMU has tables of its own. Refused on Arm.',
    }),
    arm: 'meaningful',
    doc: 'Whether the domain has an IOMMU context.',
    default: '"default"',
    run: unsupported('IOMMU use', 'default', 'disabled'),
  },
  pci: {
    type: list(formed(BDF, 'a PCI address such as 0000:03:00.0', '0000:03:00.0')),
    arm: 'parsed',
    doc: 'PCI devices of the host. Experimental on Arm, and not compiled in by distributions.',
    run: unsupported('PCI devices', ''),
  },

  // ---- the device model
  device_model: {
    type: string,
    arm: 'parsed',
    doc: 'Path of the device model, ignored.',
    deprecated: 'device_model_override',
    run: model,
  },
  device_model_version: {
    type: exactly({ 'qemu-xen': 'QEMU.', 'qemu-xen-traditional': 'The old fork of QEMU; x86 only.' }),
    arm: 'parsed',
    doc: 'Device model. On Arm it only serves PV backends.',
    default: '"qemu-xen"',
    run: model,
  },
  device_model_override: {
    type: path('/usr/bin/qemu-system-aarch64'),
    arm: 'parsed',
    doc: 'Path of the device model.',
    run: model,
  },
  device_model_args: {
    type: list(string),
    arm: 'parsed',
    doc: 'Arguments of the device model.',
    run: model,
  },
  device_model_args_pv: {
    type: list(string),
    arm: 'parsed',
    doc: 'Arguments of the device model of a PV or PVH guest.',
    run: model,
  },
  device_model_args_hvm: {
    type: list(string),
    arm: 'x86',
    doc: 'Arguments of the device model of an HVM guest.',
    run: model,
  },
  device_model_user: {
    type: text('xen-qemuuser-shared'),
    arm: 'parsed',
    doc: 'User that the device model runs as, with `dm_restrict`.',
    run: model,
  },
  dm_restrict: {
    type: boolean,
    arm: 'parsed',
    doc: 'The device model gives up its privileges once it is started.',
    default: '0',
    run: model,
  },
  device_model_stubdomain_override: {
    type: boolean,
    arm: 'x86',
    doc: 'The device model runs in a domain of its own.',
    run: model,
  },
  device_model_stubdomain_seclabel: {
    type: string,
    arm: 'x86',
    doc: "FLASK label of the device model's domain.",
    run: model,
  },
  stubdomain_kernel: { type: string, arm: 'x86', doc: "Kernel of the device model's domain.", run: model },
  stubdomain_cmdline: { type: string, arm: 'x86', doc: 'Its command line.', run: model },
  stubdomain_ramdisk: { type: string, arm: 'x86', doc: 'Its RAM disk.', run: model },
  stubdomain_memory: { type: number(1, undefined, 'MiB'), arm: 'x86', doc: 'Its memory.', run: model },
};
