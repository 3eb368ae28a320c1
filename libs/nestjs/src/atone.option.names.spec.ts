import 'reflect-metadata';
import { MisuseError } from '@atone/participant';
import { describe, expect, test } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { AtoneModule } from './atone.module.js';
import type { AtoneOptions } from './atone.options.js';

const GOOD: AtoneOptions = { service: 'trips', coordinator: { url: 'http://coordinator.invalid' } };

/** As if types had been silenced. */
function bad(options: object): AtoneOptions {
  return options as AtoneOptions;
}

async function start(made: object, beside: object = {}): Promise<void> {
  const atone = AtoneModule.forRootAsync({ useFactory: async () => bad(made), ...beside });
  const module = await Test.createTestingModule({ imports: [atone] }).compile();
  await module.close();
}

const WRONG: readonly (readonly [string, object, string])[] = [
  ['misspelt', { ...GOOD, barier: {} }, "there is no option 'barier'. Perhaps 'barrier' was meant."],
  [
    'misspelt in another',
    { ...GOOD, barrier: { migrat: true } },
    "there is no option 'barrier.migrat'. Perhaps 'barrier.migrate' was meant.",
  ],
  [
    'misspelt in one of another',
    { ...GOOD, barrier: { cleanUp: { evry: '1m' } } },
    "there is no option 'barrier.cleanUp.evry'. Perhaps 'barrier.cleanUp.every' was meant.",
  ],
  [
    'misspelt of the coordinator',
    { ...GOOD, coordinator: { ...GOOD.coordinator, patiense: '5s' } },
    "there is no option 'coordinator.patiense'. Perhaps 'coordinator.patience' was meant.",
  ],
  [
    'misspelt of the propagation',
    { ...GOOD, propagation: { mandatoryto: () => true } },
    "there is no option 'propagation.mandatoryto'. Perhaps 'propagation.mandatoryTo' was meant.",
  ],
  [
    'like no other',
    { ...GOOD, listen: { port: 0, x: 1 } },
    "there is no option 'listen.x'. There are listen.host, listen.port, listen.advertise.",
  ],
  ['missing', { coordinator: GOOD.coordinator }, '`service` is missing.'],
  ['empty', { ...GOOD, service: '' }, '`service` is missing.'],
  ['missing, the coordinator', { service: 'trips' }, '`coordinator` is missing.'],
];

describe('options of AtoneModule', () => {
  test.each(WRONG)('that are %s are refused by forRoot', (_how, options, message) => {
    expect(() => AtoneModule.forRoot(bad(options))).toThrow(MisuseError);
    expect(() => AtoneModule.forRoot(bad(options))).toThrow(
      `The options of AtoneModule.forRoot cannot work: ${message}`,
    );
  });

  test.each(WRONG)(
    'that are %s stop the start when a factory returns them',
    async (_how, options, message) => {
      await expect(start(options)).rejects.toThrow(
        `The options of AtoneModule.forRootAsync cannot work: ${message}`,
      );
    },
  );

  test('that are needed before the factory is called are sent to their place', async () => {
    await expect(start({ ...GOOD, clients: [] })).rejects.toThrow('Write it beside `useFactory`.');
  });

  test('beside the factory that do not exist are refused', async () => {
    await expect(start(GOOD, { client: [] })).rejects.toThrow("Perhaps 'clients' was meant.");
  });

  test('that are good are taken, the names of other services too', async () => {
    const services = { anything: 'http://anything.invalid' };

    await expect(start({ ...GOOD, services }, { isGlobal: false, clients: [] })).resolves.toBeUndefined();
    expect(AtoneModule.forRoot({ ...GOOD, services, isGlobal: true }).module).toBe(AtoneModule);
  });
});
