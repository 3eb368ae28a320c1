import type { ChildProcess } from 'node:child_process';
import { CoordinatorProcess } from './coordinator.process.js';
import { Ground, isRunning } from './ground.js';
import { LogMeter } from './log.meter.js';
import { cpuSeconds } from './process-cpu.js';

/** The processes beside the coordinator and PostgreSQL. Without an initiator this process bears the load. */
export type RigChild = 'participant' | 'initiator';

/** CPU seconds since each part was started; NaN where an initiator was killed meanwhile. */
export type CpuReading = Readonly<Record<'coordinator' | 'postgres' | 'participant' | 'load', number>>;

/** A durable PostgreSQL and a coordinator, each a process of its own on this machine, and whoever is started beside them. */
export class Rig {
  private readonly children = new Map<RigChild, ChildProcess>();

  private constructor(
    private readonly ground: Ground,
    private readonly coordinator: CoordinatorProcess,
    readonly log: LogMeter,
  ) {}

  static async start(options: { readonly nodeArgs: readonly string[] }): Promise<Rig> {
    const ground = await Ground.start(options);
    try {
      const databaseUrl = await ground.createDatabase('atone');
      const database = await ground.connect(databaseUrl);
      const coordinator = await CoordinatorProcess.start(ground, { databaseUrl });
      return new Rig(ground, coordinator, new LogMeter(database));
    } catch (error) {
      await ground.stop();
      throw error;
    }
  }

  get url(): string {
    return this.coordinator.url;
  }

  /** Makes a database beside that of the coordinator, and returns its URL. */
  createDatabase(name: string): Promise<string> {
    return this.ground.createDatabase(name);
  }

  /** Starts a process that is stopped with the others, and counted with them. */
  fork(name: RigChild, program: URL, settings: object = {}): ChildProcess {
    const child = this.ground.fork(program, settings);
    this.children.set(name, child);
    return child;
  }

  /** Returns the CPU seconds that each part has used so far. */
  cpu(): CpuReading {
    const initiator = this.children.get('initiator');
    const { load, ...others } = cpuSeconds({
      coordinator: this.coordinator.pid,
      postgres: this.ground.postgresPid,
      participant: this.children.get('participant')?.pid ?? 0,
      load: initiator?.pid ?? 0,
    });
    if (initiator === undefined) {
      const { user, system } = process.cpuUsage();
      return { ...others, load: (user + system) / 1_000_000 };
    }
    return { ...others, load: isRunning(initiator) ? load : Number.NaN };
  }

  /** Stops all parts, and leaves nothing behind. */
  stop(): Promise<void> {
    return this.ground.stop();
  }
}
