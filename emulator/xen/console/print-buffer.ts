// The line of a guest that writes to Xen's console with console_io. Xen drivers/char/console.c
// (guest_console_write): what cannot be printed is dropped, a line is put out when it ends or the
// buffer is full.

const BUFFER_SIZE = 200;
/** Xen takes the guest's bytes in pieces of this size. */
const PIECE_SIZE = 127;
const NEWLINE = 10;
const TAB = 9;

export class PrintBuffer {
  private text = '';

  /** Returns the lines that are complete, without their newlines. */
  write(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let piece = '';
    let taken = 0;
    for (const byte of bytes) {
      taken++;
      if (byte !== NEWLINE && (byte === TAB || (byte >= 0x20 && byte < 0x7f)))
        piece += String.fromCharCode(byte);
      const ends = byte === NEWLINE;
      if (!ends && taken < PIECE_SIZE) continue;
      this.flushPiece(piece, ends, lines);
      piece = '';
      taken = 0;
    }
    if (taken > 0) this.flushPiece(piece, false, lines);
    return lines;
  }

  save(): unknown {
    return { text: this.text };
  }

  private flushPiece(piece: string, ends: boolean, lines: string[]): void {
    if (!ends && this.text.length + piece.length < BUFFER_SIZE - 1) {
      this.text += piece;
      return;
    }
    lines.push(this.text + piece);
    this.text = '';
  }
}
