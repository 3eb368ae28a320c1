import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { topicCommands } from '@atone/kafka';
import { coordinatorTopics } from '@atone/transport-kafka';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { codeBlocks, readText } from '../docs/markdown.js';
import { administer } from './acl.commands.js';
import { AclWorld, saslOf } from './acl.world.js';
import { newName } from './kafka.client.js';

const USERS = ['admin', 'coordinator', 'stock', 'pay', 'trips', 'operator'];

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

let kafka: EmbeddedKafka;
let world: AclWorld | undefined;

beforeAll(async () => {
  kafka = await startThrowawayKafka({ settings: SETTINGS });
});

afterEach(async () => {
  await world?.close();
  world = undefined;
});

afterAll(async () => kafka.stop());

/** Prepares the brokers by these rules, under a prefix of its own, and lives a day. */
async function live(rules: readonly string[]): Promise<{ readonly prefix: string; readonly came: object }> {
  const prefix = newName('atone');
  await administer(
    { brokers: [...kafka.brokers], sasl: saslOf('admin') },
    { topics: forAll(TOPICS, prefix), acls: forAll(rules, prefix) },
  );
  world = new AclWorld(kafka.brokers, prefix);
  return { prefix, came: await world.live() };
}

/** What the page says of one service holds for the other one, too. */
function forAll(commands: readonly string[], prefix: string): readonly string[] {
  const ofPay = commands
    .filter((line) => line.includes('stock'))
    .map((line) => line.replaceAll('stock', 'pay'));
  return [...commands, ...ofPay].map((line) => line.replaceAll(/ atone\./gu, ` ${prefix}.`));
}

describe('the page about Kafka', () => {
  test('creates topics of the coordinator as the coordinator does', () => {
    const topics = coordinatorTopics('atone', { partitionCount: 12, replicationFactor: 3 });

    expect(TOPICS).toEqual(expect.arrayContaining([...topicCommands(['kafka:9092'], topics)]));
  });

  test('gives everybody the rights that sagas, calls and dead letters take', async () => {
    const { prefix, came } = await live(NEEDED);

    expect(world?.refusals).toEqual([]);
    expect(came).toMatchObject({
      state: 'committed',
      answer: expect.stringContaining('"outcome":"done"'),
      dead: ['commands.stock', 'replies', 'replies.trips'].map((name) => `${prefix}.${name}`),
    });
  });

  test.each(NEEDED.map((line) => [line.slice(line.indexOf('User:')), line]))(
    'names no rule in vain: without that of %s somebody is refused',
    async (_words, missing) => {
      await live(NEEDED.filter((line) => line !== missing));

      expect(world?.refusals.length).toBeGreaterThan(0);
    },
  );

  test('has a coordinator create its topics where it may', async () => {
    const prefix = newName('atone');
    const [replies] = coordinatorTopics(prefix, { partitionCount: 3, replicationFactor: 1 });
    const connection = { brokers: [...kafka.brokers], sasl: saslOf('admin') };
    await administer(connection, { topics: [], acls: forAll(RULES, prefix) });
    const { kafkajsClient } = await import('@atone/kafka/kafkajs');
    const client = kafkajsClient({
      brokers: kafka.brokers,
      clientId: 'coordinator',
      sasl: saslOf('coordinator'),
    });

    await client.createTopics(replies === undefined ? [] : [replies]);

    const counts = await client.partitionCounts([`${prefix}.replies`]);
    await client.close();
    expect(counts.get(`${prefix}.replies`)).toBe(3);
  });
});
