// The interrupt controller, of either version.

#pragma once

#include "device-tree.h"

#define GIC_PRIORITY 0xa0 // of every interrupt here
#define GIC_ALL_PRIORITIES 0xff

struct gic_driver {
  void (*init)(const struct range regions[2]);
  void (*enable)(unsigned intid);
  void (*disable)(unsigned intid);
  void (*set_priority_mask)(u8 priority);
  u32 (*acknowledge)(void);
  void (*end)(u32 acknowledged);
};

extern const struct gic_driver gic_v2;
extern const struct gic_driver gic_v3;

void gic_init(const struct platform *platform);
void gic_enable(unsigned intid);
void gic_disable(unsigned intid);
// Interrupts of this priority and of larger numbers do not get through.
void gic_set_priority_mask(u8 priority);
// What acknowledge returns holds the INTID in its low ten bits, and goes to `end` as it is.
u32 gic_acknowledge(void);
void gic_end(u32 acknowledged);
