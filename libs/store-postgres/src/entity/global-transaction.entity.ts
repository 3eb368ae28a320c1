import type { Json } from '@atone/core';
import type { RowState } from '@atone/engine';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A global transaction with everything known of it. Written by the hot path's own statements only. */
@Entity({ name: 'global_transaction' })
export class GlobalTransactionEntity {
  @PrimaryColumn({ type: 'uuid' })
  gid!: string;

  @Column({ type: 'text' })
  kind!: string;

  @Column({ type: 'smallint' })
  format!: number;

  @Column({ type: 'bigint' })
  version!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text', nullable: true })
  initiator!: string | null;

  @Column({ type: 'text', nullable: true })
  lane!: string | null;

  /** Each is `name=value`. */
  @Column({ type: 'text', array: true })
  tags!: string[];

  @Column({ type: 'text', array: true })
  services!: string[];

  @Column({ type: 'text' })
  state!: RowState;

  @Column({ name: 'stuck_reason', type: 'text', nullable: true })
  stuckReason!: string | null;

  @Column({ name: 'stuck_at', type: 'timestamptz', precision: 3, nullable: true })
  stuckAt!: Date | null;

  @Column({ name: 'is_paused', type: 'boolean' })
  isPaused!: boolean;

  @Column({ type: 'uuid', nullable: true })
  owner!: string | null;

  @Column({ name: 'due_at', type: 'timestamptz', precision: 3, nullable: true })
  dueAt!: Date | null;

  @Column({ name: 'deadline_at', type: 'timestamptz', precision: 3, nullable: true })
  deadlineAt!: Date | null;

  @Column({ name: 'accepted_at', type: 'timestamptz', precision: 3 })
  acceptedAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3 })
  updatedAt!: Date;

  @Column({ name: 'finished_at', type: 'timestamptz', precision: 3, nullable: true })
  finishedAt!: Date | null;

  @Column({ type: 'json' })
  plan!: Json;

  @Column({ type: 'json' })
  progress!: Json;
}
