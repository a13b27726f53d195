// What the device tree says of the machine, as far as this kernel wants to know.

#pragma once

#include "base.h"

struct range {
  u64 base;
  u64 size;
};

struct platform {
  const char *command_line;
  struct range memory;
  unsigned gic_version; // 2 or 3; 0: none
  struct range gic[2];  // distributor; CPU interface (2) or redistributors (3)
  unsigned timer_intid; // of the virtual timer
  bool has_xen;
  struct range grant_window;
  unsigned event_intid;
};

void read_device_tree(const void *tree, struct platform *platform);
