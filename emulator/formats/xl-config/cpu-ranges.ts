// Sets of host CPUs as xl.cfg writes them: `0-3,5,^1`, `all`, `node:0`. tools/xl, parse_cpurange() and cpurange_parse().

/** Numbers above this name no CPU that a set of ours could hold. */
const HIGHEST = 31;

/** Bit n is CPU n. Undefined for text of another form. The host is one NUMA node. */
export function parseCpuRanges(text: string): number | undefined {
  let set = 0;
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const match = /^(\^?)(nodes?:)?(all|(\d+)(?:-(\d+))?)$/.exec(part);
    if (!match) return undefined;
    const [, without, node, what, first = '0', last = first] = match;
    const named = node
      ? nodes(what === 'all', Number(first))
      : cpus(what === 'all', Number(first), Number(last));
    set = (without ? set & ~named : set | named) >>> 0;
  }
  return set;
}

const nodes = (all: boolean, first: number): number => (all || first === 0 ? 0xffff_ffff : 0);

function cpus(all: boolean, first: number, last: number): number {
  if (all) return 0xffff_ffff;
  let set = 0;
  for (let cpu = first; cpu <= Math.min(last, HIGHEST); cpu++) set |= 1 << cpu;
  return set >>> 0;
}
