// Sources that exist nowhere as files: what a machine was made of, the device tree of each guest, and the configuration
// that a Linux kernel carries inside it (CONFIG_IKCONFIG).

import { readDtb } from '../../emulator/formats/dtb.ts';
import { printDts } from '../../emulator/formats/dts.ts';
import type { MachineConfig } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import type { Host } from '../host.ts';
import type { Target } from '../symbols/target.ts';
import { textHash } from '../text-hash.ts';

export interface GeneratedText {
  readonly name: string;
  /** For clients that ask for it again in a later session. */
  readonly sourceReference: number;
  readonly mimeType: string;
  text(): Promise<string>;
}

/** What a kernel's configuration is at most. */
const MAX_CONFIGURATION = 1 << 22;

export async function generatedTexts(
  host: Pick<Host, 'decompress'>,
  debuggee: Debuggee,
  config: MachineConfig,
): Promise<readonly GeneratedText[]> {
  const texts = [textOf('machine.json', 'application/json', async () => describedMachine(config))];
  for (const target of debuggee.targets) {
    const { domain, info } = target;
    const blob = await debuggee.machine.request('deviceTree', { domain });
    if (blob) texts.push(textOf(`${info.name}.dts`, 'text/plain', async () => printDts(readDtb(blob))));
    const packed = await packedConfiguration(debuggee, target);
    if (!packed) continue;
    const unpacked = (): Promise<Uint8Array> => host.decompress('gzip', packed, MAX_CONFIGURATION);
    texts.push(
      textOf(`${info.name}.config`, 'text/plain', async () => new TextDecoder().decode(await unpacked())),
    );
  }
  return texts;
}

function textOf(name: string, mimeType: string, text: () => Promise<string>): GeneratedText {
  return { name, sourceReference: textHash(`text ${name}`), mimeType, text };
}

/** With what was left out in the launch configuration, and without the bytes of files. */
function describedMachine(config: MachineConfig): string {
  const describe = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return `0x${value.toString(16)}`;
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    if (typeof value !== 'object' || value === null) return value;
    if ('kernel' in value && 'name' in value && !('memory' in value)) return value.name;
    if ('bytes' in value && 'name' in value) return value.name;
    return value;
  };
  return `${JSON.stringify(config, describe, 2)}\n`;
}

/** Between two symbols of kernel/configs.c. */
async function packedConfiguration(debuggee: Debuggee, target: Target): Promise<Uint8Array | undefined> {
  const [from] = target.addressesOf('kernel_config_data');
  const [to] = target.addressesOf('kernel_config_data_end');
  if (from === undefined || to === undefined || to <= from || to - from > MAX_CONFIGURATION) return undefined;
  const ipa = target.map.toIpa(from);
  if (ipa === undefined) return undefined;
  const { domain } = target;
  const bytes = await debuggee.readMemory({ kind: 'ipa', domain }, BigInt(ipa), Number(to - from));
  return bytes.length === Number(to - from) ? bytes : undefined;
}
