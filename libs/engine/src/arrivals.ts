/** The transactions whose rows are being inserted here: nobody drives them yet, and yet they are not forgotten. */
export class Arrivals {
  private readonly counts = new Map<string, number>();

  get size(): number {
    return this.counts.size;
  }

  has(gid: string): boolean {
    return this.counts.has(gid);
  }

  /** Counts `gid` as arriving for as long as `work` takes. */
  async during<Answer>(gid: string, work: () => Promise<Answer>): Promise<Answer> {
    this.enter(gid);
    try {
      return await work();
    } finally {
      this.leave(gid);
    }
  }

  /** Counts `gid` as arriving until it leaves, which it does once for each time that it entered. */
  enter(gid: string): void {
    this.counts.set(gid, (this.counts.get(gid) ?? 0) + 1);
  }

  leave(gid: string): void {
    const count = this.counts.get(gid) ?? 0;
    if (count > 1) {
      this.counts.set(gid, count - 1);
    } else {
      this.counts.delete(gid);
    }
  }
}
