import { ManualClock } from '@atone/engine/testing';
import { KafkaAuthError, KafkaUnreachableError, type KafkaClient, type TopicSettings } from '@atone/kafka';
import { MemoryKafka, type MemoryClient } from '@atone/kafka/testing';
import { KafkaTransport } from '@atone/transport-kafka';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfiguration } from './configuration.js';
import { KafkaLink } from './kafka.link.js';
import { openLogger } from './ports/pino.logger.js';
import { StartError } from './start.error.js';

const BROKERS = { ATONE_DATABASE_URL: 'postgres://nowhere', ATONE_KAFKA_BROKERS: 'kafka:9092' };

describe('what connects the coordinator with Kafka', () => {
  const kafka = { current: new MemoryKafka(), isAway: false };
  const clock = new ManualClock();
  const lines: string[] = [];
  let open: { readonly link: KafkaLink; readonly transport: KafkaTransport }[] = [];

  beforeEach(() => {
    kafka.current = new MemoryKafka();
    kafka.isAway = false;
    lines.length = 0;
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map(async ({ transport }) => transport.close()));
    await Promise.all(open.map(async ({ link }) => link.close()));
  });

  test('creates the topics that all coordinators share: what came in is kept for a week, dead letters for a month', async () => {
    const created: TopicSettings[] = [];
    const { link, transport } = linkOf({
      environment: { ATONE_KAFKA_REPLICATION: '3', ATONE_KAFKA_PREFIX: 'shop' },
      client: clientOf({ createTopics: async (topics) => void created.push(...topics) }),
    });

    await link.open();

    const common = { partitionCount: 12, replicationFactor: 3 };
    const safe = { 'cleanup.policy': 'delete', 'min.insync.replicas': '2' };
    expect(created).toEqual([
      { name: 'shop.replies', ...common, settings: { ...safe, 'retention.ms': '604800000' } },
      { name: 'shop.dead', ...common, settings: { ...safe, 'retention.ms': '2592000000' } },
    ]);
    expect(transport.partitions).toEqual([]);
  });

  test('refuses the start where topics may not be created, and tells what to run', async () => {
    const { link } = linkOf({ environment: { ATONE_KAFKA_REPLICATION: '3' } });

    const opening = link.open();

    await expect(opening).rejects.toThrow(StartError);
    await expect(opening).rejects.toThrow(
      /--create --if-not-exists --topic atone\.replies --partitions 12 --replication-factor 3 --config/u,
    );
  });

  test('refuses the start where topics are missing that nobody is to create, and tells what to run', async () => {
    const { link } = linkOf({ environment: { ATONE_KAFKA_CREATE_TOPICS: 'false' } });
    await kafka.current
      .client()
      .createTopics([{ name: 'atone.dead', partitionCount: 1, replicationFactor: 1 }]);

    await expect(link.open()).rejects.toThrow(
      /^Kafka has no topic atone\.replies, and .* run:\nkafka-topics\.sh --bootstrap-server kafka:9092 --create .* --partitions 12 --config/u,
    );
  });

  test('refuses the start where the brokers do not believe who it is', async () => {
    const { link } = linkOf({ client: refusing() });

    await expect(link.open()).rejects.toThrow(
      /^Kafka at kafka:9092 does not let us in: wrong password\. Check ATONE_KAFKA_SASL_\* and ATONE_KAFKA_TLS_\*\.$/u,
    );
  });

  test('goes on trying where they do not believe it any more', async () => {
    kafka.isAway = true;
    const { link } = linkOf({ client: refusing() });
    await link.open();
    kafka.isAway = false;

    await clock.advance(20_000);

    expect(lines.slice(1)).toEqual([
      expect.stringContaining('does not let us in'),
      expect.stringContaining('does not let us in'),
    ]);
  });

  test('lets the coordinator start without brokers, and joins when they are there', async () => {
    kafka.isAway = true;
    const { link, transport } = linkOf();
    await link.open();
    await clock.advance(9_000);
    kafka.isAway = false;
    expect(transport.partitions).toEqual([]);

    await clock.advance(1_000);

    expect(transport.partitions).toHaveLength(12);
    expect(lines).toEqual([expect.stringMatching(/Kafka cannot be reached at kafka:9092.*trying again/u)]);
  });

  test('warns every ten seconds while there are no brokers', async () => {
    kafka.isAway = true;
    const { link } = linkOf();

    await link.open();
    await clock.advance(30_000);

    expect(lines).toHaveLength(4);
  });

  test('waits no longer than five seconds for brokers that do not answer', async () => {
    const { link } = linkOf({ client: clientOf({ createTopics: async () => new Promise(() => undefined) }) });
    const opening = link.open();

    await clock.advance(5_000);

    await expect(opening).resolves.toBeUndefined();
  });

  test('tells of topics that turn out to be missing after the start, and goes on trying', async () => {
    kafka.isAway = true;
    const { link } = linkOf({ environment: { ATONE_KAFKA_CREATE_TOPICS: 'false' } });
    await link.open();
    kafka.isAway = false;

    await clock.advance(20_000);

    expect(lines.slice(1)).toEqual([
      expect.stringContaining('kafka cannot be used'),
      expect.stringContaining('kafka cannot be used'),
    ]);
  });

  test('tries no more when the coordinator stops', async () => {
    kafka.isAway = true;
    const { link } = linkOf();
    await link.open();

    await link.close();
    await clock.advance(30_000);

    expect(lines).toHaveLength(1);
  });

  function linkOf(
    own: { readonly environment?: Readonly<Record<string, string>>; readonly client?: KafkaClient } = {},
  ): { readonly link: KafkaLink; readonly transport: KafkaTransport } {
    const configuration = readConfiguration({ ...BROKERS, ...own.environment });
    const {
      prefix = '',
      createsTopics,
      partitionCount = 0,
      replicationFactor = 0,
    } = configuration.kafka ?? {};
    const client = own.client ?? clientOf();
    const transport = new KafkaTransport({
      client,
      clock,
      prefix,
      instanceId: 'one',
      catalogue: { instancesOf: () => [] },
      createTopics: createsTopics === true ? { partitionCount, replicationFactor } : undefined,
    });
    const logger = openLogger('warn', { write: (line: string) => void lines.push(line) });
    const link = new KafkaLink({ transport, client, configuration, clock, logger });
    open.push({ link, transport });
    return { link, transport };
  }

  /** Returns a client that brokers let in no more, unless they are away. */
  function refusing(): KafkaClient {
    return clientOf({
      createTopics: async () => {
        const [brokers, cause] = [['kafka:9092'], new Error('wrong password')];
        throw kafka.isAway ? new KafkaUnreachableError(brokers) : new KafkaAuthError(brokers, { cause });
      },
    });
  }

  /** Returns a client of brokers that may be away. */
  function clientOf(own: Partial<KafkaClient> = {}): KafkaClient {
    const client = kafka.current.client();
    const asking = (): void => {
      if (kafka.isAway) {
        throw new KafkaUnreachableError(['kafka:9092']);
      }
    };
    return Object.assign(Object.create(client) as MemoryClient, {
      createTopics: async (topics: readonly TopicSettings[]) => {
        asking();
        await client.createTopics(topics);
      },
      partitionCounts: async (topics: readonly string[]) => {
        asking();
        return client.partitionCounts(topics);
      },
      ...own,
    });
  }
});
