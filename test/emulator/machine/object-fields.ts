// Every field of every object that can be reached from one, to be changed and changed back: for
// tests that ask whether somebody forgot one.

export interface Field {
  /** `Class.field`; a plain object or list inside belongs to the class that holds it: `Class.field[].name`. */
  readonly name: string;
  /** Makes the field another value; the result puts the old one back. */
  change(): () => void;
}

/** What stands in WebAssembly memory or only looks at it. */
const SKIPPED =
  /^(Engine|CpuState|PhysicalMemory|SystemRegisters|DataView|ArrayBuffer|Memory|Instance|Module)$/;

/** One field of each name. */
export function* fieldsOf(root: object): Generator<Field> {
  const seen = new Set<object>();
  const names = new Set<string>();
  for (const field of walk(root, '', seen)) {
    if (names.has(field.name)) continue;
    names.add(field.name);
    yield field;
  }
}

function* walk(object: object, path: string, seen: Set<object>): Generator<Field> {
  if (seen.has(object)) return;
  seen.add(object);
  if (ArrayBuffer.isView(object)) return yield* elementOf(object as unknown as number[], path);
  if (Array.isArray(object)) return yield* walkList(object, path, seen);
  if (object instanceof Map) return yield* walkMap(object, path, seen);
  if (object instanceof Set) return yield { name: `${path}{new}`, change: () => addTo(object) };
  const type = object.constructor?.name ?? 'Object';
  if (SKIPPED.test(type)) return;
  const name = type === 'Object' ? path : type;
  for (const [key, { writable }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
    if (writable) yield* walkMember(object as Record<string, unknown>, key, `${name}.${key}`, seen);
  }
}

function* walkMember(
  holder: Record<string, unknown>,
  key: string,
  name: string,
  seen: Set<object>,
): Generator<Field> {
  const value = holder[key];
  if (typeof value === 'function') return;
  if (typeof value === 'object' && value !== null) return yield* walk(value, name, seen);
  yield {
    name,
    change: () => {
      const old = holder[key];
      holder[key] = another(old);
      return () => {
        holder[key] = old;
      };
    },
  };
}

function* walkList(list: unknown[], path: string, seen: Set<object>): Generator<Field> {
  if (list.length === 0) {
    yield { name: `${path}[new]`, change: () => (list.push(3), () => list.pop()) };
  }
  if (list.length > 0 && (typeof list[0] !== 'object' || list[0] === null))
    yield* elementOf(list, `${path}[]`);
  for (const element of list) {
    if (typeof element === 'object' && element !== null) yield* walk(element, `${path}[]`, seen);
  }
}

function* walkMap(map: Map<unknown, unknown>, path: string, seen: Set<object>): Generator<Field> {
  if (map.size === 0) {
    const key = 77;
    yield { name: `${path}{new}`, change: () => (map.set(key, { new: 1 }), () => map.delete(key)) };
  }
  for (const [key, value] of [...map]) {
    if (typeof value === 'object' && value !== null) {
      yield* walk(value, `${path}{}`, seen);
    } else if (typeof value !== 'function') {
      yield { name: `${path}{}`, change: () => (map.set(key, another(value)), () => map.set(key, value)) };
    }
  }
}

/** The element in the middle. */
function* elementOf(list: unknown[], name: string): Generator<Field> {
  if (list.length === 0 || typeof list[0] === 'function') return;
  const index = list.length >> 1;
  yield {
    name,
    change: () => {
      const old = list[index];
      list[index] = another(old);
      return () => {
        list[index] = old;
      };
    },
  };
}

function addTo(set: Set<unknown>): () => void {
  const element = 4321;
  set.add(element);
  return () => set.delete(element);
}

function another(value: unknown): unknown {
  if (typeof value === 'number') return value ^ 1;
  if (typeof value === 'bigint') return value ^ 1n;
  if (typeof value === 'boolean') return !value;
  return typeof value === 'string' ? `${value}~` : 5;
}
