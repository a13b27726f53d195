// What somebody may have meant by a word that is not known.

/** Words of other tools for what xl.cfg calls otherwise. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  append: 'extra',
  args: 'extra',
  bootargs: 'cmdline',
  cpu: 'vcpus',
  dtb: 'device_tree',
  gic: 'gic_version',
  image: 'kernel',
  initrd: 'ramdisk',
  initramfs: 'ramdisk',
  mem: 'memory',
  ncpus: 'vcpus',
  network: 'vif',
  net: 'vif',
  nic: 'vif',
  smp: 'vcpus',
};

/** The known word that is most like `word`; undefined when none is like it. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  const plain = word.toLowerCase().replaceAll('-', '_').slice(0, MOST);
  const elsewhere = Object.hasOwn(ELSEWHERE, plain) ? ELSEWHERE[plain] : undefined;
  if (elsewhere !== undefined && names.includes(elsewhere)) return elsewhere;
  let best: string | undefined;
  let least = Math.min(2, Math.floor(plain.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(plain, name.replaceAll('-', '_'), least);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** No name is longer: a word that is costs no more than one that is not. */
const MOST = 60;

/** Letters inserted, left out, changed or swapped with their neighbour; `limit` when there are more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + changed);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return Math.min(limit, last[b.length] ?? limit);
}
