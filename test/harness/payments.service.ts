import { Action, RefusedError, type BranchContext, type Undo } from '@atone/nestjs';
import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { payments, type Line, type Taking } from './contracts.js';
import { GIVE_BACK, NOTE, TAKE } from './ledger.sql.js';
import { Script } from './script.js';

/** Works through a pool of `pg`, with no ORM at all. */
@Injectable()
export class Payments {
  constructor(@Inject(Script) private readonly script: Script) {}

  @Action(payments.charge, { compensate: 'refund' })
  async charge({ name, amount }: Taking, branch: BranchContext<PoolClient>): Promise<Line> {
    const { gid, branchId, transaction } = branch;
    await this.script.play('payments.charge', gid);
    const { rowCount } = await transaction.query(TAKE, [name, amount]);
    if (rowCount === 0) {
      throw new RefusedError('not enough money', { account: name });
    }
    const { rows } = await transaction.query<{ line: number }>(NOTE, [gid, branchId, 'take', name, amount]);
    return { line: rows[0]?.line ?? 0, amount };
  }

  async refund({ gid, branchId, output, input, transaction }: Undo<typeof payments.charge, PoolClient>) {
    await this.script.play('payments.refund', gid);
    const amount = output?.amount ?? 0;
    await transaction.query(GIVE_BACK, [input.name, amount]);
    await transaction.query(NOTE, [gid, branchId, 'give back', input.name, amount]);
  }
}
