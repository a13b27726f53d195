#include "gic.h"

static const struct gic_driver *driver;

void gic_init(const struct platform *platform) {
  switch (platform->gic_version) {
    case 2:
      driver = &gic_v2;
      break;
    case 3:
      driver = &gic_v3;
      break;
    default:
      panic("the device tree names no interrupt controller that is known here");
  }
  driver->init(platform->gic);
}

void gic_enable(unsigned intid) { driver->enable(intid); }

void gic_disable(unsigned intid) { driver->disable(intid); }

void gic_set_priority_mask(u8 priority) { driver->set_priority_mask(priority); }

u32 gic_acknowledge(void) { return driver->acknowledge(); }

void gic_end(u32 acknowledged) { driver->end(acknowledged); }
