import {
  action,
  contract,
  createParticipant,
  RefusedError,
  startCommandServer,
  type ActionHandler,
  type CommandServer,
} from '@atone/participant';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { withoutBarrier } from '../testing/without.barrier.js';
import { PlainEndpoint, type Sins } from '../testing/plain.endpoint.js';
import type { CheckOptions } from './check.desk.js';
import { runCheck } from './check.program.js';
import { checkParticipant, type CheckFinding } from './participant.check.js';

const KEY = { keyId: 'default', secret: 'correct horse' };
const INPUT = { sku: 'a-1' };
const OTHER_INPUT = { sku: 'b-2' };
const REFUSED_INPUT = { sku: 'none' };

const stock = contract('stock', {
  reserve: action({ input: z.object({ sku: z.string() }), output: z.object({ no: z.int() }) }),
});

function verdicts(findings: readonly CheckFinding[], wanted: CheckFinding['verdict']): readonly string[] {
  return findings.filter(({ verdict }) => verdict === wanted).map(({ name }) => name);
}

async function run(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const code = await runCheck(args, { write: (line) => lines.push(line), environment: {} });
  return { code, text: lines.join('\n') };
}

describe('a participant with the library', () => {
  let database: MemoryDatabase;
  let server: CommandServer;
  let options: CheckOptions;

  const reserve: ActionHandler<MemoryTransaction> = {
    contract: stock.reserve,
    run: async (input, { transaction }) => {
      if ((input as { sku: string }).sku === 'none') {
        throw new RefusedError('out of stock');
      }
      transaction.record(1);
      return { no: database.entries.length };
    },
    compensate: async ({ transaction }) => transaction.record(-1),
  };

  beforeEach(async () => {
    database = new MemoryDatabase();
    const participant = createParticipant({
      service: 'stock',
      database: database.connect(),
      handlers: [reserve],
    });
    server = await startCommandServer({ participant, port: 0, keys: [KEY] });
    options = {
      endpoint: {
        kind: 'library',
        url: new URL(server.url).origin,
        service: 'stock',
        action: 'reserve',
        isLed: true,
      },
      input: INPUT,
      otherInput: OTHER_INPUT,
      refusedInput: REFUSED_INPUT,
      signingKey: KEY,
      countEffects: async () =>
        (database.entries as readonly number[]).reduce((sum, entry) => sum + entry, 0),
    };
  });
  afterEach(() => server.close());

  test('keeps everything', async () => {
    const { findings, isGood } = await checkParticipant(options);

    expect(verdicts(findings, 'bad')).toEqual([]);
    expect(verdicts(findings, 'good')).toHaveLength(21);
    expect(isGood).toBe(true);
  });

  test('that takes unsigned requests is told so', async () => {
    await server.close();
    const participant = createParticipant({
      service: 'stock',
      database: database.connect(),
      handlers: [reserve],
    });
    server = await startCommandServer({ participant, port: 0 });
    const endpoint = { ...options.endpoint, url: new URL(server.url).origin };

    const { findings } = await checkParticipant({ ...options, endpoint });

    expect(verdicts(findings, 'bad')).toEqual([
      'a request with no signature is refused',
      'a request with a wrong signature is refused',
      'a request with an old signature is refused',
    ]);
  });

  test('that has lost its barrier is told so', async () => {
    await server.close();
    const connection = database.connect();
    const barrier = withoutBarrier(connection, INPUT);
    const participant = createParticipant({
      service: 'stock',
      database: connection,
      handlers: [reserve],
      barrier,
    });
    server = await startCommandServer({ participant, port: 0, keys: [KEY] });
    const endpoint = { ...options.endpoint, url: new URL(server.url).origin };

    const { findings } = await checkParticipant({ ...options, endpoint });

    expect(verdicts(findings, 'bad')).toEqual([
      'a repeat gets the same answer',
      'two requests at once are one effect',
      'a repeated compensation says yes again',
      'a compensation without an action changes nothing and says yes',
      'an action after its compensation does nothing',
      'a repeat after the compensation does nothing',
      'a repeat with another input gets no yes',
      'a refusal stays one',
      'a closed round takes no action',
      'a call tells how its branch is ended, and its repeat the same',
      'a confirm says yes, and again to a repeat',
      'a cancel after the confirm is no yes',
      'a confirm with another nonce is no yes',
    ]);
  });

  test('whose action has another name is not checked any further', async () => {
    const endpoint = { ...options.endpoint, action: 'reserv' } as CheckOptions['endpoint'];

    const { findings } = await checkParticipant({ ...options, endpoint });

    expect(findings).toEqual([
      expect.objectContaining({ verdict: 'bad', got: expect.stringContaining("nearest name is 'reserve'") }),
    ]);
  });
});

describe('a plain endpoint', () => {
  let endpoint: PlainEndpoint | undefined;

  afterEach(() => endpoint?.close());

  async function optionsFor(sins: Sins): Promise<CheckOptions> {
    endpoint = await PlainEndpoint.start(sins);
    const { url } = endpoint;
    return {
      endpoint: {
        kind: 'plain',
        url,
        path: '/reservations',
        compensatePath: '/reservations/cancel',
        confirmPath: '/reservations/confirm',
      },
      input: INPUT,
      otherInput: OTHER_INPUT,
      refusedInput: REFUSED_INPUT,
      countEffects: async () => endpoint?.effectCount ?? 0,
    };
  }

  function plainArgs(): readonly string[] {
    return ['--url', endpoint?.url ?? '', '--path', '/reservations', '--input', JSON.stringify(INPUT)];
  }

  test('that keeps everything is good', async () => {
    const { findings, isGood } = await checkParticipant(await optionsFor({}));

    expect(verdicts(findings, 'bad')).toEqual([]);
    expect(verdicts(findings, 'good')).toHaveLength(14);
    expect(isGood).toBe(true);
  });

  test.each<[string, Sins, readonly string[]]>([
    [
      'takes each request for a new one',
      { noKeys: true },
      [
        'a repeat gets the same answer',
        'two requests at once are one effect',
        'an action after its compensation does nothing',
        'a repeat after the compensation does nothing',
        'a repeat with another input gets no yes',
      ],
    ],
    ['looks for the key before it acts', { earlyLook: true }, ['two requests at once are one effect']],
    [
      'does not know what to undo',
      { noEmptyUndo: true },
      [
        'a compensation without an action changes nothing and says yes',
        'an action after its compensation does nothing',
      ],
    ],
    [
      'keeps no record of an undo',
      { noRecord: true },
      ['an action after its compensation does nothing', 'a repeat after the compensation does nothing'],
    ],
    ['undoes once more', { undoAgain: true }, ['a repeated compensation says yes again']],
    [
      'undoes nothing',
      { lazyUndo: true },
      [
        'the compensation undoes the action',
        'a repeated compensation says yes again',
        'a repeat after the compensation does nothing',
        'a confirm after the cancel is no yes',
      ],
    ],
    ['answers any input', { anyInput: true }, ['a repeat with another input gets no yes']],
    ['confirms what is undone', { confirmUndone: true }, ['a confirm after the cancel is no yes']],
    ['confirms what is not there', { confirmNothing: true }, ['a confirm of what is not there is no yes']],
    ['undoes what is confirmed', { cancelConfirmed: true }, ['a cancel after the confirm is no yes']],
    ['confirms but once', { confirmOnce: true }, ['a confirm says yes, and again to a repeat']],
    ['changes its mind after a no', { softRefusal: true }, ['a refusal stays one']],
  ])('that %s is told so', async (_what, sins, bad) => {
    const { findings } = await checkParticipant(await optionsFor(sins));

    expect(verdicts(findings, 'bad')).toEqual(bad);
  });

  test('that is not there is checked no further', async () => {
    const options = await optionsFor({});
    await endpoint?.close();

    const { findings } = await checkParticipant(options);

    expect(findings).toEqual([
      expect.objectContaining({ verdict: 'bad', got: expect.stringContaining('ECONNREFUSED') }),
    ]);
  });

  test.each([
    { counted: true, verdict: 'good' },
    { counted: false, verdict: 'not-checked' },
  ])('that answers a repeat after the undo as before is $verdict', async ({ counted, verdict }) => {
    const options = await optionsFor({ oldAnswer: true });
    const countEffects = counted ? options.countEffects : undefined;

    const { findings } = await checkParticipant({ ...options, countEffects });

    expect(findings).toContainEqual(
      expect.objectContaining({ name: 'a repeat after the compensation does nothing', verdict }),
    );
  });

  test('shows most of its sins though nobody counts its effects', async () => {
    const options = { ...(await optionsFor({ noKeys: true })), countEffects: undefined };

    const { findings } = await checkParticipant(options);

    expect(verdicts(findings, 'bad')).toContain('a repeat gets the same answer');
  });

  describe('and the program', () => {
    test('tells a line for each check, what to change, and the sum', async () => {
      await optionsFor({ noRecord: true });

      const { code, text } = await run(...plainArgs(), '--compensate-path', '/reservations/cancel');

      expect(code).toBe(1);
      expect(text).toMatchInlineSnapshot(`
       "✓ the action is carried out: sent the action → done {"no":1}
       ✓ a repeat gets the same answer: sent the action, and again under the same key → done {"no":2}; done {"no":2}
       ✓ two requests at once are one effect: sent the action twice at once, and once more → done {"no":3}; done {"no":3}; done {"no":3}
       ✓ the compensation undoes the action: sent the action, and its compensation → done {"no":4}; undone
       ✓ a repeated compensation says yes again: sent the action, its compensation, and the compensation again → done {"no":5}; undone; undone
       ✓ a compensation without an action changes nothing and says yes: sent a compensation whose action never came → undone
       ✗ an action after its compensation does nothing: sent a compensation, and then its action → undone; done {"no":6}
           Have a compensation leave a record even where there is nothing to undo, and look for it before the action: if it is there, answer 409 (\`already-undone\`).
       ✗ a repeat after the compensation does nothing: sent the action, its compensation, and the action again → done {"no":7}; undone; done {"no":8}
           An undo closes the branch: a repeat of the action gets 409 (\`already-undone\`), and does nothing.
       – a repeat with another input gets no yes: not checked, give another input (--other-input)
       – a refusal stays one: not checked, give an input that is refused (--refused-input)
       – a request with no signature is refused: not checked, give the secret, if there is one (--signing-key)
       – a request with a wrong signature is refused: not checked, give the secret, if there is one (--signing-key)
       – a request with an old signature is refused: not checked, give the secret, if there is one (--signing-key)

       6 good, 2 bad, 5 not checked.
       Only answers were looked at: effects show where they are counted (--count-url)."
      `);
    });

    test('confirms where the path is given', async () => {
      await optionsFor({ confirmNothing: true });
      const ends = ['--compensate-path', '/reservations/cancel', '--confirm-path', '/reservations/confirm'];

      const { code, text } = await run(...plainArgs(), ...ends);

      expect(code).toBe(1);
      expect(text).toContain(
        '✗ a confirm of what is not there is no yes: sent a confirm whose call never came → confirmed',
      );
    });

    test('ends with 0 where all is good', async () => {
      await optionsFor({});

      const { code } = await run(...plainArgs());

      expect(code).toBe(0);
    });

    test('says so where effects cannot be counted', async () => {
      await optionsFor({});

      const { code, text } = await run(...plainArgs(), '--count-url', 'http://127.0.0.1:1/count');

      expect(code).toBe(2);
      expect(text).toMatch(/^The effects could not be counted: .+ Check --count-url\.$/u);
    });

    test.each([
      [['--input', '{"sku":"none"}'], 'Give an input that is accepted.'],
      [['--url', 'http://127.0.0.1:1'], 'Start the participant'],
    ])('tells with %j how to get the first yes', async (args, remedy) => {
      await optionsFor({});

      const { code, text } = await run(...plainArgs(), ...args);

      expect({ code, text }).toEqual({ code: 1, text: expect.stringContaining(remedy) });
    });

    test.each([
      [['--path', '/r'], '--url must be an http(s) URL.'],
      [['--url', 'http://a.test', '--service', 's'], '--service and --action are needed'],
      [['--url', 'http://a.test', '--path', '/r', '--input', '{'], '--input is not JSON.'],
      [['--url', 'http://a.test', '--path', '/r', '--timeout', 'soon'], '--timeout soon is no number of ms.'],
      [
        ['--url', 'http://a.test', '--path', '/r', '--signing-key', 'k1'],
        '--signing-key must be keyId:secret.',
      ],
      [['--bogus'], "Unknown option '--bogus'"],
    ])('does not begin with %j', async (args, message) => {
      const { code, text } = await run(...args);

      expect({ code, text }).toEqual({ code: 2, text: expect.stringContaining(message) });
    });
  });
});
