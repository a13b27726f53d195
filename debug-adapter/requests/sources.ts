// Generated sources, and the images that symbols belong to.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { annotated, HYPERCALL_REACH } from '../instructions/annotate.ts';
import type { GeneratedSource } from '../instructions/generated-sources.ts';
import { generatedTexts } from '../instructions/generated-texts.ts';
import type { GeneratedText } from '../instructions/generated-texts.ts';
import { hex8 } from '../instructions/disassembler.ts';
import * as errors from '../errors.ts';
import { nameOfDomain } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import type { Target } from '../symbols/target.ts';
import { wordsOf } from './memory.ts';

export const sourceRequests = [
  request('source', {
    needs: 'machine',
    async handle(session, { source, sourceReference }) {
      const reference = source?.sourceReference || sourceReference;
      const generated = session.sources.get(reference);
      const text = generated
        ? undefined
        : (await textsOf(session)).find((one) => one.sourceReference === reference);
      if (text) return { content: await text.text(), mimeType: text.mimeType };
      if (!generated) throw errors.unknownSource(reference);
      return { content: await listing(session, generated), mimeType: 'text/x-asm' };
    },
  }),

  request('loadedSources', {
    capabilities: { supportsLoadedSourcesRequest: true },
    needs: 'machine',
    progress: 'Listing source files',
    async handle(session) {
      const paths = new Set<string>();
      for (const target of oncePerFile(session.debuggee.withSymbols)) {
        for (const path of await target.sourceFiles()) paths.add(path);
        session.checkCancelled();
      }
      const sources = [...paths].sort().map(
        (path): Dap.Source => ({
          name: path.split(/[/\\]/).at(-1) ?? path,
          path: session.pathToClient(path),
        }),
      );
      const texts = await textsOf(session);
      return {
        sources: [...sources, ...texts.map(({ name, sourceReference }) => ({ name, sourceReference }))],
      };
    },
  }),

  request('modules', {
    capabilities: {
      supportsModulesRequest: true,
      additionalModuleColumns: [
        { attributeName: 'domain', label: 'Domain', type: 'string' },
        { attributeName: 'slide', label: 'Slide', type: 'string' },
        { attributeName: 'buildId', label: 'Build ID', type: 'string' },
      ],
    },
    needs: 'machine',
    async handle(session, { startModule = 0, moduleCount = 0 }) {
      const images = oncePerFile(session.debuggee.withSymbols).map(moduleOf);
      const known = new Set(images.map(({ id }) => id));
      const others = (await guestModules(session)).filter(({ id }) => !known.has(id));
      const all = [...images, ...others];
      const end = moduleCount === 0 ? undefined : startModule + moduleCount;
      return { modules: all.slice(startModule, end), totalModules: all.length };
    },
  }),
];

const textsOf = ({ host, machine }: XenSession): Promise<readonly GeneratedText[]> =>
  generatedTexts(host, machine.debuggee, machine.machineConfig);

/** Several processes may run one program. */
export const oncePerFile = (images: readonly Target[]): readonly Target[] => [
  ...new Map(images.map((target) => [target.image.id, target])).values(),
];

/** An image as the protocol shows it. */
export function moduleOf({
  image,
  info,
  symbols,
  lines,
  map,
  as,
}: Target): Dap.Module & Record<string, unknown> {
  const [range] = as?.kind === 'module' ? map.ranges : [];
  return {
    id: image.id,
    name: image.name,
    path: image.path,
    symbolStatus: symbols ? (lines ? 'Symbols and lines' : 'Symbols') : 'No symbols',
    ...(symbols && { symbolFilePath: symbols.description }),
    ...(range && { addressRange: `0x${range.start.toString(16)}-0x${range.end.toString(16)}` }),
    domain: info.name,
    ...(image.buildId !== undefined && { buildId: image.buildId }),
    ...(!range && { slide: map.slide === undefined ? 'not known yet' : `0x${map.slide.toString(16)}` }),
  };
}

/** Those that a kernel has loaded and nobody has noticed yet, behind the others. */
async function guestModules(session: XenSession): Promise<readonly Dap.Module[]> {
  const rows: (Dap.Module & Record<string, unknown>)[] = [];
  for (const { domain, info } of session.debuggee.targets) {
    const guest = await session.debuggee.guestOs(domain);
    for (const { name, address, size } of (await guest?.modules()) ?? []) {
      const end = address + BigInt(size);
      rows.push({
        id: `${nameOfDomain(domain)}:module:${name}`,
        name,
        symbolStatus: 'No symbols',
        addressRange: `0x${address.toString(16)}-0x${end.toString(16)}`,
        domain: info.name,
      });
    }
  }
  return rows;
}

async function listing(session: XenSession, source: GeneratedSource): Promise<string> {
  const vcpu = session.vcpuIn(source.domain);
  const length = Number(source.end - source.start);
  const bytes = await session.debuggee.readMemory({ kind: 'va', at: vcpu }, source.start, length);
  const target = session.debuggee.targetFor(vcpu);
  const disassembler = await session.disassembler();
  const words = wordsOf(bytes, length >>> 2);
  const lines = disassembler.disassemble(words, source.start).map((line, i) => {
    const word = line.word === undefined ? '????????' : hex8(line.word);
    const text = annotated(line, words.slice(Math.max(0, i - HYPERCALL_REACH), i), target);
    return `${line.address.toString(16).padStart(16, '0')}  ${word}  ${text}`;
  });
  return [`${target.describe(source.start) ?? source.name}:`, ...lines, ''].join('\n');
}
