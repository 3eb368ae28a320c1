interface Waiter {
  readonly owner: object;
  readonly letGo: () => void;
}

/** Row locks as a database keeps them: first come, first served, held until the owner's transaction ends. */
export class MemoryLocks {
  private readonly holders = new Map<string, object>();
  private readonly queues = new Map<string, Waiter[]>();

  isHeldBy(key: string, owner: object): boolean {
    return this.holders.get(key) === owner;
  }

  /** Takes the lock for `owner` unless somebody else has it, and returns whether `owner` has it now. */
  takeIfFree(key: string, owner: object): boolean {
    const holder = this.holders.get(key);
    if (holder === undefined) {
      this.holders.set(key, owner);
    }
    return holder === undefined || holder === owner;
  }

  /** Waits until `owner` holds the lock, or waits for none any more: its transaction knows whether it has ended. */
  async take(key: string, owner: object): Promise<void> {
    if (this.takeIfFree(key, owner)) {
      return;
    }
    await new Promise<void>((letGo) => {
      this.queues.set(key, [...(this.queues.get(key) ?? []), { owner, letGo }]);
    });
  }

  /** Gives one lock back. */
  release(key: string): void {
    const [next, ...rest] = this.queues.get(key) ?? [];
    if (next === undefined) {
      this.holders.delete(key);
      return;
    }
    this.queues.set(key, rest);
    this.holders.set(key, next.owner);
    next.letGo();
  }

  /** Gives all back that `owner` holds, and has it wait for none any more. */
  releaseAll(owner: object): void {
    for (const [key, queue] of this.queues) {
      const [waiting, staying] = [
        queue.filter((one) => one.owner === owner),
        queue.filter((one) => one.owner !== owner),
      ];
      this.queues.set(key, staying);
      for (const waiter of waiting) {
        waiter.letGo();
      }
    }
    const held = [...this.holders].filter(([, holder]) => holder === owner);
    for (const [key] of held) {
      this.release(key);
    }
  }
}
