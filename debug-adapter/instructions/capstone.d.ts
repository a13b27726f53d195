// The part of @alexaltea/capstone-js that we use; the package has no types of its own.

declare module '@alexaltea/capstone-js' {
  export interface Instruction {
    /** Signed. */
    readonly address: bigint;
    readonly size: number;
    readonly mnemonic: string;
    readonly op_str: string;
  }

  export interface Capstone {
    option(option: number, value: number): void;
    /** Throws a string when nothing could be decoded at all. */
    disasm(bytes: Uint8Array, address: bigint, count: number): Instruction[];
  }

  export interface CapstoneModule {
    readonly Capstone: new (architecture: number, mode: number) => Capstone;
    readonly ARCH_ARM64: number;
    readonly MODE_ARM: number;
    readonly OPT_SKIPDATA: number;
    readonly OPT_ON: number;
  }

  const load: (options: { wasmBinary: Uint8Array }) => Promise<CapstoneModule>;
  export default load;
}
