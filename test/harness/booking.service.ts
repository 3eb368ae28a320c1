import { createTestDatabase, type TestDatabase } from '@atone/embedded-postgres';
import {
  createDoubtSweeper,
  createLedRuntime,
  createParticipant,
  createRegistration,
  migrateBarrier,
  startCommandServer,
  type ActionHandler,
  type AtoneClient,
  type CommandServer,
  type DoubtSweeper,
  type Participant,
  type Registration,
} from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import type { Pool, PoolClient } from 'pg';
import { CREATE_LEDGER, FUND } from './booking.ledger.js';
import { openPool } from './open.pool.js';
import { until } from './until.js';

interface Parts {
  readonly database: TestDatabase;
  readonly pool: Pool;
  readonly participant: Participant;
  readonly server: CommandServer;
  readonly registration: Registration;
  readonly sweeper: DoubtSweeper;
}

/** Of each thing. */
const LEDGER_FUNDS = 10_000;

/** A participant of led transactions in this process, with a ledger of its own. It asks when it is told to. */
export class LedgerService {
  /** What its sweeper has warned of. */
  readonly warnings: object[] = [];
  private parts: Parts | undefined;

  private constructor(readonly service: string) {}

  static async start(
    client: AtoneClient,
    handler: ActionHandler<PoolClient>,
    names: readonly string[],
  ): Promise<LedgerService> {
    const led = new LedgerService(handler.contract.service);
    await led.open(client, handler, names);
    return led;
  }

  get participant(): Participant {
    return this.opened().participant;
  }

  /** Asks once about each branch whose deadline has passed. */
  get sweeper(): DoubtSweeper {
    return this.opened().sweeper;
  }

  async query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.opened().pool.query<Row>(sql, [...values])).rows;
  }

  async close(): Promise<void> {
    const { registration, server, sweeper, pool, database } = this.opened();
    await sweeper.stop();
    await registration.stop();
    await server.close();
    await pool.end();
    await database.drop();
  }

  private async open(
    client: AtoneClient,
    handler: ActionHandler<PoolClient>,
    names: readonly string[],
  ): Promise<void> {
    const testDatabase = await createTestDatabase();
    const pool = openPool(testDatabase.url, 20);
    const database = pgDatabase(pool);
    await migrateBarrier(database);
    await pool.query(CREATE_LEDGER);
    await pool.query(FUND, [[...names], LEDGER_FUNDS]);
    const { service } = this;
    const runtime = createLedRuntime({ registrar: client });
    const participant = createParticipant({ service, database, handlers: [handler], runtime });
    const server = await startCommandServer({ participant, port: 0 });
    const baseUrl = new URL(server.url).origin;
    const registration = createRegistration({
      client,
      service,
      instance: 'one',
      baseUrl,
      actions: [handler],
    });
    const log = {
      info: (): void => undefined,
      warn: (fields: object): void => void this.warnings.push(fields),
    };
    const sweeper = createDoubtSweeper({ participant, database, doubts: client, log });
    this.parts = { database: testDatabase, pool, participant, server, registration, sweeper };
    registration.start();
    await until(`${service} is in the catalogue`, () => registration.isRegistered);
  }

  private opened(): Parts {
    if (this.parts === undefined) {
      throw new Error(`The service '${this.service}' has not started.`);
    }
    return this.parts;
  }
}
