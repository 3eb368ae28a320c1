import { startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import type { KafkaClient } from '@atone/kafka';
import { KafkaReader, record } from '@atone/kafka/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { newName } from './kafka.client.js';
import { LIBRARIES } from './kafka.worlds.js';

/** A broker that asks for names and passwords, and allows nothing to a guest. */
const SETTINGS = {
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="b" ' +
    'user_broker="b" user_atone="known to atone" user_guest="known to all";',
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS;User:broker;User:atone',
};

let kafka: EmbeddedKafka;

beforeAll(async () => {
  kafka = await startThrowawayKafka({ settings: SETTINGS });
});

afterAll(async () => kafka.stop());

describe.each(LIBRARIES)('through $name, a broker that knows its users', (library) => {
  let clients: KafkaClient[] = [];

  afterEach(async () => {
    await Promise.all(clients.map(async (client) => client.close()));
    clients = [];
  });

  function connect(username: string, password: string): KafkaClient {
    const sasl = { mechanism: 'plain', username, password } as const;
    const client = library.connect({ brokers: kafka.brokers, clientId: username, sasl });
    clients.push(client);
    return client;
  }

  test('lets in who has the password', async () => {
    const [client, topic] = [connect('atone', 'known to atone'), newName('orders')];
    await client.createTopics([{ name: topic, partitionCount: 1, replicationFactor: 1 }]);

    await client.send([record(topic, 'a', 'one')]);

    const reader = await KafkaReader.join(client, { groupId: newName('group'), topics: [topic] });
    await reader.until(({ values }) => values.length > 0);
    expect(reader.values).toEqual(['one']);
  });

  test('keeps out who has not, and says so', async () => {
    const client = connect('atone', 'guessed');

    const asking = client.partitionCounts(['orders']);

    await expect(asking).rejects.toMatchObject({
      code: 'KAFKA_AUTH',
      message: expect.stringMatching(/authentication/iu),
    });
  });

  test('creates no topic for a guest, who learns what an administrator has to run', async () => {
    const [client, name] = [connect('guest', 'known to all'), newName('orders')];
    const settings = { 'retention.ms': '604800000' };

    const creating = client.createTopics([{ name, partitionCount: 12, replicationFactor: 1, settings }]);

    await expect(creating).rejects.toMatchObject({
      code: 'KAFKA_TOPIC',
      commands: [
        `kafka-topics.sh --bootstrap-server ${kafka.brokers[0]} --create --if-not-exists --topic ${name} ` +
          '--partitions 12 --replication-factor 1 --config retention.ms=604800000',
      ],
      message: expect.stringContaining('AUTHORIZATION'),
    });
  });

  test('stores nothing of a guest', async () => {
    const name = newName('orders');
    const owner = connect('atone', 'known to atone');
    await owner.createTopics([{ name, partitionCount: 1, replicationFactor: 1 }]);
    const guest = connect('guest', 'known to all');

    const sending = guest.send([record(name, 'a', 'one')]);

    await expect(sending).rejects.toMatchObject({ code: 'KAFKA_SEND', isMaybeStored: false });
  });
});
