// SCHEDOP_* structures and reasons of a shutdown. Xen public header sched.h.

import { pointer, struct, u16, u32, u64 } from './layout.ts';

export const SHUTDOWN_POWEROFF = 0;
export const SHUTDOWN_REBOOT = 1;
export const SHUTDOWN_SUSPEND = 2;
export const SHUTDOWN_CRASH = 3;
export const SHUTDOWN_WATCHDOG = 4;

/** Ports one SCHEDOP_poll may name. */
export const POLL_PORTS_MAX = 128;

export const schedShutdown = struct('sched_shutdown', { reason: u32 });
export const schedPoll = struct('sched_poll', { ports: pointer, nr_ports: u32, timeout: u64 });
export const schedRemoteShutdown = struct('sched_remote_shutdown', { domain_id: u16, reason: u32 });
export const schedWatchdog = struct('sched_watchdog', { id: u32, timeout: u32 });
