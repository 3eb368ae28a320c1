import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeKafka, startKafka, startThrowawayKafka, type EmbeddedKafka } from '@atone/embedded-kafka';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until.js';
import { newName, TestKafka, testBrokers } from './kafka.client.js';

describe('a Kafka of our own', () => {
  let kafka: EmbeddedKafka;
  let client: TestKafka;

  beforeAll(async () => {
    kafka = await startThrowawayKafka();
    client = new TestKafka(kafka.brokers);
  });

  afterAll(() => kafka.stop());

  test('takes messages and gives them out', async () => {
    const topic = newName('orders');
    await client.createTopics([topic]);

    await client.send(topic, 'one', 'two', 'three');

    expect(await client.receive(topic, 3)).toEqual(['one', 'two', 'three']);
  });

  test('keeps messages, and what its groups have read, when it is started again', async () => {
    const [topic, group] = [newName('orders'), newName('group')];
    await client.createTopics([topic]);
    await client.send(topic, 'one');
    await client.receive(topic, 1, group);
    const { brokers, pid } = kafka;

    await kafka.restart();

    await client.send(topic, 'two');
    expect(await client.receive(topic, 1, group)).toEqual(['two']);
    expect(await client.receive(topic, 2)).toEqual(['one', 'two']);
    expect(kafka.brokers).toEqual(brokers);
    expect(kafka.pid).not.toBe(pid);
  });

  test('keeps what it has acknowledged when it is killed', async () => {
    const topic = newName('orders');
    await client.createTopics([topic]);
    await client.send(topic, 'one', 'two');
    const { pid } = kafka;

    await kafka.kill();

    expect(isAlive(pid)).toBe(false);
    await kafka.restart();
    expect(await client.receive(topic, 2)).toEqual(['one', 'two']);
  });

  test('answers after a pause what it was asked in it', async () => {
    const topic = newName('orders');
    await client.createTopics([topic]);
    await kafka.kill('SIGSTOP');
    const sent = client.send(topic, 'one');

    await kafka.kill('SIGCONT');

    await sent;
    expect(await client.receive(topic, 1)).toEqual(['one']);
  });

  test('does not start on a port that somebody has', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;

    const starting = startThrowawayKafka({ port });

    await expect(starting).rejects.toMatchObject({ code: 'PORT_IN_USE', port });
    holder.close();
  });

  test('says in its own words why it does not start', async () => {
    const starting = startThrowawayKafka({ settings: { 'log.retention.ms': 'soon' } });

    await expect(starting).rejects.toThrow(/Invalid value soon for configuration log\.retention\.ms/u);
  });
});

test('a folder keeps messages for the next start, at another port', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kept, by us '));
  const topic = newName('orders');
  const first = await startKafka({ dataDir });
  const client = new TestKafka(first.brokers);
  await client.createTopics([topic]);
  await client.send(topic, 'one');
  await first.stop();

  const second = await startKafka({ dataDir });

  const kept = await new TestKafka(second.brokers).receive(topic, 1);
  await second.stop();
  await rm(dataDir, { recursive: true });
  expect(kept).toEqual(['one']);
  expect(second.brokers).not.toEqual(first.brokers);
});

test('a folder that was removed has nothing for the next start', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'removed-'));
  const topic = newName('orders');
  const first = await startKafka({ dataDir });
  await new TestKafka(first.brokers).createTopics([topic]);
  await first.stop();

  await removeKafka(dataDir);

  const second = await startKafka({ dataDir });
  const count = await new TestKafka(second.brokers).partitionCount(topic);
  await second.stop();
  await removeKafka(dataDir);
  expect(count).toBe(0);
});

test('a broker ends with the program that started it, be that killed, and leaves nothing', async () => {
  const program = spawn(process.execPath, [fileURLToPath(new URL('broker.main.mjs', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(program.stdout, 'data')) as [Buffer];
  const { dataDir, pid } = JSON.parse(line.toString()) as { dataDir: string; pid: number };
  expect(isAlive(pid)).toBe(true);

  program.kill('SIGKILL');

  await until('the broker is gone', () => !isAlive(pid));
  await until('its folder is gone', async () =>
    stat(dataDir).then(
      () => false,
      () => true,
    ),
  );
  expect(isAlive(pid)).toBe(false);
});

test('the broker of this run serves all its tests', async () => {
  const topic = newName('orders');
  const client = new TestKafka(testBrokers());

  await client.send(topic, 'one');

  expect(await client.receive(topic, 1)).toEqual(['one']);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
