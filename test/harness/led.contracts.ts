import { action, contract, tryAction } from '@atone/nestjs';
import { z } from 'zod';

const Stay = z.object({ room: z.string() });
const Note = z.object({ text: z.string() });
const Line = z.object({ line: z.int() });

/** Rooms are held first, and sold by the confirm. The one that is called 'full' never is. */
export const rooms = contract('rooms', { hold: tryAction({ input: Stay, output: Line }) });

/** The trips keep notes themselves, which are erased when the trip is not made. */
export const trips = contract('trips', { note: action({ input: Note, output: Line }) });

export type Stay = z.infer<typeof Stay>;
export type Note = z.infer<typeof Note>;
export type Line = z.infer<typeof Line>;
