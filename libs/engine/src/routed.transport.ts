import type { BranchCommand } from '@atone/protocol';
import type { Catalogue } from './catalogue.js';
import type { Clock } from './clock.port.js';
import { bestRank, offering } from './instance.rank.js';
import type { BranchTransport, ReplySink } from './transport.port.js';

/** By what a command goes to its participant. */
export type Way = 'http' | 'kafka';

export interface RoutedTransportOptions {
  readonly http: BranchTransport;
  readonly kafka: BranchTransport;
  /** Who is reached how. Read anew for each command. */
  readonly catalogue: Pick<Catalogue, 'instancesOf'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Which way is taken where a service offers both. Default: `kafka`. */
  readonly preferred?: Way | undefined;
  /** Whether answers by Kafka would not be read here: then a service that offers both is asked over HTTP. Default: they are. */
  readonly isKafkaMute?: (() => boolean) | undefined;
}

/**
 * Sends each command by the way that the catalogue names for its service: for those of its instances that would be asked, the
 * preferred one if any of them offers it. What nobody can be reached for is left to HTTP, which says so.
 *
 * The commands of a branch may go by different ways, and overtake each other: the barrier of a service that offers both makes
 * that harmless, and a plain endpoint, which has none, offers HTTP alone.
 */
export class RoutedTransport implements BranchTransport {
  constructor(private readonly options: RoutedTransportOptions) {}

  onReply(sink: ReplySink): void {
    this.options.http.onReply(sink);
    this.options.kafka.onReply(sink);
  }

  send(command: BranchCommand, answerWithinMs: number): void {
    this.options[this.wayOf(command)].send(command, answerWithinMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.options.http.close(), this.options.kafka.close()]);
  }

  private wayOf({ service, action, lane }: BranchCommand): Way {
    const { catalogue, clock, isKafkaMute } = this.options;
    const preferred = isKafkaMute?.() === true ? 'http' : (this.options.preferred ?? 'kafka');
    const able = offering(catalogue.instancesOf(service), action);
    const rank = bestRank(able, { lane, nowMs: clock.now() });
    const offered = {
      http: rank.length === 0 || rank.some(({ baseUrl }) => baseUrl !== undefined),
      kafka: rank.some(({ kafka }) => kafka !== undefined),
    };
    const other = preferred === 'kafka' ? 'http' : 'kafka';
    return offered[preferred] ? preferred : other;
  }
}
