// GICv2 (Arm IHI 0048). Under Xen the CPU interface is the virtual one, at the address of the real one.

#include "gic.h"
#include "mmu.h"

#define GICD_CTLR 0x000
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_IPRIORITYR 0x400

#define GICC_CTLR 0x000
#define GICC_PMR 0x004
#define GICC_IAR 0x00c
#define GICC_EOIR 0x010

static volatile u8 *distributor;
static volatile u8 *cpu_interface;

static void write32(volatile u8 *base, unsigned offset, u32 value) { *(volatile u32 *)(base + offset) = value; }

static u32 read32(volatile u8 *base, unsigned offset) { return *(volatile u32 *)(base + offset); }

static void init(const struct range regions[2]) {
  distributor = map_device(regions[0].base, regions[0].size);
  cpu_interface = map_device(regions[1].base, regions[1].size);
  write32(distributor, GICD_CTLR, 1);
  write32(cpu_interface, GICC_PMR, GIC_ALL_PRIORITIES);
  write32(cpu_interface, GICC_CTLR, 1);
}

static void enable(unsigned intid) {
  distributor[GICD_IPRIORITYR + intid] = GIC_PRIORITY;
  write32(distributor, GICD_ISENABLER + intid / 32 * 4, 1u << intid % 32);
}

static void disable(unsigned intid) {
  write32(distributor, GICD_ICENABLER + intid / 32 * 4, 1u << intid % 32);
}

static void set_priority_mask(u8 priority) { write32(cpu_interface, GICC_PMR, priority); }

static u32 acknowledge(void) { return read32(cpu_interface, GICC_IAR); }

static void end(u32 acknowledged) { write32(cpu_interface, GICC_EOIR, acknowledged); }

const struct gic_driver gic_v2 = {
  .init = init,
  .enable = enable,
  .disable = disable,
  .set_priority_mask = set_priority_mask,
  .acknowledge = acknowledge,
  .end = end,
};
