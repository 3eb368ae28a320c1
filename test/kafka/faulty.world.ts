import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import type { BranchCommand } from '@atone/protocol';
import type { DeployedProcess } from '../harness/deployed.process.js';
import type { KafkaDeployment } from '../harness/kafka.deployment.js';
import { GroupAdmin } from './group.admin.js';
import { SteadyLoad } from './steady.load.js';

/** Of what each process has written, in the message of what did not end. */
const TAIL_LINE_COUNT = 8;

/** What has to end on both sides of a fault, for it to have found work, and for work to go on. */
const PROOF_COUNT = 20;

/** What is begun at once when a fault is near. */
const BURST_COUNT = 48;

/** What was confirmed since it last looked after its disk is gone with the server: that is ten seconds, or as much as fits into memory. */
const FORGETFUL = [
  'alter system set synchronous_commit = off',
  "alter system set wal_writer_delay = '10s'",
  "alter system set wal_writer_flush_after = '1GB'",
  'select pg_reload_conf()',
];

const UNENDED = `
select gid, version, state, stuck_reason, owner, due_at, progress -> 'branches' as branches
from atone.global_transaction
where finished_at is null
order by gid
limit 10`;

/** What is told of whatever has ended. */
interface Ended {
  readonly outcome: string;
}

/** An example in production. */
export interface FaultyExample<Work, Told> {
  readonly deployment: KafkaDeployment;
  readonly begin: (work: Work) => Promise<Told>;
  /** Returns, in sentences, all that does not hold once all that was begun has ended. */
  readonly violations: (begunCount: number, told: readonly Told[]) => Promise<readonly string[]>;
}

export interface FaultyPlan<Work, Told> {
  readonly prefix: string;
  /** Those that take commands over Kafka. */
  readonly services: readonly string[];
  /** Those that call others over Kafka. Default: none. */
  readonly callers?: readonly string[];
  readonly works: readonly Work[];
  readonly start: (brokers: readonly string[]) => Promise<FaultyExample<Work, Told>>;
}

/** What a group reads once more. */
export interface Redelivery {
  readonly groupId: string;
  /** How many records its topic holds. */
  readonly heldCount: number;
  readonly againCount: number;
}

/** An example in production on brokers of its own, where work keeps coming, and where faults happen. */
export class FaultyWorld<Work = unknown, Told extends Ended = Ended> {
  readonly admin: GroupAdmin;
  readonly load: SteadyLoad<Work, Told>;
  readonly deployment: KafkaDeployment;

  private constructor(
    readonly kafka: EmbeddedKafka,
    private readonly plan: FaultyPlan<Work, Told>,
    private readonly example: FaultyExample<Work, Told>,
  ) {
    this.admin = new GroupAdmin(kafka.brokers);
    this.deployment = example.deployment;
    const { works } = plan;
    this.load = new SteadyLoad({ works, begin: example.begin, remains: async () => this.remains() });
  }

  static async start<Work, Told extends Ended>(
    plan: FaultyPlan<Work, Told>,
  ): Promise<FaultyWorld<Work, Told>> {
    const kafka = await startThrowawayKafka();
    try {
      return new FaultyWorld(kafka, plan, await plan.start(kafka.brokers));
    } catch (error) {
      await kafka.stop();
      throw error;
    }
  }

  /** Has a fault happen while work comes in, waits until all of it has ended, and returns what does not hold. */
  async survive(fault: () => Promise<void>): Promise<readonly string[]> {
    await this.whole();
    this.load.start();
    try {
      await this.load.ended(PROOF_COUNT);
      this.burst();
      await fault();
      await this.load.ended(PROOF_COUNT);
      await this.load.end();
    } finally {
      this.load.halt();
    }
    const deadCount = await this.admin.recordCount(`${this.plan.prefix}.dead`);
    const outcomes = new Set(this.load.told.map(({ outcome }) => outcome));
    return [
      ...(await this.example.violations(this.load.begunCount, this.load.told)),
      // What only ever ends in one way has not been put to the test.
      ...['committed', 'aborted']
        .filter((outcome) => !outcomes.has(outcome))
        .map((outcome) => `none was ${outcome}`),
      ...(deadCount === 0 ? [] : [`there are ${deadCount} dead letters`]),
    ];
  }

  /** Begins much at once, so that a fault finds all in the middle of something. */
  burst(): void {
    this.load.burst(BURST_COUNT);
  }

  /** The groups of the coordinators and of the services, and the topics that they read. */
  get groups(): readonly { readonly groupId: string; readonly topic: string }[] {
    const { services, callers = [] } = this.plan;
    return [
      { groupId: this.groupOf('coordinators'), topic: this.repliesTo() },
      ...services.map((name) => ({ groupId: this.groupOf(name), topic: this.commandsOf(name) })),
      ...callers.map((name) => ({ groupId: this.repliesTo(name), topic: this.repliesTo(name) })),
    ];
  }

  /** `coordinators`, or the name of a service. */
  groupOf(name: string): string {
    return `${this.plan.prefix}.${name}`;
  }

  commandsOf(service: string): string {
    return `${this.plan.prefix}.commands.${service}`;
  }

  /** Where the answers to the coordinators are, or to a service that calls others. */
  repliesTo(caller?: string): string {
    return [this.plan.prefix, 'replies', ...(caller === undefined ? [] : [caller])].join('.');
  }

  /** Waits until each group has both of its members. */
  async whole(): Promise<void> {
    await this.membersAre(2, [...this.plan.services, 'coordinators']);
  }

  /** Waits until each of these groups has so many members, and they have shared out the partitions; or none. */
  async membersAre(count: number, names: readonly string[]): Promise<void> {
    const groups = names.map((name) => this.groupOf(name));
    await this.load.waitFor(`each of ${names.join(', ')} has ${count} members`, async () => {
      const counts = await this.admin.memberCounts(groups);
      return counts.every((found) => found === count);
    });
  }

  /** Waits until `act` has brought so many more records to a topic. */
  async grows(topic: string, more: number, act: () => void): Promise<void> {
    const goal = (await this.admin.recordCount(topic)) + more;
    act();
    await this.load.waitFor(
      `${more} more records are in ${topic}`,
      async () => (await this.admin.recordCount(topic)) >= goal,
    );
  }

  /** Waits until `act` has brought so many more commands to try something to a topic, and as many that bring a decision. */
  async decisionsGrow(topic: string, more: number, act: () => void): Promise<void> {
    const counts = { tries: 0, decisions: 0 };
    const following = await this.admin.follow(topic, (value) => {
      const { op } = JSON.parse(value) as BranchCommand;
      counts[op === 'action' ? 'tries' : 'decisions'] += 1;
    });
    try {
      act();
      await this.load.waitFor(
        `${more} more tries and ${more} more decisions are in ${topic}`,
        () => counts.tries >= more && counts.decisions >= more,
      );
    } finally {
      await following.stop();
    }
  }

  /**
   * Stops all processes, sets the offsets of all groups back to the first record, and waits until all is read once more. Returns how
   * much each group had read then, and had to read again.
   */
  async redeliver(): Promise<readonly Redelivery[]> {
    const { admin, groups } = this;
    const members = await this.stopAll();
    const redeliveries = await Promise.all(
      groups.map(async ({ groupId, topic }) => {
        await admin.reset(groupId, topic);
        return {
          groupId,
          heldCount: await admin.heldCount(topic),
          againCount: await admin.lag(groupId, topic),
        };
      }),
    );
    members.forEach((member) => member.start());
    await this.whole();
    await Promise.all(groups.map(async ({ groupId, topic }) => this.catchesUp(groupId, topic)));
    return redeliveries;
  }

  /** Stops those who call others first: they wait for answers. */
  private async stopAll(): Promise<readonly DeployedProcess[]> {
    const { deployment, plan } = this;
    const first = new Set((plan.callers ?? []).flatMap((caller) => deployment.instancesOf(caller)));
    const members = deployment.names.map((name) => deployment.process(name));
    const [callers, others] = [
      members.filter(({ name }) => first.has(name)),
      members.filter(({ name }) => !first.has(name)),
    ];
    await Promise.all(callers.map(async (caller) => caller.stop()));
    await Promise.all(others.map(async (other) => other.stop()));
    // Who had to be killed, on a slow machine, is a member until its session has expired.
    const groups = this.groups.map(({ groupId }) => groupId);
    await this.load.waitFor('nobody is in any group', async () => this.admin.areEmpty(groups));
    return members;
  }

  /** Has PostgreSQL confirm from now on what it has not kept. */
  async admitLosses(): Promise<void> {
    for (const statement of FORGETFUL) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.deployment.query('atone', statement);
    }
  }

  /** Waits until all that lay there has been read. */
  async catchesUp(groupId: string, topic: string): Promise<void> {
    const goal = await this.admin.recordCount(topic);
    await this.load.waitFor(
      `${groupId} has read the first ${goal} records`,
      async () => (await this.admin.recordCount(topic)) - (await this.admin.lag(groupId, topic)) >= goal,
    );
  }

  /** Freezes a coordinator while it drives transactions, and returns by which id it owns them. */
  async freezeAtWork(coordinator: string): Promise<string> {
    const frozen = this.deployment.process(coordinator);
    const owner = instanceIn(frozen.output);
    await this.load.waitFor(`${coordinator} drives something`, async () => {
      this.burst();
      frozen.freeze();
      const isAtWork = (await this.ownedCount(owner)) > 0;
      if (!isAtWork) {
        frozen.thaw();
      }
      return isAtWork;
    });
    return owner;
  }

  /** Waits until an instance owns nothing any more. */
  async isTakenOver(owner: string): Promise<void> {
    await this.load.waitFor(
      `what ${owner} owned is taken over`,
      async () => (await this.ownedCount(owner)) === 0,
    );
  }

  async stop(): Promise<void> {
    this.load.halt();
    await this.deployment.stop();
    await this.kafka.stop();
  }

  private async ownedCount(owner: string): Promise<number> {
    const statement = `select gid from atone.global_transaction where finished_at is null and owner = '${owner}'`;
    return (await this.deployment.query('atone', statement)).length;
  }

  /** What there is to see of that which has not ended. */
  private async remains(): Promise<string[]> {
    const rows = await this.deployment.query('atone', UNENDED).catch((error: unknown) => [String(error)]);
    const tails = this.deployment.names.map((name) => {
      const lines = this.deployment.process(name).output.trimEnd().split('\n');
      return [`--- ${name}`, ...lines.slice(-TAIL_LINE_COUNT)].join('\n');
    });
    return [...rows.map((row) => JSON.stringify(row)), ...tails];
  }
}

/** Returns by which id a coordinator owns rows in its present life. */
function instanceIn(output: string): string {
  const started = output
    .split('\n')
    .findLast((line) => line.startsWith('{') && line.includes('coordinator started'));
  return (JSON.parse(started ?? '{}') as { instance?: string }).instance ?? '';
}
