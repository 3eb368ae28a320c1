import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One run of a coordinator, and until when it has proved to live. */
@Entity({ name: 'instance' })
export class InstanceEntity {
  @PrimaryColumn({ name: 'instance_id', type: 'uuid' })
  instanceId!: string;

  @Column({ name: 'started_at', type: 'timestamptz', precision: 3 })
  startedAt!: Date;

  @Column({ name: 'lease_until', type: 'timestamptz', precision: 3 })
  leaseUntil!: Date;

  @Column({ name: 'facts', type: 'jsonb', nullable: true })
  facts!: unknown;
}
