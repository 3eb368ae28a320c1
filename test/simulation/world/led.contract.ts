import { action, contract, tryAction, type ServiceContract } from '@atone/participant';
import { z } from 'zod';
import { LED_ACTIONS } from '../plan/led.draw.js';

const input = z.object({ branch: z.string(), below: z.array(z.unknown()) });
const output = z.object({ booked: z.string(), effect: z.string() });

export type LedInput = z.output<typeof input>;
export type LedOutput = z.output<typeof output>;

const SHAPES = {
  [LED_ACTIONS.try]: tryAction({ input, output }),
  [LED_ACTIONS.saga]: action({ input, output }),
};

type LedContract = ServiceContract<typeof SHAPES>;

const contracts = new Map<string, LedContract>();

/** Returns what a service offers to led transactions. */
export function ledContract(service: string): LedContract {
  const known = contracts.get(service) ?? contract(service, SHAPES);
  contracts.set(service, known);
  return known;
}
