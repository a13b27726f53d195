import { expect, test } from 'vitest';
import { instructions } from '../../../../emulator/cpu/isa/catalog.ts';
import * as code from '../../../../emulator/engine/code/expression.ts';
import { FunctionBuilder } from '../../../../emulator/engine/code/function-builder.ts';
import { enumerateHandlers } from '../../../../emulator/engine/interpreter/enumerate.ts';
import { executeInstruction } from '../../../../emulator/engine/translator/emit-region.ts';
import { OperandDecoder } from '../../../../emulator/engine/translator/instructions.ts';
import { NotTranslatable, TranslatorOps } from '../../../../emulator/engine/translator/translator-ops.ts';

const REGISTER = /^R[a-z]\d?$/;

function emit(ops: TranslatorOps, decoder: OperandDecoder, word: number): void {
  ops.flags.known = undefined;
  ops.fpChecked = false;
  ops.pages.list = [];
  ops.begin(0);
  try {
    executeInstruction(ops, decoder.decode(word));
  } catch (error) {
    if (!(error instanceof NotTranslatable)) throw error;
  }
}

// The builder throws where an old value is used behind the write.
test('no instruction uses the old value of a register that it has written, even if all are the same', () => {
  const builder = new FunctionBuilder(1);
  const ops = new TranslatorOps({
    builder,
    registerLocal: (register) => register,
    pageVa: code.local('i64', 40),
    isWatched: false,
    tlbBase: code.local('i32', 41),
    kernelIndex: () => 0,
    materializeFlags: () => 0,
    interpret: () => {},
    leaveBehind: () => {},
  });
  let emitted = 0;
  for (const handler of enumerateHandlers(instructions).handlers) {
    const { row } = handler;
    const decoder = new OperandDecoder(handler);
    for (const register of [5, 30, 31]) {
      let word = row.value;
      const fields: Record<string, number> = {};
      for (const { name, shift } of row.fields) {
        const value = handler.statics[name] ?? (REGISTER.test(name) ? register : 0);
        fields[name] = value;
        word |= value << shift;
      }
      if (row.accept && !row.accept(fields)) continue;
      builder.rewind(0);
      builder.recycle();
      emit(ops, decoder, word);
      emitted++;
    }
  }
  expect(emitted).toBeGreaterThan(3000);
});
