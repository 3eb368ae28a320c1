import { hostname } from 'node:os';
import { ROW_FORMAT, type InstanceFacts } from '@atone/engine';
import { Inject, Injectable } from '@nestjs/common';
import type { Configuration } from './configuration.js';
import { CONFIGURATION } from './tokens.js';
import { VERSION } from './version.js';

/** Addresses to listen at that nobody can call. */
const ANYWHERE = /\/\/(?:0\.0\.0\.0|\[::\])(?=:)/u;

/** What this coordinator tells the others of itself. */
@Injectable()
export class OwnFacts {
  private facts: InstanceFacts;
  private onChange: (() => void) | undefined;

  constructor(@Inject(CONFIGURATION) { kafka }: Pick<Configuration, 'kafka'>) {
    this.facts = { version: VERSION, format: ROW_FORMAT, kafkaPrefix: kafka?.prefix ?? null };
  }

  get current(): InstanceFacts {
    return this.facts;
  }

  /** Sets who is told when there is news. */
  watch(onChange: () => void): void {
    this.onChange = onChange;
  }

  reachedAt(url: string): void {
    this.change({ url: url.replace(ANYWHERE, () => `//${hostname()}`) });
  }

  reads(replyPartitions: readonly number[]): void {
    this.change({ replyPartitions });
  }

  /** Has it told soon: something has changed that is known elsewhere. */
  tell(): void {
    this.onChange?.();
  }

  private change(news: Partial<InstanceFacts>): void {
    this.facts = { ...this.facts, ...news };
    this.tell();
  }
}
