import { LED_ACTIONS } from '../plan/led.draw.js';

/** Where a plain endpoint is called by code that leads a transaction. */
export const PLAIN_PATHS: ReadonlyMap<string, string> = new Map(
  Object.values(LED_ACTIONS).map((action) => [`/${action}`, action]),
);

/** What the code that calls tells a plain endpoint: under which name plans know the call, and which attempt it is. */
export interface PlainBody {
  readonly branch: string;
  readonly attempt: number;
}

/** A call as a plain endpoint gets it. */
export interface PlainCall {
  readonly action: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: PlainBody;
}
