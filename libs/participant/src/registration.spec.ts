import { describe, expect, test } from '@jest/globals';
import { participantInstanceSchema, type ParticipantInstance } from '@atone/protocol';
import { z } from 'zod';
import {
  CoordinatorBusyError,
  CoordinatorRefusedError,
  CoordinatorUnreachableError,
  UnexpectedAnswerError,
} from './client.errors.js';
import { action, contract, type ActionContract } from './contract.js';
import { NotConnectedError } from './client.ports.js';
import { elapsedClock, nodeClientPorts } from './node/client.node.js';
import { createPortRegistration, RENEW_MS } from './registration.js';

const payments = contract('payments', {
  charge: action({
    input: z.object({ cents: z.int(), memo: z.string().default('') }),
    output: z.object({ receiptId: z.string() }),
  }),
  receipt: action({ input: z.object({}), output: z.void() }),
});

const SUBJECT = { url: 'http://c.test', what: 'take up the instance', changes: true };

const outage = new CoordinatorUnreachableError(SUBJECT, 'connect ECONNREFUSED', {
  cause: new NotConnectedError('connect ECONNREFUSED'),
});
const starting = new CoordinatorBusyError(SUBJECT, 'OVERLOADED', 'The coordinator is starting.');
const lostAnswer = new CoordinatorUnreachableError(SUBJECT, 'read ECONNRESET');
const refusal = new CoordinatorRefusedError(
  { url: 'http://c.test', what: 'take up the instance', changes: true },
  { status: 401, code: 'UNAUTHORIZED', detail: 'No token.', errors: [] },
);

const stranger = new UnexpectedAnswerError(
  { url: 'http://c.test', what: 'take up the instance', changes: true },
  'it answered 200, server: nginx',
);

const AWAY =
  'the coordinator cannot be reached; trying again until it answers, and nothing is lost meanwhile';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A registration whose calls fail as `failures` say, in turn, and then succeed. Timers go off when told, and take their time. */
function registration(...failures: (Error | undefined)[]) {
  const calls: string[] = [];
  const entries: ParticipantInstance[] = [];
  const lines: string[] = [];
  const facts: object[] = [];
  /** What the coordinator finds wrong, at one renewal after the other. */
  const warnings: string[] = [];
  const time = { nowMs: 0 };
  const timers: { delayMs: number; callback: () => void }[] = [];
  const subject = createPortRegistration(
    {
      client: {
        url: 'http://coordinator.test',
        async registerInstance(service, entry, onWarning) {
          calls.push(`put ${service}/${entry.instance}`);
          entries.push(entry);
          const failure = failures.shift();
          if (failure !== undefined) {
            throw failure;
          }
          const warning = warnings.shift() ?? '';
          if (warning !== '') {
            onWarning?.(warning);
          }
        },
        async deregisterInstance(service, instance) {
          calls.push(`delete ${service}/${instance}`);
          const failure = failures.shift();
          if (failure !== undefined) {
            throw failure;
          }
        },
      },
      service: 'payments',
      instance: 'p1',
      baseUrl: 'http://127.0.0.1:9000',
      lane: 'blue',
      actions: [
        { contract: payments.charge, compensate: () => undefined, retry: { attemptCountMax: 3 } },
        { contract: payments.receipt },
      ],
      log: {
        info: (_fields, message) => lines.push(message),
        warn(fields, message) {
          facts.push(fields);
          lines.push(`warning: ${message}`);
        },
      },
    },
    {
      clock: {
        now: () => time.nowMs,
        setTimer(delayMs, callback) {
          const timer = { delayMs, callback };
          timers.push(timer);
          return { cancel: () => timers.splice(timers.indexOf(timer), 1) };
        },
      },
      random: { next: () => 0.5, bytes: (count) => new Uint8Array(count) },
    },
  );
  /** Lets the next timer go off and returns its delay. */
  const next = async () => {
    const timer = timers.shift();
    time.nowMs += timer?.delayMs ?? 0;
    timer?.callback();
    await settle();
    return timer?.delayMs;
  };
  return { subject, calls, entries, lines, facts, warnings, timers, next };
}

function registrationOf(unusual: ActionContract) {
  const client = { url: '', registerInstance: unexpected, deregisterInstance: unexpected };
  const options = { client, service: 'odd', instance: 'o1', baseUrl: '', actions: [{ contract: unusual }] };
  return createPortRegistration(options, { clock: elapsedClock, random: nodeClientPorts().random });
}

const unexpected = () => Promise.reject(new Error('Nobody should call this.'));

describe('a registration', () => {
  test('enters the instance with its actions, and again every ten seconds', async () => {
    const { subject, calls, entries, lines, next } = registration();

    subject.start();
    await settle();

    expect(participantInstanceSchema.parse(entries[0])).toMatchObject({
      instance: 'p1',
      baseUrl: 'http://127.0.0.1:9000',
      kind: 'library',
      lane: 'blue',
      protocol: 1,
      actions: [
        { name: 'charge', kind: 'saga', hasCompensation: true, retry: { attemptCountMax: 3 } },
        { name: 'receipt', kind: 'saga', hasCompensation: false },
      ],
    });
    expect(entries[0]?.actions[0]?.inputSchema).toMatchObject({ type: 'object', required: ['cents'] });
    expect(await next()).toBe(RENEW_MS);
    expect(await next()).toBe(RENEW_MS);
    expect(calls).toEqual(['put payments/p1', 'put payments/p1', 'put payments/p1']);
    expect(lines).toEqual(['registered at the coordinator']);
  });

  test('passes on what the coordinator finds wrong, again only if it was well meanwhile', async () => {
    const { subject, lines, facts, warnings, next } = registration();
    warnings.push('other prefix', 'other prefix', '', 'other prefix');

    subject.start();
    await settle();
    await next();
    await next();
    await next();

    const line = 'warning: the coordinator finds something wrong with this service';
    expect(lines).toEqual(['registered at the coordinator', line, line]);
    expect(facts[0]).toMatchObject({ service: 'payments', instance: 'p1', reason: 'other prefix' });
  });

  test.each([
    ['does not listen yet', [outage, outage, outage]],
    ['listens and does not run yet', [outage, starting, starting]],
  ])('waits calmly for a coordinator that starts beside it and %s', async (_title, failures) => {
    const { subject, lines, next } = registration(...failures);

    subject.start();
    await settle();
    const pauses = [await next(), await next(), await next()];

    expect(subject.isRegistered).toBe(true);
    expect(pauses).toEqual([1_000, 1_500, 2_500]);
    expect(lines).toEqual(['waiting for the coordinator', 'registered at the coordinator']);
  });

  test('that is put off for longer is told to be so, and not that nobody is there', async () => {
    const { subject, lines, next } = registration(...Array.from({ length: 6 }, () => starting));

    subject.start();
    await settle();
    for (let count = 0; count < 5; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await next();
    }

    expect(lines).toEqual([
      'waiting for the coordinator',
      'warning: the coordinator takes no entries at the moment; trying again until it does, and nothing is lost meanwhile',
    ]);
  });

  test('tries on while the coordinator stays away, and warns once', async () => {
    const { subject, lines, facts, next } = registration(outage, outage, outage, outage, outage);

    subject.start();
    await settle();
    for (let count = 0; count < 5; count += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await next();
    }

    expect(lines).toEqual([
      'waiting for the coordinator',
      `warning: ${AWAY}`,
      'registered at the coordinator',
    ]);
    expect(facts).toMatchObject([{ service: 'payments', error: 'connect ECONNREFUSED' }]);
  });

  test('warns at once of a coordinator that goes away later', async () => {
    const { subject, lines, next } = registration(undefined, outage);

    subject.start();
    await settle();
    await next();

    expect(lines).toEqual(['registered at the coordinator', `warning: ${AWAY}`]);
  });

  test('says when it is refused, and tries on', async () => {
    const { subject, lines, next } = registration(undefined, refusal);

    subject.start();
    await settle();
    await next();

    expect(subject.isRegistered).toBe(false);
    expect(lines.at(-1)).toBe(
      'warning: the coordinator refuses to register this service; trying again, and nothing is lost meanwhile',
    );
  });

  test('says what answers in the place of a coordinator, and tries on', async () => {
    const { subject, lines, facts, next } = registration(stranger);

    subject.start();
    await settle();
    await next();

    expect(lines).toEqual([
      'warning: what answers at the URL of the coordinator is none: check the URL; trying again meanwhile',
      'registered at the coordinator',
    ]);
    expect(facts).toMatchObject([{ coordinator: 'http://coordinator.test', error: stranger.why }]);
  });

  test('takes the instance out when it stops, and sets no timer any more', async () => {
    const { subject, calls, timers } = registration();
    subject.start();
    await settle();

    await subject.stop();

    expect(calls).toEqual(['put payments/p1', 'delete payments/p1']);
    expect(timers).toEqual([]);
  });

  test('that is stopped while it enters the instance takes it out afterwards', async () => {
    const { subject, calls, timers } = registration();
    subject.start();

    await subject.stop();

    expect(calls).toEqual(['put payments/p1', 'delete payments/p1']);
    expect(timers).toEqual([]);
  });

  test.each([
    [outage, 'stopped while the coordinator was away, which counts this instance as gone in 30 s'],
    [refusal, 'warning: the coordinator did not let go of this instance, and counts it as gone in 30 s'],
  ])('stops also where nobody takes the instance out', async (failure, line) => {
    const { subject, calls, lines } = registration(undefined, failure);
    subject.start();
    await settle();

    await subject.stop();

    expect(calls).toEqual(['put payments/p1', 'delete payments/p1']);
    expect(lines.at(-1)).toBe(line);
  });

  test('whose answer was lost is taken out as well: it may be in the catalogue', async () => {
    const { subject, calls } = registration(lostAnswer);
    subject.start();
    await settle();

    await subject.stop();

    expect(calls).toEqual(['put payments/p1', 'delete payments/p1']);
  });

  test('that was never entered is not taken out', async () => {
    const { subject, calls } = registration(outage);
    subject.start();

    await subject.stop();

    expect(calls).toEqual(['put payments/p1']);
  });
});

test('an action whose payload JSON cannot hold is refused', () => {
  const odd = contract('odd', { act: action({ input: z.object({ day: z.date() }), output: z.void() }) });

  expect(() => registrationOf(odd.act)).toThrow(/input of odd\.act cannot cross the wire as JSON: .*day/u);
});
