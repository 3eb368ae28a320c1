import { RefusedError } from '@atone/nestjs';
import { ServiceUnavailableException } from '@nestjs/common';
import { z } from 'zod';

const answer = z.object({ premiumCents: z.int().nonnegative() });
const refusal = z.object({ detail: z.string() });

/** Buys insurance, by an HTTP request like any other: `fetch` itself carries the transaction around it. */
export class InsuranceClient {
  constructor(private readonly url: string) {}

  /** Returns the premium. @throws RefusedError when the insurance does not want to. */
  async buy(policy: { readonly tripNo: number; readonly sumCents: number }): Promise<number> {
    const response = await fetch(`${this.url}/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(policy),
    });
    const body: unknown = await response.json();
    if (response.ok) {
      return answer.parse(body).premiumCents;
    }
    if (response.status === 409) {
      throw new RefusedError(refusal.parse(body).detail);
    }
    throw new ServiceUnavailableException(`The insurance answered ${response.status}.`);
  }
}
