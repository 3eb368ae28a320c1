import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { newName, testBrokers } from './kafka.client.js';
import { firstFreePort, QuickstartRun } from './quickstart.run.js';

const SAMPLE = fileURLToPath(new URL('../../examples/music-shop/data/cdnow-sample.csv', import.meta.url));

/** A coordinator and two instances of three services with two ports each. */
const PORT_COUNT = 13;

const TIMEOUT_MS = 600_000;

let folder: string;
let run: QuickstartRun | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atone-start-'));
  // Else, as root, the data would have to lie elsewhere, and stay there.
  await chmod(folder, 0o711);
});

afterEach(async () => {
  await run?.kill();
  run = undefined;
  await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 200 });
}, TIMEOUT_MS);

/** Starts it in the folder of the test, with so many orders. */
async function start(
  orderCount: number,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<QuickstartRun> {
  const lines = (await readFile(SAMPLE, 'utf8')).split('\n').slice(0, 1 + orderCount);
  const orders = join(folder, 'orders.csv');
  await writeFile(orders, `${lines.join('\n')}\n`);
  const place = ['--data', join(folder, 'data'), '--orders', orders];
  const port = String(await firstFreePort(PORT_COUNT));
  run = QuickstartRun.start([...place, '--port', port, ...args], environment);
  return run;
}

test(
  'npm start brings its own Kafka, and goes on with what that holds after it was killed',
  async () => {
    const killed = await start(50, ['--kafka', 'embedded']);
    await killed.says('Ctrl-C stops everything');
    await killed.kill();

    const second = await start(80, ['--kafka', 'embedded', '--exit']);

    expect({ exitCode: await second.exitCode(), output: second.output }).toMatchObject({
      exitCode: 0,
      output: expect.stringMatching(/Placing 30 orders after the 50 of earlier starts/u),
    });
    expect(second.output).toMatch(/Commands over +│ +Kafka/u);
    expect(second.output).toMatch(/Apache Kafka [\d.]+ at 127\.0\.0\.1:\d+, its data in .*data\/kafka\./u);
  },
  TIMEOUT_MS,
);

test(
  'npm start uses the brokers that it is told of, with two of each service',
  async () => {
    const started = await start(50, ['--kafka', testBrokers().join(','), '--instances', '2', '--exit'], {
      ATONE_KAFKA_CLIENT: 'platformatic',
      ATONE_KAFKA_PREFIX: newName('start'),
    });

    expect({ exitCode: await started.exitCode(), output: started.output }).toMatchObject({
      exitCode: 0,
      output: expect.stringMatching(/Commands over +│ +Kafka/u),
    });
  },
  TIMEOUT_MS,
);

test('npm start says in one sentence that no broker answers', async () => {
  const started = await start(1, ['--kafka', '127.0.0.1:1', '--exit']);

  expect(await started.exitCode()).toBe(1);
  expect(started.output).toMatch(/^Kafka cannot be reached at 127\.0\.0\.1:1: .*\.\n$/u);
});

test(
  'npm start ends with what has to change where topics cannot be created',
  async () => {
    // There is but one broker to keep copies.
    const started = await start(1, ['--kafka', testBrokers().join(','), '--exit'], {
      ATONE_KAFKA_PREFIX: newName('start'),
      ATONE_KAFKA_REPLICATION: '3',
    });

    expect({ exitCode: await started.exitCode(), output: started.output }).toMatchObject({
      exitCode: 1,
      output: expect.stringMatching(
        /^\w+ cannot run as it is configured\. Kafka has too few brokers for the copies of .*ATONE_KAFKA_REPLICATION.*\n$/mu,
      ),
    });
    expect(started.output).not.toContain('started again');
  },
  TIMEOUT_MS,
);

test('npm start deletes nothing where the brokers are not its own', async () => {
  const started = await start(1, ['--kafka', '127.0.0.1:1', '--fresh'], { ATONE_KAFKA_PREFIX: 'mine' });

  expect(await started.exitCode()).toBe(1);
  expect(started.output).toMatch(/^--fresh deletes nothing at the brokers of --kafka.*\n$/u);
});
