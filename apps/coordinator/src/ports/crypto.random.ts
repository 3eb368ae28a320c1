import { randomFillSync } from 'node:crypto';
import type { Random } from '@atone/core';

/** Randomness that nobody can guess. Drawn in blocks, because each draw from the system costs microseconds. */
export class CryptoRandom implements Random {
  private readonly block = Buffer.allocUnsafe(4_096);
  private position = this.block.length;

  next(): number {
    return this.take(6).readUIntBE(0, 6) / 2 ** 48;
  }

  bytes(count: number): Uint8Array {
    // A copy: the block is drawn again, and what was handed out must stay as it is.
    return count > this.block.length
      ? randomFillSync(new Uint8Array(count))
      : Uint8Array.from(this.take(count));
  }

  private take(count: number): Buffer {
    if (this.position + count > this.block.length) {
      randomFillSync(this.block);
      this.position = 0;
    }
    this.position += count;
    return this.block.subarray(this.position - count, this.position);
  }
}
