import { Action, RefusedError, type BranchContext, type Undo } from '@atone/nestjs';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  Column,
  Entity,
  MoreThanOrEqual,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  Repository,
  type EntityManager,
} from 'typeorm';
import { stock, type Line, type Taking } from './contracts.js';
import { Script } from './script.js';

@Entity('balance')
export class Balance {
  @PrimaryColumn('text')
  name!: string;

  @Column('integer')
  funded!: number;

  @Column('integer')
  amount!: number;
}

@Entity('journal')
export class JournalLine {
  @PrimaryGeneratedColumn('identity', { type: 'integer' })
  line!: number;

  @Column('uuid')
  gid!: string;

  @Column('text', { name: 'branch_id' })
  branchId!: string;

  @Column('text')
  kind!: 'take' | 'give back';

  @Column('text')
  name!: string;

  @Column('integer')
  amount!: number;
}

/** Works through TypeORM's entities. */
@Injectable()
export class Stock {
  constructor(
    @Inject(Script) private readonly script: Script,
    @InjectRepository(Balance) private readonly balances: Repository<Balance>,
  ) {}

  @Action(stock.reserve, { compensate: 'release' })
  async reserve(input: Taking, branch: BranchContext<EntityManager>): Promise<Line> {
    const { gid, branchId, transaction } = branch;
    await this.script.play('stock.reserve', gid);
    const { name, amount } = input;
    const enough = { name, amount: MoreThanOrEqual(amount) };
    const taken = await transaction.decrement(Balance, enough, 'amount', amount);
    if (taken.affected === 0) {
      throw new RefusedError('out of stock', { name });
    }
    const line = transaction.create(JournalLine, { gid, branchId, kind: 'take', name, amount });
    await transaction.insert(JournalLine, line);
    return { line: line.line, amount };
  }

  async release(undo: Undo<typeof stock.reserve, EntityManager>): Promise<void> {
    const { gid, branchId, input, output, transaction } = undo;
    await this.script.play('stock.release', gid);
    const amount = output?.amount ?? 0;
    await transaction.increment(Balance, { name: input.name }, 'amount', amount);
    const line = { gid, branchId, kind: 'give back' as const, name: input.name, amount };
    await transaction.insert(JournalLine, line);
  }

  /** What a handler must not do: to write through a repository that knows nothing of the branch. */
  async giveAway(name: string): Promise<void> {
    await this.balances.update({ name }, { amount: 0 });
  }
}
