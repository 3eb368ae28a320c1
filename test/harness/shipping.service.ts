import { Action, RefusedError, type BranchContext, type Undo } from '@atone/nestjs';
import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { shipping, type Line, type Taking } from './contracts.js';
import { GIVE_BACK, NOTE, TAKE } from './ledger.sql.js';
import { Script } from './script.js';

/** Works through TypeORM's connection, with SQL of its own. */
@Injectable()
export class Shipping {
  constructor(@Inject(Script) private readonly script: Script) {}

  @Action(shipping.book, { compensate: 'cancel' })
  async book({ name, amount }: Taking, branch: BranchContext<EntityManager>): Promise<Line> {
    const { gid, branchId, transaction } = branch;
    await this.script.play('shipping.book', gid);
    const [, takenCount] = await transaction.query<[unknown, number]>(TAKE, [name, amount]);
    if (takenCount === 0) {
      throw new RefusedError('truck is full', { truck: name });
    }
    const [row] = await transaction.query<{ line: number }[]>(NOTE, [gid, branchId, 'take', name, amount]);
    return { line: row?.line ?? 0, amount };
  }

  async cancel({ gid, branchId, input, output, transaction }: Undo<typeof shipping.book, EntityManager>) {
    await this.script.play('shipping.cancel', gid);
    const amount = output?.amount ?? 0;
    await transaction.query(GIVE_BACK, [input.name, amount]);
    await transaction.query(NOTE, [gid, branchId, 'give back', input.name, amount]);
  }
}
