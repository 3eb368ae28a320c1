import type { Random } from '@atone/core';
import { Catalogue, type Clock, type TransactionLog } from '@atone/engine';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Configuration } from './configuration.js';
import { Meters } from './metrics/meters.js';
import { OwnFacts } from './own.facts.js';
import { CLOCK, CONFIGURATION, INSTANCE_ID, LOG, LOGGER, RANDOM, STORE, type Store } from './tokens.js';

/** What most parts of a coordinator are made with. */
@Injectable()
export class CoordinatorParts {
  @Inject(CONFIGURATION) readonly configuration!: Configuration;
  @Inject(INSTANCE_ID) readonly instanceId!: string;
  @Inject(LOGGER) readonly logger!: Logger;
  @Inject(CLOCK) readonly clock!: Clock;
  @Inject(RANDOM) readonly random!: Random;
  @Inject(LOG) readonly log!: TransactionLog;
  @Inject(STORE) readonly store!: Store;
  @Inject(Catalogue) readonly catalogue!: Catalogue;
  @Inject(Meters) readonly meters!: Meters;
  @Inject(OwnFacts) readonly ownFacts!: OwnFacts;
}
