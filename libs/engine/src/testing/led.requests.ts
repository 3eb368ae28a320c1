import { createHash } from 'node:crypto';
import { mintGid } from '@atone/core';
import type { DecisionRequest, Doubt, Notice, RegistrationRequest } from '@atone/protocol';
import type { Clock } from '../clock.port.js';
import type { SeededRandom } from './seeded-random.js';

export const TIMEOUT_MS = 30_000;

type ToldBranch = DecisionRequest['branches'][number];

/** What an initiator and its participants say of one led transaction. What a test does not name is as they would. */
export class LedCase {
  readonly gid: string;
  readonly secret: string;
  readonly secretHash: string;

  constructor(clock: Pick<Clock, 'now'>, random: SeededRandom, logNumber = 0) {
    this.gid = mintGid(clock.now(), logNumber, random);
    this.secret = Buffer.from(random.bytes(32)).toString('hex');
    this.secretHash = createHash('sha256').update(this.secret).digest('hex');
  }

  commit(ids: readonly string[], more: Partial<DecisionRequest> = {}): DecisionRequest {
    return { ...START, to: 'commit', secret: this.secret, branches: ids.map((id) => told(id)), ...more };
  }

  abort(ids: readonly string[], more: Partial<DecisionRequest> = {}): DecisionRequest {
    return { ...this.commit(ids), to: 'abort', ...more };
  }

  registration(ids: readonly string[], more: Partial<RegistrationRequest> = {}): RegistrationRequest {
    const branches = ids.map((id) => told(id));
    return { ...START, secretHash: this.secretHash, remainingMs: TIMEOUT_MS, branches, ...more };
  }

  notice(more: Partial<Notice> = {}): Notice {
    return { ...START, gid: this.gid, secretHash: this.secretHash, ...more };
  }

  doubt(branchId: string, more: Partial<Doubt> = {}): Doubt {
    const { gid, secretHash } = this;
    const { service, action, kind, nonce = '' } = told(branchId);
    const { epoch, initiator } = START;
    const overdueMs = 100;
    return { gid, branchId, service, action, kind, nonce, secretHash, epoch, initiator, overdueMs, ...more };
  }
}

/** Returns a branch of kind `tcc` as its participant tells of it. */
export function told(branchId: string, more: Partial<ToldBranch> = {}): ToldBranch {
  const inputHash = createHash('sha256').update(branchId).digest('hex');
  return {
    branchId,
    service: 'hotel',
    action: 'hold',
    kind: 'tcc',
    nonce: `nonce-of-${branchId.replaceAll(/[^0-9a-z]/gu, '-')}`,
    inputHash,
    ...more,
  };
}

const START = { name: 'book-trip', initiator: 'travel', epoch: 1, timeoutMs: TIMEOUT_MS };
