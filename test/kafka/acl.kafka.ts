import { inspect } from 'node:util';
import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { topicCommands } from '@atone/kafka';
import { coordinatorTopics } from '@atone/transport-kafka';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { codeBlocks, readText } from '../docs/markdown.js';
import { administer } from './acl.commands.js';
import { createdTopics, CREATORS } from './acl.services.js';
import { AclWorld, saslOf } from './acl.world.js';
import { newName } from './kafka.client.js';
import { LIBRARIES } from './kafka.worlds.js';

const USERS = ['admin', 'coordinator', 'stock', 'pay', 'trips', 'orders', 'operator'];

/** A broker that asks for names and passwords, and allows nothing to anybody but an administrator. */
const SETTINGS = {
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="admin" ' +
    `${USERS.map((name) => `user_${name}="${name}"`).join(' ')};`,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS;User:admin',
};

const COMMANDS = codeBlocks(readText('docs/kafka.md')).flatMap(({ language, text }) =>
  language === 'sh' ? text.split('\n').filter((line) => / --(add|create) /u.test(line)) : [],
);
const TOPICS = COMMANDS.filter((line) => line.startsWith('kafka-topics.sh'));
const RULES = COMMANDS.filter((line) => line.startsWith('kafka-acls.sh'));
/** Who has its topics created by hand needs no rule for that. */
const NEEDED = RULES.filter((line) => !line.includes('--operation Create'));
const TO_CREATE = RULES.filter((line) => line.includes('--operation Create'));
const WHO = ['coordinator', 'stock', 'trips', 'orders'] as const;

let kafka: EmbeddedKafka;
let worlds: readonly AclWorld[] = [];

beforeAll(async () => {
  kafka = await startThrowawayKafka({ settings: SETTINGS });
});

afterEach(async () => {
  await Promise.all(worlds.map(async (world) => world.close()));
  worlds = [];
});

afterAll(async () => kafka.stop());

/** Prepares the brokers by these rules for each of the libraries, under a prefix of its own. */
async function prepare(commands: {
  readonly topics: readonly string[];
  readonly acls: readonly string[];
}): Promise<readonly AclWorld[]> {
  worlds = LIBRARIES.map((library) => new AclWorld(library, kafka.brokers, newName('atone')));
  const connection = { brokers: [...kafka.brokers], sasl: saslOf('admin') };
  const [topics, acls] = [commands.topics, commands.acls].map((lines) =>
    worlds.flatMap(({ prefix }) => forAll(lines, prefix)),
  ) as [string[], string[]];
  await administer(connection, { topics, acls });
  return worlds;
}

/** Returns what comes of a day by these rules, where all topics are there. */
async function live(rules: readonly string[]): Promise<readonly object[]> {
  const lane = TOPICS.filter((line) => line.includes('.stock ')).map((line) =>
    line.replace('.stock ', '.stock.green '),
  );
  const orders = ['order.placed', 'order.placed.reply'].map(
    (name) => `kafka-topics.sh --create --topic ${name} --partitions 1`,
  );
  const prepared = await prepare({ topics: [...TOPICS, ...lane, ...orders], acls: rules });
  return Promise.all(prepared.map(async (world) => world.live()));
}

/** What the page says of one service holds for the other one, too. */
function forAll(commands: readonly string[], prefix: string): readonly string[] {
  const ofPay = commands
    .filter((line) => line.includes('stock'))
    .map((line) => line.replaceAll('stock', 'pay'));
  return [...commands, ...ofPay].map((line) =>
    line.replaceAll(/ atone\./gu, ` ${prefix}.`).replaceAll(/ (?=order\.|orders$)/gu, ` ${prefix}-`),
  );
}

/** Has somebody create its topics, and returns how many partitions these have by each library, or what it was refused. */
async function create(who: (typeof WHO)[number], rules: readonly string[]): Promise<readonly unknown[]> {
  const prepared = await prepare({ topics: [], acls: rules });
  return Promise.all(
    prepared.map(async (world) => {
      const { prefix } = world;
      const client = world.join(who);
      try {
        const service = await CREATORS[who]({ client, prefix });
        const counts = await client.partitionCounts(createdTopics(who, prefix));
        await service?.close();
        return [...counts.values()];
      } catch (error) {
        return inspect(error, { depth: 10 });
      }
    }),
  );
}

describe('the page about Kafka', () => {
  test('creates topics of the coordinator as the coordinator does', () => {
    const topics = coordinatorTopics('atone', { partitionCount: 12, replicationFactor: 3 });

    expect(TOPICS).toEqual(expect.arrayContaining([...topicCommands(['kafka:9092'], topics)]));
  });

  test('gives everybody the rights that sagas, calls, messages and dead letters take', async () => {
    const lives = await live(NEEDED);

    expect(worlds.map(({ refusals }) => refusals)).toEqual(LIBRARIES.map(() => []));
    const done = expect.stringContaining('"outcome":"done"');
    expect(lives).toMatchObject(
      worlds.map(({ prefix }) => ({
        state: 'committed',
        answers: [done, done],
        orders: ['placed'],
        dead: [
          `${prefix}-order.placed`,
          ...['commands.stock', 'replies', 'replies.trips'].map((name) => `${prefix}.${name}`),
        ],
      })),
    );
  });

  test.each(NEEDED.map(told))(
    'names no rule in vain: without that of %s somebody is refused',
    async (_words, missing) => {
      await live(NEEDED.filter((line) => line !== missing));

      expect(worlds.map(({ refusals }) => refusals.length > 0)).toEqual(LIBRARIES.map(() => true));
    },
  );

  test.each(WHO)('has %s create its topics where it may', async (who) => {
    expect(await create(who, RULES)).toEqual(LIBRARIES.map(() => [3, 3]));
  });

  test.each(TO_CREATE.map(told))(
    'names no rule in vain: without that of %s nothing is created',
    async (words, missing) => {
      const who = WHO.find((name) => words.startsWith(`User:${name} `)) ?? 'coordinator';

      const outcomes = await create(
        who,
        RULES.filter((line) => line !== missing),
      );

      expect(outcomes).toEqual(LIBRARIES.map(() => expect.stringMatching(/authoriz/iu)));
    },
  );
});

function told(line: string): readonly [string, string] {
  return [line.slice(line.indexOf('User:')), line];
}
