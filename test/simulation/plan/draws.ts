/**
 * Draws numbers that depend on the seed and on what they are for, and on nothing else: a fault that is taken out of a
 * plan changes no other draw.
 */
export class Draws {
  private readonly counts = new Map<string, number>();

  constructor(private readonly seed: number) {}

  /** Returns a number from 0 to below 1, another one at each call for the same `subject`. */
  next(subject: string): number {
    const occurrence = this.counts.get(subject) ?? 0;
    this.counts.set(subject, occurrence + 1);
    return this.at(subject, occurrence);
  }

  /** Returns the number that belongs to one occurrence. */
  at(subject: string, occurrence: number): number {
    let hash = (this.seed ^ 0x811c9dc5) >>> 0;
    for (let position = 0; position < subject.length; position += 1) {
      hash = Math.imul(hash ^ subject.charCodeAt(position), 0x01000193);
    }
    return unit(hash ^ Math.imul(occurrence + 1, 0x9e3779b1));
  }

  integer(subject: string, from: number, to: number): number {
    return from + Math.floor(this.next(subject) * (to - from + 1));
  }

  /** Returns a whole number whose logarithm is even: small ones are as likely as large ones. */
  scale(subject: string, from: number, to: number): number {
    return Math.round(from * (to / from) ** this.next(subject));
  }

  pick<Item>(subject: string, items: readonly Item[]): Item {
    const item = items[Math.floor(this.next(subject) * items.length)];
    if (item === undefined) {
      throw new Error(`There is nothing to pick from for ${subject}.`);
    }
    return item;
  }

  chance(subject: string, probability: number): boolean {
    return this.next(subject) < probability;
  }
}

/** The finishing steps of MurmurHash3 (A. Appleby, public domain): neighbouring inputs give unrelated numbers. */
function unit(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}
