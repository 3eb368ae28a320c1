import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AtoneClient } from '../client.js';
import type { DoubtSweeper } from '../doubt.sweeper.js';
import type { LocalService } from '../led/call.router.js';
import type { GlobalTransactions } from '../led/global.options.js';
import { createServiceClient, type ServiceCalls, type ServiceClient } from '../led/service.client.js';
import { MisuseError } from '../participant.error.js';
import type { Participant } from '../participant.js';
import { commandListener, type CommandListener } from './command-listener.js';
import { sendProblem, type Rejection } from './http.problem.js';
import { createCallsOf, createGlobalTransactions } from './led.node.js';
import type { ServiceLog } from './service.log.js';
import {
  announceService,
  type CommandPresence,
  type Presence,
  type ReadyService,
} from './service.presence.js';
import type { StartOptions } from './start.options.js';

/** A service that can lead transactions. */
export interface AtoneService {
  /** The coordinator's API: starts sagas, and tells what became of them. */
  readonly client: AtoneClient;
  /** Runs code in global transactions. */
  readonly transactions: GlobalTransactions;
  /**
   * Returns a client of the service that `contract` describes, to be called in global transactions. The actions of this service
   * itself are carried out in this process.
   */
  clientOf<Contract extends object>(contract: Contract): ServiceClient<Contract>;
  /**
   * Leaves the catalogue, takes no more commands, and waits for those that run. Close the database after it, and the client of Kafka.
   *
   * Wait for the transactions that this process leads before. Where one ended in an OutcomeUnknownError, the outcome is asked for also
   * after `close`, for up to 15 minutes while the process lives, and `afterCommit` or `afterAbort` runs when it is known.
   */
  close(): Promise<void>;
}

/** A service that carries out actions. */
export interface AtoneParticipant extends AtoneService {
  readonly participant: Participant;
  /** Asks about branches in doubt by itself, from the announcement on. */
  readonly sweeper: DoubtSweeper;
  /** Takes `POST /atone/v1/commands` in a server of one's own, before anything that reads the body. */
  readonly listener: CommandListener;
  /** Where commands are taken; undefined without `listen`. */
  readonly commandUrl: string | undefined;
  /** Whether the coordinator knows this instance, as far as this side can tell. */
  readonly isRegistered: boolean;
  /**
   * Tells the coordinator, in the background, where `listener` is: at a base URL, or in a server that listens to one address. Begins
   * to ask about branches in doubt, and to remove old rows of the barrier. Returns the base URL. With `listen` this has been done.
   *
   * @throws MisuseError when it has been done, once it was closed, or for a server that nobody can tell the URL of. @throws what keeps the server from
   *   listening.
   */
  announce(where: string | Server): Promise<string>;
}

/** What it takes to lead. */
interface Leading {
  readonly options: StartOptions;
  readonly client: AtoneClient;
  readonly log: ServiceLog | undefined;
}

/** Leads transactions. */
export class LeadingService implements AtoneService {
  readonly client: AtoneClient;
  readonly transactions: GlobalTransactions;
  readonly #calls: ServiceCalls;

  constructor({ options, client, log }: Leading, local?: LocalService) {
    const { service } = options;
    this.client = client;
    this.transactions = createGlobalTransactions({ service, coordinator: client, log });
    this.#calls = createCallsOf(options, { client, local, log });
  }

  clientOf<Contract extends object>(contract: Contract): ServiceClient<Contract> {
    return createServiceClient(contract, { calls: this.#calls });
  }

  async close(): Promise<void> {
    // What else goes on behind a method that leads holds nothing that would have to be closed.
    await this.#calls.close?.();
  }
}

const CLOSED: Rejection = {
  status: 503,
  code: 'OVERLOADED',
  title: 'Stopping',
  detail: 'This instance stops, and takes no more commands.',
};

/** Leads transactions, and carries out actions. */
export class ParticipatingService extends LeadingService implements AtoneParticipant {
  readonly participant: Participant;
  readonly sweeper: DoubtSweeper;
  readonly listener: CommandListener;
  readonly commandUrl: string | undefined;
  #presence: Presence | undefined;
  #isClosing = false;
  /** Commands that are on their way are taken until it has left the catalogue. */
  #isClosed = false;

  constructor(
    private readonly ready: ReadyService & Leading,
    served: CommandPresence | undefined,
  ) {
    super(ready, ready.participant);
    this.participant = ready.participant;
    this.sweeper = ready.sweeper;
    this.commandUrl = served?.commandUrl;
    this.#presence = served;
    const listen = commandListener(ready.participant, { keys: ready.options.keys });
    this.listener = (request, response) =>
      this.#isClosed ? sendProblem(response, CLOSED) : listen(request, response);
  }

  get isRegistered(): boolean {
    return this.#presence?.isRegistered === true;
  }

  async announce(where: string | Server): Promise<string> {
    const baseUrl = typeof where === 'string' ? where : await urlOf(where);
    // Looked at behind the wait: who closes meanwhile would else leave a worker behind that nobody ends.
    if (this.#isClosing) {
      throw new MisuseError(
        `This instance of '${this.participant.service}' was closed: nobody could call it. Announce it before that.`,
      );
    }
    if (this.#presence !== undefined) {
      throw new MisuseError(
        `This instance of '${this.participant.service}' was announced already. Leave out either \`listen\` or \`announce\`, and call that once; \`kafka\` is announced by itself.`,
      );
    }
    this.#presence = announceService(this.ready, { baseUrl });
    return baseUrl;
  }

  override async close(): Promise<void> {
    this.#isClosing = true;
    await this.#presence?.close();
    this.#isClosed = true;
    await this.participant.idle();
    // At last: handlers may wait for what they have called.
    await super.close();
  }
}

/** Waits until the server listens. */
async function urlOf(server: Server): Promise<string> {
  if (!server.listening) {
    await once(server, 'listening');
  }
  const address = server.address();
  if (address === null || typeof address === 'string' || ['::', '0.0.0.0'].includes(address.address)) {
    throw new MisuseError(
      'The server listens at no single address, and nobody can tell how the coordinator reaches it. Announce its URL, ' +
        "`announce('http://payments:9101')`, or have it listen on 127.0.0.1.",
    );
  }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
