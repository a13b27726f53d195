// Which names of an expression are types: `(a)*b` is a cast or a product by that alone (C17, section
// 6.7.8). The parser asks here; `parseWatch` replaces the answer by what the program's symbols say.

export const typeIdentifier = (_name: string, _stack: unknown): number => -1;
/** The same of names with a path: `ns::Class`. */
export const typePath = (_name: string, _stack: unknown): number => -1;
