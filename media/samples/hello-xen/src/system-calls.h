// What the kernel does for a program at EL0: `svc #0` with the number in x8, arguments and result in x0
// and x1.

#pragma once

enum system_call {
  CALL_WRITE = 1, // text, size -> bytes written, or -1
  CALL_TICKS = 2, // -> timer ticks since boot
  CALL_SLEEP = 3, // ticks
  CALL_EXIT = 4,  // code
};
