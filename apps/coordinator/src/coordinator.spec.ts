import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TransactionView } from '@atone/protocol';
import { CoordinatorLifecycle } from './coordinator.lifecycle.js';
import { planOf, soon, TestCoordinator } from './testing/test.coordinator.js';

let world: TestCoordinator;

beforeEach(async () => {
  world = await TestCoordinator.start();
});

afterEach(async () => {
  await world.close();
});

describe('a coordinator', () => {
  test('is live and ready once it runs', async () => {
    const live = await world.ask('GET', '/health/live');
    const ready = await world.ask('GET', '/health/ready');

    expect(live).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(ready).toMatchObject({ status: 200, body: { details: { engine: { status: 'up' } } } });
  });

  test('is not ready while it takes no work, and says why, but lives', async () => {
    await world.coordinator.engine.stop();

    const ready = await world.ask('GET', '/health/ready');
    const live = await world.ask('GET', '/health/live');

    expect(ready).toMatchObject({ status: 503, body: { code: 'LOG_UNAVAILABLE', status: 503 } });
    expect((ready.body as { detail: string }).detail).toContain('nothing new is accepted');
    expect(live.status).toBe(200);
  });

  test('that stops tells those who wait how far it is, gives up its lease, and takes nothing more', async () => {
    world.transport.script = () => undefined;
    const url = `${world.coordinator.url}/v1/transactions?wait=60s`;
    const waiting = fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(planOf('reserve')),
    });
    while (world.transport.sent.length === 0) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      await soon();
    }

    await world.close();

    const answer = await waiting;
    expect(answer.status).toBe(202);
    expect(((await answer.json()) as TransactionView).outcome).toBe('undecided');
    expect(await world.log.instances()).toMatchObject([{ isLive: false }]);
    await expect(fetch(url, { method: 'POST' })).rejects.toThrow('fetch failed');
  });

  test('that stops is not ready, for as long as somebody is still answered', async () => {
    const caller = await callerInTheMiddle('/health/ready');
    const stopped = world.close();
    while (!world.coordinator.app.get(CoordinatorLifecycle).isStopping) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
      await soon();
    }

    const answer = await caller.rest();

    expect(answer).toMatch(/^HTTP\/1\.1 503 /u);
    expect(answer).toContain('"code":"OVERLOADED"');
    expect(answer).toContain('The coordinator is stopping.');
    await stopped;
  });

  test('that stops does not wait for clients that keep their connections', async () => {
    world.transport.script = () => undefined;
    const { view } = await world.submit(planOf('reserve'));
    const get = world.log.get.bind(world.log);
    world.log.get = async (gid) => {
      await pause(300);
      return get(gid);
    };
    const { port } = new URL(world.coordinator.url);
    const mute = connect(Number(port), '127.0.0.1');
    // Answered only when the server has closed to everybody else.
    const waiting = fetch(`${world.coordinator.url}/v1/transactions/${view.gid}?wait=60s`);
    await pause(600);

    const toldAt = performance.now();
    await world.close();

    expect((await waiting).status).toBe(200);
    expect(performance.now() - toldAt).toBeLessThan(5_000);
    mute.destroy();
  });

  test('whose port is taken says so in one sentence, and lets go of everything', async () => {
    const { port } = new URL(world.coordinator.url);

    const second = TestCoordinator.start({ environment: { ATONE_HTTP_PORT: port } });

    await expect(second).rejects.toMatchObject({
      name: 'StartError',
      message: `127.0.0.1:${port} is in use: stop the program that holds it, or set ATONE_HTTP_PORT.`,
    });
  });

  test('lists itself among those that share the log', async () => {
    const { body } = await world.ask('GET', '/v1/instances');

    expect(body).toMatchObject({
      instances: [{ instanceId: world.coordinator.engine.instanceId, isLive: true, isThis: true }],
    });
  });
});

describe('the catalogue', () => {
  const TWO = {
    instance: 'two',
    baseUrl: 'http://127.0.0.1:2',
    kind: 'plain',
    protocol: 1,
    actions: [{ name: 'wrap', hasCompensation: true, path: '/wrap', compensatePath: '/unwrap' }],
  };

  test('takes an instance in, whose actions may be used at once, and lets it go', async () => {
    const entered = await world.ask('PUT', '/v1/participants/gifts/instances/two', { body: TWO });
    const used = await world.submit({ name: 'x', steps: [{ name: 'a', service: 'gifts', action: 'wrap' }] });
    const listed = await world.ask('GET', '/v1/participants');
    const removed = await world.ask('DELETE', '/v1/participants/gifts/instances/two');

    expect([entered.status, used.status, removed.status]).toEqual([204, 202, 204]);
    expect(listed.body).toEqual({
      participants: expect.arrayContaining([
        {
          ...TWO,
          service: 'gifts',
          registeredAt: expect.stringMatching(/^\d{4}-.*Z$/u),
          seenAt: expect.stringMatching(/^\d{4}-.*Z$/u),
        },
      ]),
    });
    expect((await world.ask('GET', '/v1/participants')).body).toEqual({
      participants: [expect.not.objectContaining({ service: 'gifts' })],
    });
  });
});

/**
 * Begins a question, and waits until the coordinator has read the beginning: no server that closes takes such a connection for
 * idle. `rest` ends the question, and returns all that is answered.
 */
async function callerInTheMiddle(path: string): Promise<{ readonly rest: () => Promise<string> }> {
  const { hostname, port } = new URL(world.coordinator.url);
  const socket = connect(Number(port), hostname);
  const head = (of: string): string => `GET ${of} HTTP/1.1\r\nhost: ${hostname}\r\n`;
  socket.write(`${head('/health/live')}\r\n${head(path)}`);
  await once(socket, 'data');
  return {
    rest: async () => {
      socket.write('\r\n');
      const chunks: Buffer[] = await socket.toArray();
      return Buffer.concat(chunks).toString();
    },
  };
}
