import type { StoredRow } from '@atone/engine';
import { tidyUp } from '../world/operator.js';
import { STRANGE_NAMES } from '../world/strange.rows.js';
import type { World } from '../world/world.js';
import { isOfFormerLife } from './led.rows.js';
import { Violation } from './violation.js';

/** How long after the last fault everything must have an end, with an operator who asks again where it is stuck. */
const END_WITHIN_MS = 600_000;

/** How often that operator looks. */
const TIDY_EVERY_MS = 20_000;

/** A batch of records takes less than so many looks, with all that is late about it. */
const UNREAD_LOOKS = 3;

/** A row whose owner is gone is somebody's again within its lease, one pass of recovery, and this. */
const TAKEOVER_SLACK_MS = 6_000;

/** An own row that nobody drives is found by the look for orphans, which comes twice a minute at the latest. */
const ORPHAN_WITHIN_MS = 150_000;

/** How long it takes at most from a claim in the log to the driver of the row. */
const CLAIM_WITHIN_MS = 5_000;

/** Ends the faults, and checks that everything comes to an end: S at the end, L1 to L3. */
export class LivenessCheck {
  private readonly startMs: number;
  private tidiedAtMs: number;
  private driverlessSinceMs: number | undefined;
  /** For how many looks nobody has been done with a record. */
  private unreadLooks: ReadonlyMap<string, number> = new Map();

  constructor(private readonly world: World) {
    this.startMs = world.scheduler.nowMs;
    this.tidiedAtMs = this.startMs;
  }

  async run(): Promise<void> {
    const { world } = this;
    this.heal();
    await world.scheduler.runUntil(() => world.failure !== undefined || this.isQuiet());
    if (world.failure === undefined) {
      this.checkEnd();
    }
  }

  private heal(): void {
    const { world } = this;
    world.trace('', 'the faults end');
    world.fates.end();
    world.network.healAll();
    world.kafka?.heal();
    for (const process of world.processes) {
      process.thaw();
      process.start();
    }
  }

  /** Late messages are part of it: what they could still do must have been done. */
  private isQuiet(): boolean {
    const { world } = this;
    const elapsedMs = world.scheduler.nowMs - this.startMs;
    const live = this.liveRows();
    if (live.length === 0 && this.isNothingUnderWay() && this.unseen().length === 0) {
      return true;
    }
    if (elapsedMs > END_WITHIN_MS) {
      this.fail('L1', live[0], 'has not ended, ten minutes after the last fault');
      this.failInDoubt();
    }
    if (elapsedMs > ORPHAN_WITHIN_MS) {
      this.fail('L3', this.unseen()[0], 'cannot be read, and nobody can see that');
    }
    this.checkTakeover(live, elapsedMs);
    if (world.scheduler.nowMs - this.tidiedAtMs >= TIDY_EVERY_MS) {
      this.tidiedAtMs = world.scheduler.nowMs;
      tidyUp(world);
      this.checkUnread();
    }
    return false;
  }

  private isNothingUnderWay(): boolean {
    const { network, kafka, clients, office, safety } = this.world;
    return (
      network.isQuiet &&
      kafka?.isQuiet !== false &&
      clients.every((client) => client.isDone) &&
      office?.isDone !== false &&
      safety.led.inDoubt().length === 0
    );
  }

  /** A record that nobody gets done with holds up all that lie behind it. */
  private checkUnread(): void {
    const unread = this.world.kafka?.unread() ?? [];
    this.unreadLooks = new Map(unread.map((place) => [place, (this.unreadLooks.get(place) ?? 0) + 1]));
    const stuck = unread.find((place) => this.unreadLooks.get(place) === UNREAD_LOOKS);
    if (stuck !== undefined) {
      const what = `${stuck} is not dealt with, and all behind it waits`;
      this.world.report(new Violation('L3', undefined, what));
    }
  }

  private liveRows(): readonly StoredRow[] {
    const { safety } = this.world;
    return safety.gids
      .map((gid) => safety.rowOf(gid))
      .filter((row): row is StoredRow => row !== undefined && row.finishedAt === undefined)
      .filter(({ gid }) => !safety.led.isContested(gid) && !safety.led.isGone(gid))
      .filter((row) => !isOfFormerLife(row))
      .filter(({ gid, stuckReason }) => stuckReason === undefined || !safety.mayContradict(gid));
  }

  private checkTakeover(live: readonly StoredRow[], elapsedMs: number): void {
    const { leaseMs, recoverEveryMs, activeCountMax, transactionCount } = this.world.options;
    // A house that is full takes over when somebody leaves.
    const hasRoom = activeCountMax > transactionCount;
    if (hasRoom && elapsedMs > leaseMs + recoverEveryMs + TAKEOVER_SLACK_MS + this.world.logClock.setBackMs) {
      const owners = new Set(this.world.coordinators.map(({ instanceId }) => instanceId));
      const left = live.find((row) => row.owner !== undefined && !owners.has(row.owner));
      this.fail('L2', left, 'still belongs to an instance that is gone');
    }
    if (elapsedMs > ORPHAN_WITHIN_MS) {
      this.checkDrivers(live);
    }
  }

  /** A row that was claimed just now has no driver yet: only what stays so is an orphan. */
  private checkDrivers(live: readonly StoredRow[]): void {
    const { coordinators, scheduler } = this.world;
    const driven = coordinators.reduce((count, { engine }) => count + (engine?.activeCount ?? 0), 0);
    const owned = live.filter((row) => row.owner !== undefined);
    if (owned.length <= driven) {
      this.driverlessSinceMs = undefined;
      return;
    }
    this.driverlessSinceMs ??= scheduler.nowMs;
    if (scheduler.nowMs - this.driverlessSinceMs > CLAIM_WITHIN_MS) {
      this.fail('L1', owned[0], 'has an owner, and nobody drives it');
    }
  }

  private checkEnd(): void {
    const { world } = this;
    for (const gid of new Set([...world.safety.gids, ...world.safety.led.story.gids])) {
      world.safety.checkEnd(gid);
    }
    for (const client of world.clients) {
      client.checkEnd();
    }
    world.kafka?.check.checkEnd();
    const touched = world
      .strangeRows()
      .find(({ name, version }) => name === STRANGE_NAMES.newer && version > 1);
    this.fail('L3', touched, 'is of a later format and was touched');
  }

  /** Rows that cannot be driven, and are not yet marked for operators. */
  private unseen(): readonly StoredRow[] {
    return this.world
      .strangeRows()
      .filter(({ name, stuckReason }) => name === STRANGE_NAMES.unreadable && stuckReason === undefined);
  }

  private failInDoubt(): void {
    const [branch] = this.world.safety.led.inDoubt();
    if (branch !== undefined) {
      const what = `nobody has told ${branch} how to end, ten minutes after the last fault`;
      this.world.report(new Violation('L1', branch.split('/')[0], what));
    } else if (this.world.office?.isDone === false) {
      this.world.report(new Violation('L1', undefined, 'a method that leads a transaction does not end'));
    }
  }

  private fail(promise: 'L1' | 'L2' | 'L3', row: StoredRow | undefined, what: string): void {
    if (row !== undefined) {
      const state = `${row.state} v${row.version}${row.stuckReason === undefined ? '' : `, stuck: ${row.stuckReason}`}`;
      this.world.report(new Violation(promise, this.world.nameOfGid(row.gid), `it ${what} (${state})`));
    }
  }
}
