// Names of the board's devices for people, by those of their register blocks.

const NAMES: Readonly<Record<string, string>> = {
  gicd: 'GIC distributor',
  gicc: 'GIC CPU interface',
  gich: 'GIC hypervisor interface',
  gicv: 'GIC virtual CPU interface',
  gicr: 'GIC redistributors',
  pl011: 'UART (PL011)',
  pl031: 'real-time clock (PL031)',
};

export const deviceName = (block: string): string => NAMES[block] ?? block;
