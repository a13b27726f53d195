// Gathers console output byte by byte and passes it on in pieces.

const PIECE = 4096;

export class ConsoleBuffer {
  private domain = 0;
  private length = 0;
  private readonly bytes = new Uint8Array(PIECE);
  private readonly sink: (domain: number, bytes: Uint8Array) => void;

  constructor(sink: (domain: number, bytes: Uint8Array) => void) {
    this.sink = sink;
  }

  write(domain: number, byte: number): void {
    if (domain !== this.domain || this.length === PIECE) this.flush();
    this.domain = domain;
    this.bytes[this.length++] = byte;
  }

  flush(): void {
    if (this.length === 0) return;
    this.sink(this.domain, this.bytes.slice(0, this.length));
    this.length = 0;
  }
}
