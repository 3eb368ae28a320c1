/** Where lines for people go. */
interface Log {
  warn(fields: object, message: string): void;
}

/** Lines of one kind that are close together would drown the others. */
const QUIET_MS = 10_000;

/** Warns of what may come in thousands: the first is told at once, and further ones with the next line, by their number. */
export class SparingLog {
  private readonly kinds = new Map<string, { toldAt: number; untold: number }>();

  constructor(
    private readonly log: Log | undefined,
    private readonly nowMs: () => number,
  ) {}

  /** Returns whether it was told. */
  warn(fields: object, message: string): boolean {
    const nowMs = this.nowMs();
    const kind = this.kinds.get(message);
    if (kind !== undefined && nowMs - kind.toldAt < QUIET_MS) {
      kind.untold += 1;
      return false;
    }
    this.kinds.set(message, { toldAt: nowMs, untold: 0 });
    const others = kind === undefined || kind.untold === 0 ? {} : { othersBefore: kind.untold };
    this.log?.warn({ ...fields, ...others }, message);
    return true;
  }
}
