import { action, contract, tryAction } from '@atone/participant';
import { z } from 'zod';

const shape = { input: z.object({ amount: z.int() }), output: z.null() };

/** What the participant of led transactions offers: a try, and an action that is undone by its compensation. */
export const benchContract = contract('bench', { hold: tryAction(shape), work: action(shape) });
