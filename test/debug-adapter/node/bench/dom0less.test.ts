// What Xen reads about a dom0less domain: the form is that of a tree with which Xen 4.17 booted one.

import { expect, test } from 'vitest';
import { describeDomain } from '../../../../debug-adapter/node/bench/dom0less.ts';
import { DeviceTree } from '../../../../emulator/formats/device-tree.ts';
import { printDts } from '../../../../emulator/formats/dts.ts';

test('kernel and ramdisk of a domain are modules of its node', () => {
  const tree = new DeviceTree();
  tree.root.add('chosen').strings('stdout-path', '/pl011@9000000');
  describeDomain(tree, { name: 'one', kernel: 'Image', append: 'console=ttyAMA0', memory: 256 }, [
    { address: 0x5000_0000, size: 0x1f6_dfc0, kind: 'multiboot,kernel' },
    { address: 0x5400_0000, size: 0xf_0d99, kind: 'multiboot,ramdisk' },
  ]);
  expect(printDts(tree)).toMatchInlineSnapshot(`
    "/dts-v1/;

    / {

    	chosen {
    		stdout-path = "/pl011@9000000";
    		#address-cells = <0x02>;
    		#size-cells = <0x02>;
    		xen,xen-bootargs = "console=dtuart dtuart=/pl011@9000000 bootscrub=0";

    		domU1 {
    			#address-cells = <0x02>;
    			#size-cells = <0x02>;
    			compatible = "xen,domain";
    			memory = <0x00 0x40000>;
    			cpus = <0x01>;
    			vpl011;

    			module@50000000 {
    				compatible = "multiboot,kernel\\0multiboot,module";
    				reg = <0x00 0x50000000 0x00 0x1f6dfc0>;
    				bootargs = "console=ttyAMA0";
    			};

    			module@54000000 {
    				compatible = "multiboot,ramdisk\\0multiboot,module";
    				reg = <0x00 0x54000000 0x00 0xf0d99>;
    			};
    		};
    	};
    };
    "
  `);
});
