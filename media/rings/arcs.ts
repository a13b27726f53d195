// Where the parts of a drawn ring are: plain geometry. Place 0 is at the top, places go clockwise.

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Band {
  readonly inner: number;
  readonly outer: number;
}

/** A point at a share of the way around. */
export function pointAt(share: number, radius: number): Point {
  const angle = share * 2 * Math.PI - Math.PI / 2;
  return { x: rounded(Math.cos(angle) * radius), y: rounded(Math.sin(angle) * radius) };
}

/** The path of a part of a band between two shares of the way around; the whole band when it is all of it. */
export function arcPath(from: number, to: number, { inner, outer }: Band): string {
  if (to - from >= 1) return `${circle(outer)} ${circle(inner, true)}`;
  const long = to - from > 0.5 ? 1 : 0;
  const a = pointAt(from, outer);
  const b = pointAt(to, outer);
  const c = pointAt(to, inner);
  const d = pointAt(from, inner);
  return (
    `M ${a.x} ${a.y} A ${outer} ${outer} 0 ${long} 1 ${b.x} ${b.y} ` +
    `L ${c.x} ${c.y} A ${inner} ${inner} 0 ${long} 0 ${d.x} ${d.y} Z`
  );
}

function circle(radius: number, backwards = false): string {
  const sweep = backwards ? 0 : 1;
  return `M 0 ${-radius} A ${radius} ${radius} 0 1 ${sweep} 0 ${radius} A ${radius} ${radius} 0 1 ${sweep} 0 ${-radius} Z`;
}

/** Moves values apart that are nearer to each other than a gap, away from the first one in the order given. */
export function spread(values: readonly number[], gap: number, direction: 1 | -1): number[] {
  const order = values
    .map((value, index) => ({ value, index }))
    .sort((a, b) => direction * (a.value - b.value));
  const result = [...values];
  let last: number | undefined;
  for (const { value, index } of order) {
    const least = last === undefined ? value : last + direction * gap;
    last = direction * Math.max(direction * value, direction * least);
    result[index] = rounded(last);
  }
  return result;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
