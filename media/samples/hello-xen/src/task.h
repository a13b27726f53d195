// One program at EL0, in a translation table of its own.

#pragma once

#include "exceptions.h"

struct task {
  const char *name;
  u64 *tables;
  u64 kernel_sp; // where the kernel goes on when the task ends
  unsigned system_calls;
};

void task_init(struct task *t, const char *name);
// Runs the task to its end; returns its exit code.
int run_task(struct task *t);

// For exceptions.c: what the running task asked for, and the end of a task that did something wrong.
void handle_system_call(struct exception_frame *frame);
_Noreturn void end_task(int code);
