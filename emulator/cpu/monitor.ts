// What sits at EL2 when it is not guest code: the socket of the embedded hypervisor.

export interface Monitor {
  /**
   * An exception was taken to EL2 on this CPU: its state is complete in ESR_EL2, FAR_EL2,
   * HPFAR_EL2, ELR_EL2, SPSR_EL2 and TRAP_VECTOR. Afterwards the caller performs an exception
   * return from EL2, whatever the outcome, and then does what the outcome says: a vCPU that waits
   * or is stopped shows its own PC and registers.
   */
  onTrap(cpu: number): TrapOutcome;
  /**
   * The moment has come that the monitor had asked for (Machine.setMonitorDeadline): it lets CPUs wait and others go on,
   * outside of any trap. The machine stands between two instructions.
   */
  expire?(): void;
  /** A debugger lets this CPU alone go on; with undefined all do. */
  runAlone?(cpu: number | undefined): void;
}

export type TrapOutcome =
  /** Go on. */
  | { readonly kind: 'resume' }
  /**
   * The CPU executes nothing until a physical interrupt is pending for it (whatever PSTATE masks)
   * or the monitor wakes it. A physical interrupt then goes to EL2 before any
   * instruction of the guest.
   */
  | { readonly kind: 'wait' }
  /** The vCPU is switched off or paused: nothing runs here until the monitor starts it. */
  | { readonly kind: 'off' }
  /** The rest of the slice may go to another CPU. */
  | { readonly kind: 'yield' }
  /** Hand over to the debugger: the guest can make no progress, and this is why. */
  | { readonly kind: 'stop'; readonly reason: string };
