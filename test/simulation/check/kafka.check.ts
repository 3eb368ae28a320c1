import type { StoredRow } from '@atone/engine';
import { CoordinatorKafkaCheck } from './coordinator.kafka.check.js';
import { ParticipantKafkaCheck } from './participant.kafka.check.js';
import { isTakeover, type SafetyCheck } from './safety.check.js';
import { Violation, type PromiseId } from './violation.js';

interface Watched {
  readonly isOver: boolean;
}

/** Holds what talks over Kafka to its rules, which ARCHITECTURE.md numbers: K1 to K5. */
export class KafkaCheck {
  private readonly participants: { readonly life: Watched; readonly check: ParticipantKafkaCheck }[] = [];
  /** How often a transaction was taken over: what one driver was told, the next one need not know. */
  private readonly takeovers = new Map<string, number>();
  /** In which life of the log each row was written last. */
  private readonly lives = new Map<string, number>();
  private readonly acts = new Set<string>();
  /** Who has ever driven what: an instance that lost sight of a row of its own may look for it. */
  private readonly owners = new Set<string>();

  constructor(
    private readonly safety: SafetyCheck,
    private readonly place: {
      readonly nowMs: () => number;
      readonly logLife: () => number;
      readonly nameOf: (gid: string) => string;
      readonly report: (violation: Violation) => void;
    },
  ) {}

  get nowMs(): number {
    return this.place.nowMs();
  }

  coordinator(coordinator: ConstructorParameters<typeof CoordinatorKafkaCheck>[1]): CoordinatorKafkaCheck {
    return new CoordinatorKafkaCheck(this, coordinator);
  }

  participant(life: Watched, slowAfterMs: number): ParticipantKafkaCheck {
    const check = new ParticipantKafkaCheck(this, slowAfterMs);
    this.participants.push({ life, check });
    return check;
  }

  /** An operator asks an instance for an act: it may take the transaction over. */
  acted(instanceId: string, gid: string): void {
    this.acts.add(`${instanceId} ${gid}`);
  }

  /** An instance takes one transaction over, which nothing but an act gives it a right to. */
  claims(instanceId: string, gid: string): void {
    const isRight = this.acts.has(`${instanceId} ${gid}`) || this.owners.has(`${instanceId} ${gid}`);
    if (this.rowOf(gid)?.kind === 'saga' && !isRight) {
      this.broken('K2', gid, `${instanceId} takes it over, and nobody has asked for that`);
    }
  }

  /** A row is about to be written. */
  rowWritten(row: StoredRow): void {
    this.lives.set(row.gid, this.place.logLife());
    this.owners.add(`${row.owner ?? ''} ${row.gid}`);
    const before = this.rowOf(row.gid);
    if (before !== undefined && isTakeover(before, row)) {
      this.takeovers.set(row.gid, (this.takeovers.get(row.gid) ?? 0) + 1);
    }
  }

  /** Returns how many drivers there were before the present one. */
  eraOf(gid: string): number {
    return this.takeovers.get(gid) ?? 0;
  }

  /** Whether the row was written since the log failed over: until then its driver is about to find out that it has lost it. */
  isOfThisLife(gid: string): boolean {
    return this.lives.get(gid) === this.place.logLife();
  }

  rowOf(gid: string): StoredRow | undefined {
    return this.safety.rowOf(gid);
  }

  stepsOf(gid: string): readonly string[] {
    return this.safety.stepsOf(gid);
  }

  /** Everything is quiet. */
  checkEnd(): void {
    this.participants.filter(({ life }) => !life.isOver).forEach(({ check }) => check.checkEnd());
  }

  broken(promise: PromiseId, gid: string | undefined, what: string): void {
    this.place.report(new Violation(promise, gid === undefined ? undefined : this.place.nameOf(gid), what));
  }
}
