// The modules that regions live in: a batch of them each, with what they import.

import { ModuleWriter } from '../../base/wasm/module.ts';
import type { ValueType } from '../../base/wasm/opcodes.ts';
import type { CodeBuffer } from '../../base/wasm/code.ts';
import { type Kernel, type KernelName, kernels } from '../../cpu/kernels.ts';
import { REGION_SIGNATURE } from '../interpreter/generate.ts';
import type { RegionCounters } from './region-counters.ts';
import { buildOnward, ONWARD_SIGNATURE } from './onward.ts';

/** A region's function, before it has a module. It ends with the arguments of `onward` on the stack. */
export interface Body {
  readonly locals: ValueType[];
  readonly code: CodeBuffer;
}

const RETURN_CALL = 0x12;

/** One module with several regions. All that they call is imported. */
export class RegionModule {
  private readonly imports: { module: string; name: string }[] = [];
  private readonly indexes = new Map<string, number>();

  readonly counters: RegionCounters | undefined;

  constructor(counters?: RegionCounters) {
    this.counters = counters;
  }

  kernelIndex = (name: KernelName): number => this.indexOf('kernels', name);
  materializeFlags = (): number => this.indexOf('interpreter', 'flagsToNzcv');

  build(bodies: readonly Body[]): Uint8Array {
    const writer = new ModuleWriter();
    writer.importMemory('environment', 'memory', 1);
    writer.importTable('interpreter', 'handlers');
    for (const { module, name } of this.imports) {
      if (module === 'interpreter') {
        writer.importFunction(module, name, { params: ['i32', 'i64', 'i64'], results: ['i32'] });
        continue;
      }
      const { params, result }: Kernel = kernels[name as KernelName];
      writer.importFunction(module, name, { params, results: result ? [result] : [] });
    }
    const onward = writer.addFunction(
      ONWARD_SIGNATURE,
      buildOnward(writer.typeIndex(REGION_SIGNATURE), this.counters),
    );
    bodies.forEach((body, i) => {
      body.code.byte(RETURN_CALL);
      body.code.unsigned(onward);
      writer.addFunction(REGION_SIGNATURE, body, String(i));
    });
    return writer.build();
  }

  private indexOf(module: string, name: string): number {
    let index = this.indexes.get(name);
    if (index === undefined) {
      index = this.imports.push({ module, name }) - 1;
      this.indexes.set(name, index);
    }
    return index;
  }
}
