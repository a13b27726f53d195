// GICv3 (Arm IHI 0069): distributor and redistributor in memory, the CPU interface in system registers.
// Private interrupts live in the redistributor. That of vCPU 0, the only one used here, is the first.

#include "gic.h"
#include "mmu.h"

#define GICD_CTLR 0x0000
#define GICD_CTLR_ENABLE_GROUP1 (1 << 1)
#define GICD_CTLR_ARE (1 << 4)

#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1 << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1 << 2)
#define GICR_SGI_FRAME 0x10000
#define GICR_ISENABLER0 (GICR_SGI_FRAME + 0x100)
#define GICR_ICENABLER0 (GICR_SGI_FRAME + 0x180)
#define GICR_IPRIORITYR (GICR_SGI_FRAME + 0x400)
#define GICR_SIZE 0x20000

// Spelled by number, because assemblers know the names only for newer architectures.
#define ICC_PMR_EL1 S3_0_C4_C6_0
#define ICC_IAR1_EL1 S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_SRE_EL1 S3_0_C12_C12_5
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define read_icc(name) read_sysreg_(name)
#define read_sysreg_(name) read_sysreg(name)
#define write_icc(name, value) write_sysreg_(name, value)
#define write_sysreg_(name, value) write_sysreg(name, value)

static volatile u8 *redistributor;

static volatile u32 *word(volatile u8 *base, unsigned offset) { return (volatile u32 *)(base + offset); }

static void init(const struct range regions[2]) {
  volatile u8 *distributor = map_device(regions[0].base, regions[0].size);
  *word(distributor, GICD_CTLR) = GICD_CTLR_ARE | GICD_CTLR_ENABLE_GROUP1;

  redistributor = map_device(regions[1].base, GICR_SIZE);
  *word(redistributor, GICR_WAKER) &= ~GICR_WAKER_SLEEP;
  while (*word(redistributor, GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) {
  }

  write_icc(ICC_SRE_EL1, read_icc(ICC_SRE_EL1) | 1);
  isb();
  write_icc(ICC_PMR_EL1, GIC_ALL_PRIORITIES);
  write_icc(ICC_IGRPEN1_EL1, 1);
  isb();
}

static void enable(unsigned intid) {
  redistributor[GICR_IPRIORITYR + intid] = GIC_PRIORITY;
  *word(redistributor, GICR_ISENABLER0) = 1u << intid;
}

static void disable(unsigned intid) { *word(redistributor, GICR_ICENABLER0) = 1u << intid; }

static void set_priority_mask(u8 priority) {
  write_icc(ICC_PMR_EL1, priority);
  isb();
}

static u32 acknowledge(void) {
  u32 intid = (u32)read_icc(ICC_IAR1_EL1);
  dsb(sy);
  return intid;
}

static void end(u32 acknowledged) {
  write_icc(ICC_EOIR1_EL1, acknowledged);
  isb();
}

const struct gic_driver gic_v3 = {
  .init = init,
  .enable = enable,
  .disable = disable,
  .set_priority_mask = set_priority_mask,
  .acknowledge = acknowledge,
  .end = end,
};
