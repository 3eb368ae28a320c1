import type { TransactionLog } from '@atone/engine';
import type { MemoryLog } from '@atone/engine/testing';
import { MemoryKafka } from '@atone/kafka/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TestCoordinator } from './testing/test.coordinator.js';
import { KAFKA_CLIENT } from './tokens.js';
import { TRANSPORTS } from './transports.js';

describe('a coordinator that starts', () => {
  const running: TestCoordinator[] = [];

  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (each) => each.close()));
  });

  test('at a port that is taken takes no partition of the replies from the one that runs there, and is in no list', async () => {
    const kafka = new MemoryKafka();
    const first = await start({ kafka });
    const { port } = new URL(first.coordinator.url);

    const second = start({ kafka, port, log: () => first.log });

    await expect(second).rejects.toThrow(`127.0.0.1:${port} is in use`);
    expect(await first.log.instances()).toHaveLength(1);
    expect(first.lines.filter((line) => line.includes('replies over kafka are read'))).toHaveLength(1);
  });

  test('lives and is not ready, and refuses everything else until it runs', async () => {
    const log = new HeldLog();
    const starting = start({ log: (inner) => log.before(inner) });
    const url = await log.reached;

    const [live, ready, register] = await Promise.all([
      fetch(`${url}/health/live`),
      fetch(`${url}/health/ready`),
      fetch(`${url}/v1/participants/shop/instances/one`, { method: 'PUT', body: '{}' }),
    ]);

    expect([live.status, ready.status, register.status]).toEqual([200, 503, 503]);
    expect(await ready.json()).toMatchObject({ detail: 'The coordinator is starting.' });
    expect(register.headers.get('retry-after')).toBe('2');
    log.release();
    await starting;
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  });

  test('and cannot lets go of its port', async () => {
    const log = new HeldLog();
    const starting = start({ log: (inner) => log.before(inner) });
    const url = await log.reached;

    log.release(new Error('The log is away.'));

    await expect(starting).rejects.toThrow('The log could not be read, so the coordinator did not start.');
    await expect(fetch(`${url}/health/live`)).rejects.toThrow('fetch failed');
  });

  async function start(own: {
    readonly kafka?: MemoryKafka;
    readonly port?: string;
    readonly log?: (log: MemoryLog) => TransactionLog;
  }): Promise<TestCoordinator> {
    const { kafka, port = '0', log } = own;
    const started = await TestCoordinator.start({
      environment: {
        ATONE_HTTP_PORT: port,
        ...(kafka === undefined ? {} : { ATONE_KAFKA_BROKERS: 'kafka:9092' }),
      },
      overrides:
        kafka === undefined
          ? []
          : [...TRANSPORTS, { provide: KAFKA_CLIENT, useFactory: () => kafka.client() }],
      ...(log === undefined ? {} : { log }),
    });
    running.push(started);
    return started;
  }
});

/** Stands before a log, whose first lease it holds back, and tells where the coordinator says that it is reached. */
class HeldLog {
  readonly reached: Promise<string>;
  release: (error?: Error) => void = () => undefined;
  private tell: (url: string) => void = () => undefined;
  private readonly held: Promise<void>;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.tell = resolve;
    });
    this.held = new Promise((resolve, reject) => {
      this.release = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  before(inner: MemoryLog): TransactionLog {
    const renewLease = inner.renewLease.bind(inner);
    inner.renewLease = async (instanceId, leaseMs, facts) => {
      this.tell(facts?.url ?? 'nowhere');
      await this.held;
      return renewLease(instanceId, leaseMs, facts);
    };
    return inner;
  }
}
