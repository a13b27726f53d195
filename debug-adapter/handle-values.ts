// What the ids that clients get stand for: frames, targets of steps and jumps, and containers of variables.

import type { VcpuId } from '../emulator/machine/messages.ts';
import type { Frame } from './frames/stack.ts';
import type { ValueHandle } from './values/handles.ts';
import type { FrameOfVcpu } from './values/scope.ts';

/** Behind a frame id or a variables reference. */
export type HandleValue =
  | { readonly kind: 'label' }
  /** A call to step into, by its address; undefined: the handler of the next exception. */
  | { readonly kind: 'step-target'; readonly vcpu: VcpuId; readonly call: bigint | undefined }
  | { readonly kind: 'goto-target'; readonly vcpu: VcpuId; readonly address: bigint }
  | ({ readonly kind: 'frame' } & FrameOfVcpu)
  /** What the hypervisor did for the vCPU whose innermost frame this is. */
  | { readonly kind: 'hypervisor'; readonly at: FrameOfVcpu }
  | ValueHandle
  | {
      readonly kind: 'registers';
      readonly group: RegisterScope;
      readonly vcpu: VcpuId;
      readonly index: number;
      readonly frame: Frame;
      /** Of this register the fields. */
      readonly register?: string;
    };

export type RegisterScope = 'general' | 'fp' | 'system' | 'EL0' | 'EL1' | 'EL2' | 'other';
