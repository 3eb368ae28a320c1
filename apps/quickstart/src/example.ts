import type { AtoneClient } from '@atone/participant';
import type { ChildPlan } from './supervisor.js';

/*
 * What the quickstart must know of a program that it shows. All that is particular to one stands in one module.
 */

/** Where one instance of each of an example's services finds what it needs. */
export interface Surroundings {
  /** The URL of each of the example's databases, by name. All instances share them. */
  readonly databaseUrls: Readonly<Record<string, string>>;
  readonly coordinatorUrl: string;
  /** The first of the ports that these instances take. */
  readonly firstPort: number;
  /** How they reach Kafka; empty where commands go over HTTP. */
  readonly kafka: Readonly<Record<string, string>>;
}

/** Of the instances of the services, the first of all and the others. */
export type Instances = readonly [Surroundings, ...Surroundings[]];

/** What a piece of work came to. */
export interface WorkResult {
  /** Undecided where only an operator can move it. */
  readonly outcome: 'committed' | 'aborted' | 'undecided';
  /** Why it aborted. */
  readonly reason?: string | undefined;
}

/** One transaction to start, under a key of its own: to start it again does not do it twice. */
export interface Work {
  readonly key: string;
  /**
   * Returns what it came to; undefined when that is not known yet, and is to be asked again.
   *
   * @throws NotNowError, or an AtoneClientError that may pass, when somebody who is needed is away.
   */
  submit(client: AtoneClient): Promise<WorkResult | undefined>;
}

/** What became of one piece of work in this run. */
export interface Ended {
  readonly key: string;
  readonly result: WorkResult;
  readonly latencyMs: number;
}

/** Something that must hold after all that happened. */
export interface Check {
  /** As in "Money conserved". */
  readonly label: string;
  readonly value: string;
  readonly holds: boolean;
  /** What is wrong, as sentences without their full stop. */
  readonly violations: readonly string[];
}

/** How things stand, according to the example's own databases. */
export interface Standing {
  readonly committedCount: number;
  /** How many were aborted, by reason. */
  readonly abortedCounts: ReadonlyMap<string, number>;
  /** Neither committed nor aborted, and those that were never placed. */
  readonly undecidedCount: number;
  readonly checks: readonly Check[];
  /** One of each to look at, where there is one. */
  readonly committedGid: string | undefined;
  readonly abortedGid: string | undefined;
}

/** The work of an example, read and ready. */
export interface Workload {
  readonly totalCount: number;
  /** Fills wallets, shelves and the like. Can be repeated. */
  prepare(): Promise<void>;
  /** Returns what has not ended yet, as far as the databases know. */
  remaining(): Promise<readonly Work[]>;
  standing(ended: readonly Ended[]): Promise<Standing>;
  close(): Promise<void>;
}

/** A program that the quickstart can show. */
export interface Example {
  /** As in "the music shop". */
  readonly title: string;
  /** What one piece of work is called, in the plural. */
  readonly noun: string;
  /** What is done with it, as in "Placing 5 orders" and "5 orders were placed". */
  readonly verb: { readonly doing: string; readonly done: string };
  /** How much work is under way at once, if nobody says. */
  readonly concurrency: number;
  readonly databases: readonly string[];
  /** How many ports one instance of each of its services takes. */
  readonly portCount: number;
  /** Returns one instance of each. */
  services(surroundings: Surroundings): readonly ExampleService[];
  /**
   * Reads the work; `file` replaces the example's own.
   *
   * @throws QuickstartError when the file cannot be used.
   */
  load(file: string | undefined): Promise<LoadedWork>;
}

export interface ExampleService {
  /** Its plan has the name by which the catalogue knows the service. */
  readonly plan: ChildPlan;
  /** Where it answers 200 when it is ready. */
  readonly healthUrl: string;
}

/** Work that was read, before there is anything to do it with. */
export interface LoadedWork {
  readonly totalCount: number;
  open(instances: Instances): Promise<Workload>;
}
