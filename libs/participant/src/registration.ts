import { backoffMs, type Random } from '@atone/core';
import { PROTOCOL_VERSION, type ActionEntry, type ParticipantInstance } from '@atone/protocol';
import {
  CoordinatorBusyError,
  CoordinatorRefusedError,
  CoordinatorUnreachableError,
  UnexpectedAnswerError,
} from './client.errors.js';
import { NotConnectedError, type ElapsedClock } from './client.ports.js';
import type { AtoneClient } from './client.js';
import type { ActionContract } from './contract.js';
import { jsonSchemaOf } from './payload.js';

/** An action as the catalogue has to know it. `compensate` matters only by its presence. */
export interface RegisteredAction {
  readonly contract: ActionContract;
  readonly compensate?: unknown;
  readonly retry?: ActionEntry['retry'] | undefined;
}

/** Where a registration tells how it goes. */
export interface RegistrationLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** One instance of a service, and where to enter it. */
export interface RegistrationOptions {
  readonly client: Pick<AtoneClient, 'url' | 'registerInstance' | 'deregisterInstance'>;
  readonly service: string;
  /** Unique among the instances of the service. */
  readonly instance: string;
  /** Where the coordinator reaches the command server of this instance. Default: nowhere, and then `kafka` is needed. */
  readonly baseUrl?: string | undefined;
  /** Where this instance takes commands over Kafka. Default: nowhere. */
  readonly kafka?: ParticipantInstance['kafka'];
  readonly lane?: string | undefined;
  readonly version?: string | undefined;
  readonly actions: readonly RegisteredAction[];
  /** Default: nothing is logged. */
  readonly log?: RegistrationLog | undefined;
}

export interface RegistrationPorts {
  readonly clock: ElapsedClock;
  readonly random: Random;
}

/** The entry of one instance in the coordinator's catalogue, kept alive from start to stop. */
export interface Registration {
  /** Whether the coordinator knows the instance, as far as this side can tell. */
  readonly isRegistered: boolean;
  /** Begins to enter the instance, in the background: a service must start even where no coordinator is there yet. */
  start(): void;
  /** Takes the instance out of the catalogue. Resolves when this is done, or was tried. */
  stop(): Promise<void>;
}

/** How often the entry is renewed. The catalogue forgets an instance that it has not heard of for some of these. */
export const RENEW_MS = 10_000;

/** So long a coordinator that starts beside the service may take, before its absence is worth a warning. */
const STARTING_MS = 5_000;

const RETRY = {
  initialMs: 1_000,
  capMs: RENEW_MS,
  attemptCountMax: 0,
  undoAttemptCountMax: 0,
  replyTimeoutMs: 0,
};

/**
 * Returns the registration of one instance over `ports`; it does nothing before `start`.
 *
 * @throws MisuseError for an action whose payloads JSON cannot hold.
 */
export function createPortRegistration(options: RegistrationOptions, ports: RegistrationPorts): Registration {
  return new PortRegistration(options, ports, instanceOf(options));
}

class PortRegistration implements Registration {
  isRegistered = false;
  private isStopped = false;
  private failedCount = 0;
  private startedAt = 0;
  /** Also where an answer was lost: the instance must not stay in the catalogue. */
  private mayBeKnown = false;
  private timer: { cancel(): void } | undefined;
  private underWay: Promise<void> | undefined;
  private lastTold = '';
  private lastWarning = '';

  constructor(
    private readonly options: RegistrationOptions,
    private readonly ports: RegistrationPorts,
    private readonly entry: ParticipantInstance,
  ) {}

  start(): void {
    if (this.underWay === undefined && !this.isStopped) {
      this.startedAt = this.ports.clock.now();
      this.renew();
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.timer?.cancel();
    await this.underWay;
    if (!this.mayBeKnown) {
      return;
    }
    this.isRegistered = false;
    const { client, service, instance } = this.options;
    try {
      await client.deregisterInstance(service, instance);
    } catch (error) {
      this.tellUnheard(error);
    }
  }

  private tellUnheard(error: unknown): void {
    const fields = { ...this.facts(), error: whyOf(error) };
    if (error instanceof CoordinatorUnreachableError) {
      this.options.log?.info(
        fields,
        'stopped while the coordinator was away, which counts this instance as gone in 30 s',
      );
    } else {
      this.options.log?.warn(
        fields,
        'the coordinator did not let go of this instance, and counts it as gone in 30 s',
      );
    }
  }

  private renew(): void {
    this.underWay = this.renewOnce();
  }

  private async renewOnce(): Promise<void> {
    const pauseMs = await this.enter();
    if (!this.isStopped) {
      this.timer = this.ports.clock.setTimer(pauseMs, () => this.renew());
    }
  }

  /** Returns when to enter again. Never throws. */
  private async enter(): Promise<number> {
    const { client, service } = this.options;
    let warning = '';
    try {
      await client.registerInstance(service, this.entry, (told) => (warning = told));
    } catch (error) {
      this.isRegistered &&= !(error instanceof CoordinatorRefusedError);
      this.mayBeKnown ||= isAnswerLost(error);
      this.failedCount += 1;
      this.tellFailure(error);
      return RETRY.initialMs / 2 + backoffMs(this.failedCount, RETRY, this.ports.random);
    }
    this.isRegistered = true;
    this.mayBeKnown = true;
    this.failedCount = 0;
    this.tell('registered at the coordinator', () => this.options.log?.info(this.facts(), this.lastTold));
    this.tellWarning(warning);
    return RENEW_MS;
  }

  private tellWarning(reason: string): void {
    if (reason !== '' && reason !== this.lastWarning) {
      this.options.log?.warn(
        { ...this.facts(), reason },
        'the coordinator finds something wrong with this service',
      );
    }
    this.lastWarning = reason;
  }

  private tellFailure(error: unknown): void {
    const mayStart = error instanceof CoordinatorUnreachableError || error instanceof CoordinatorBusyError;
    if (mayStart && this.isStarting()) {
      const fields = { ...this.facts(), error: whyOf(error) };
      this.tell(WAITING, () => this.options.log?.info(fields, WAITING));
      return;
    }
    const message = failureMessage(error);
    this.tell(message, () => this.options.log?.warn({ ...this.facts(), error: whyOf(error) }, message));
  }

  private isStarting(): boolean {
    return !this.mayBeKnown && this.ports.clock.now() - this.startedAt < STARTING_MS;
  }

  /** Only what is new: an outage of an hour is one line, not 360. */
  private tell(message: string, write: () => void): void {
    if (message !== this.lastTold) {
      this.lastTold = message;
      write();
    }
  }

  private facts(): object {
    const { client, service, instance, baseUrl, kafka } = this.options;
    const reached = {
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(kafka === undefined ? {} : { topic: kafka.topic }),
    };
    return { service, instance, ...reached, coordinator: client.url };
  }
}

function instanceOf(options: RegistrationOptions): ParticipantInstance {
  const { instance, baseUrl, kafka, lane, version, actions } = options;
  return {
    instance,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(kafka === undefined ? {} : { kafka }),
    kind: 'library',
    ...(lane === undefined ? {} : { lane }),
    ...(version === undefined ? {} : { version }),
    protocol: PROTOCOL_VERSION,
    actions: actions.map(actionEntryOf),
  };
}

function actionEntryOf({ contract, compensate, retry }: RegisteredAction): ActionEntry {
  const inputSchema = jsonSchemaOf(contract, 'input');
  const outputSchema = jsonSchemaOf(contract, 'output');
  return {
    name: contract.name,
    kind: contract.kind,
    hasCompensation: compensate !== undefined,
    ...(inputSchema === undefined ? {} : { inputSchema }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(retry === undefined ? {} : { retry }),
  };
}

const WAITING = 'waiting for the coordinator';

function failureMessage(error: unknown): string {
  if (error instanceof CoordinatorRefusedError) {
    return 'the coordinator refuses to register this service; trying again, and nothing is lost meanwhile';
  }
  if (error instanceof UnexpectedAnswerError) {
    return 'what answers at the URL of the coordinator is none: check the URL; trying again meanwhile';
  }
  if (error instanceof CoordinatorBusyError) {
    return 'the coordinator takes no entries at the moment; trying again until it does, and nothing is lost meanwhile';
  }
  return 'the coordinator cannot be reached; trying again until it answers, and nothing is lost meanwhile';
}

function isAnswerLost(error: unknown): boolean {
  return error instanceof CoordinatorUnreachableError && !(error.cause instanceof NotConnectedError);
}

/** That nobody knows what the coordinator did matters to who asks once; this entry is repeated anyway. */
function whyOf(error: unknown): string {
  const isUnclear = error instanceof CoordinatorUnreachableError || error instanceof UnexpectedAnswerError;
  return isUnclear ? error.why : messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
