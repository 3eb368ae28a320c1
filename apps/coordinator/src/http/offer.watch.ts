import { Catalogue, INSTANCE_GONE_AFTER_MS, type Clock } from '@atone/engine';
import type { ActionEntry, CatalogueInstance, ParticipantInstance } from '@atone/protocol';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, LOGGER } from '../tokens.js';
import { bodyHash } from './canonical.json.js';

interface Difference {
  readonly service: string;
  readonly instance: string;
  readonly other: string | undefined;
  readonly actions: readonly string[];
}

/** Warns where instances of one service offer different things: two services may have taken the same name. */
@Injectable()
export class OfferWatch {
  /** By service: what was told last of it, so that each renewal does not tell it again. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly catalogue: Catalogue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Compares the instance, which has just entered itself, with one of the others: where they differ, somebody finds one that does. */
  look(service: string, entered: ParticipantInstance): void {
    const other = this.otherOf(service, entered);
    const actions = other === undefined ? [] : differing(entered, other);
    if (actions.length > 0) {
      this.tell({ service, instance: entered.instance, other: other?.instance, actions });
    }
  }

  private otherOf(service: string, { instance, lane }: ParticipantInstance): CatalogueInstance | undefined {
    const since = this.clock.now() - INSTANCE_GONE_AFTER_MS;
    return this.catalogue
      .instancesOf(service)
      .find((one) => one.instance !== instance && one.lane === lane && one.seenAt > since);
  }

  private tell(difference: Difference): void {
    const { service, actions } = difference;
    const words = actions.join(' ');
    if (this.told.get(service) !== words) {
      this.told.set(service, words);
      this.logger.warn(
        {
          ...difference,
          reason: 'While a service is upgraded this is so; else two services have the same name.',
        },
        'instances of one service offer different actions or schemas',
      );
    }
  }
}

/** Returns the names of the actions that only one of them offers, or that take or return something else. */
function differing(
  one: Pick<ParticipantInstance, 'actions'>,
  other: Pick<ParticipantInstance, 'actions'>,
): readonly string[] {
  const [offers, others] = [offersOf(one), offersOf(other)];
  const names = new Set([...offers.keys(), ...others.keys()]);
  return [...names].filter((name) => offers.get(name) !== others.get(name)).toSorted();
}

function offersOf({ actions }: Pick<ParticipantInstance, 'actions'>): ReadonlyMap<string, string> {
  return new Map(actions.map((action) => [action.name, offerOf(action)]));
}

function offerOf({ kind, inputSchema, outputSchema }: ActionEntry): string {
  return bodyHash({ kind: kind ?? 'saga', inputSchema, outputSchema });
}
