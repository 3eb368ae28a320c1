import { expect, test } from '@jest/globals';
import type { ActionHandler } from '../contract.js';
import type { LocalDatabase } from '../database.port.js';
import { createParticipant, type Participant } from '../participant.js';
import { command, createLedger, entriesOf } from './ledger.fixture.js';

/** What must hold where handlers send SQL, and may therefore spoil the transaction that they are given. */
export function describeSqlHandlers<Transaction>(open: () => LocalDatabase<Transaction>): void {
  const participantWith = (change: Partial<ActionHandler<Transaction>> = {}): Participant => {
    const handlers = [{ ...createLedger(open()).handler, ...change }];
    return createParticipant({ service: 'ledger', database: open(), handlers });
  };

  test('a statement that failed and was caught is told for what it is', async () => {
    const book = command();
    const caught: unknown[] = [];
    const broken = participantWith({
      async run(_input, { transaction }) {
        await open()
          .session(transaction)
          .execute('select 1 / 0')
          .catch((error: unknown) => caught.push(error));
        return { balance: 0 };
      },
    });

    const reply = await broken.execute(book);

    expect(caught).toHaveLength(1);
    expect(reply).toEqual(codeError('its error was caught'));
    expect(await participantWith().execute(book)).toMatchObject({ outcome: 'done' });
  });

  test('S4: a handler that ends its transaction itself fails, and nothing is stored', async () => {
    const book = command();
    const impatient = participantWith({
      async run(input, branch) {
        const output = await createLedger(open()).handler.run(input, branch);
        await open()
          .session(branch.transaction)
          .execute('commit')
          .catch(() => undefined);
        return output;
      },
    });

    const reply = await impatient.execute(book);

    expect(reply).toEqual(codeError('begin or end the transaction'));
    expect(await entriesOf(open(), book)).toEqual([]);
  });
}

function codeError(message: string): unknown {
  return { outcome: 'unknown', error: { class: 'code', message: expect.stringContaining(message) } };
}
