import { createHash, randomBytes } from 'node:crypto';
import { mintGid, type LedBranch } from '@atone/core';
import type { Doubt, Problem, TransactionView, Verdict, Verdicts } from '@atone/protocol';
import { CryptoRandom } from '../ports/crypto.random.js';
import type { Asked, TestCoordinator } from './test.coordinator.js';

type Answer = Asked & { readonly view: TransactionView; readonly problem: Problem };

/** How a transaction begins that is not as the log in memory expects. */
interface Beginning {
  readonly begunMsAgo?: number;
  readonly logNumber?: number;
  /** The life of the log; of a log on PostgreSQL only the log knows it. */
  readonly epoch?: number;
}

/** Where requests go. */
export type Asking = Pick<TestCoordinator, 'ask'>;

/** Who leads one transaction by the REST API alone, without the library. */
export class LedInitiator {
  readonly gid: string;
  readonly secret = randomBytes(32).toString('hex');
  readonly secretHash = createHash('sha256').update(this.secret).digest('hex');
  readonly start;

  constructor(
    private readonly world: Asking,
    { begunMsAgo = 0, logNumber = 0, epoch = 1 }: Beginning = {},
  ) {
    this.start = { name: 'book-trip', initiator: 'travel', epoch, timeoutMs: 30_000 };
    this.gid = mintGid(Date.now() - begunMsAgo, logNumber, new CryptoRandom());
  }

  get url(): string {
    return `/v1/transactions/${this.gid}`;
  }

  /** Returns the same initiator before another coordinator. */
  at(world: Asking): LedInitiator {
    return Object.assign(new LedInitiator(world), {
      gid: this.gid,
      secret: this.secret,
      secretHash: this.secretHash,
      start: this.start,
    });
  }

  /** What it tells of itself where nobody waits for it. */
  notice(own: Readonly<Record<string, unknown>> = {}) {
    return { gid: this.gid, ...this.start, secretHash: this.secretHash, ...own };
  }

  async tell(own: Readonly<Record<string, unknown>> = {}): Promise<Asked> {
    return this.world.ask('POST', '/v1/transactions/notices', { body: { notices: [this.notice(own)] } });
  }

  async register(
    branches: readonly LedBranch[],
    own: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const { secretHash, start } = this;
    const body = { secretHash, ...start, remainingMs: start.timeoutMs, branches, ...own };
    return answerOf(await this.world.ask('POST', `${this.url}/branches`, { body }));
  }

  async decide(
    to: 'commit' | 'abort',
    branches: readonly LedBranch[],
    more: {
      readonly wait?: string;
      readonly own?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Answer> {
    const { wait, own, headers = {} } = more;
    const url = `${this.url}/decision${wait === undefined ? '' : `?wait=${wait}`}`;
    const body = { to, secret: this.secret, ...this.start, branches, ...own };
    return answerOf(await this.world.ask('PUT', url, { body, headers }));
  }

  async look(query = ''): Promise<Answer> {
    return answerOf(await this.world.ask('GET', `${this.url}${query}`));
  }

  /** What the participant of a branch asks. */
  doubt({ branchId, service, action, kind, nonce = '' }: LedBranch, own: Partial<Doubt> = {}): Doubt {
    const { gid, secretHash, start } = this;
    const { epoch, initiator } = start;
    const branch = { branchId, service, action, kind, nonce };
    return { gid, ...branch, secretHash, epoch, initiator, overdueMs: 10, ...own };
  }
}

/** A branch with a barrier. */
export function ledBranch(branchId: string, own: Partial<LedBranch> = {}): LedBranch {
  return {
    branchId,
    service: 'shop',
    action: 'reserve',
    kind: 'tcc',
    nonce: `nonce-of-${branchId.replaceAll(/[^A-Za-z0-9]/gu, '_')}`,
    ...own,
  };
}

/** Asks what was decided, as participants do past their deadlines. */
export async function verdictsOf(world: Asking, doubts: readonly Doubt[]): Promise<readonly Verdict[]> {
  const { body } = await world.ask('POST', '/v1/transactions/doubts', { body: { doubts } });
  return (body as Verdicts).verdicts;
}

function answerOf(asked: Asked): Answer {
  return { ...asked, view: asked.body as TransactionView, problem: asked.body as Problem };
}
